/*
 * The latency of every append, in bursts at full speed and at fixed rates, beside the floor in the same run and by the
 * same clock. One file system after the other, each with a floor of its own beside it, since a second recorder's
 * threads would be on the machine too.
 */

import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RecorderManager } from '@fswal/recorder';
import { filledEvent } from './append.js';
import { type BenchGroup, type BenchRatio, benchRow, latencyRow, ratioAtMost } from './bench-group.js';
import type { BenchRun } from './bench-run.js';
import { drained } from './drain.js';
import { nsPer } from './interleave.js';
import { type Distribution, LatencyRecord, percentile, pool } from './latency.js';
import { formatPercentilePlot, type PlotPanel } from './percentile-plot.js';
import type { Place } from './place.js';
import { median, medianRatio } from './statistics.js';
import { AppendCase, ClaimCase, FloorCase, type IdSource, type TailCase } from './tail-cases.js';

/** The default tail ring. */
const RING_EVENTS = 524_288;
/** So much of the log is kept that its files are used again and again, as in a log that has been running for a while. */
const MAX_SEGMENTS = 8;
/** Segments kept, made ahead and freed, the ring, and room to spare. */
const TMPFS_BYTES = 400e6;
const RATES = [0.1e6, 1e6, 5e6];
const TARGET_P50 = 1.3;
const TARGET_P999 = 2;
const TARGET_UNTIMED_CLAIM = 2;
const TARGET_UNTIMED_APPEND = 2.5;
/** What bursts leave to the writer is done, and its threads sleep, before the next case. */
const SETTLE_MS = 2;
/** Until V8 has compiled the loops. */
const WARM_UP_BURSTS = 3;

interface TailSize {
  readonly warmUpEvents: number;
  /** Events of a burst: they fit the ring. */
  readonly burst: number;
  readonly burstRounds: number;
  readonly pacedRounds: number;
  /** At a fixed rate, in each round. */
  readonly pacedMs: number;
}

/** As long as it takes to make files used again, 14 segments; and 0.3 million events at the lowest rate: 30 above p99.99. */
const FULL: TailSize = { warmUpEvents: 4e6, burst: 200_192, burstRounds: 20, pacedRounds: 8, pacedMs: 400 };
const QUICK: TailSize = { warmUpEvents: 3e5, burst: 20_000, burstRounds: 3, pacedRounds: 1, pacedMs: 40 };

/** A load, and what each case did under it, round by round. */
interface Load {
  readonly name: string;
  readonly rounds: Map<TailCase, Distribution[]>;
}

export async function benchTail(run: BenchRun): Promise<BenchGroup[]> {
  const places = [run, run.tmpfs(TMPFS_BYTES)].filter((place) => place !== undefined);
  const groups: BenchGroup[] = [];
  const panels: PlotPanel[] = [];
  for (const place of places) {
    const measured = await measurePlace(place, run);
    groups.push(measured.group);
    panels.push(...measured.panels);
  }
  if (run.plotFile !== undefined) {
    const title = 'Latency of every event, engine thread';
    fs.writeFileSync(run.plotFile, formatPercentilePlot(title, panels, places.length));
  }
  return groups;
}

async function measurePlace(
  { dir, fileSystem }: Pick<Place, 'dir' | 'fileSystem'>,
  { quick, progress }: BenchRun,
): Promise<{ group: BenchGroup; panels: PlotPanel[] }> {
  const size = quick ? QUICK : FULL;
  const recorder = await RecorderManager.open({
    dir: path.join(dir, 'tail'),
    maxSegments: MAX_SEGMENTS,
    backpressureTimeoutMs: 60_000,
    volatilePlace: 'allow',
  });
  try {
    const ids: IdSource = { last: 0 };
    const floor = new FloorCase(RING_EVENTS);
    const append = new AppendCase(recorder, filledEvent(), ids);
    const claim = new ClaimCase(recorder, ids);
    const cases = [floor, append, claim];
    const say = (text: string) => progress(`${fileSystem}, ${text}`);
    say('warming up');
    for (const one of cases) one.untimed(size.warmUpEvents);
    await drained(recorder);
    const untimed = await measureUntimed(recorder, cases, size, say);
    const loads = [
      await measureBursts(recorder, cases, size, say),
      ...(await measureRates(recorder, cases, size, say)),
    ];
    const burstEvents = size.burst.toLocaleString('en');
    const group: BenchGroup = {
      group: `tail, the log on ${fileSystem}, mode none; bursts of ${burstEvents} events that fit the ring, and fixed rates`,
      rows: cases.map((one) => benchRow(`untimed: ${one.name}`, untimed.get(one)!)),
      latencies: loads.flatMap(({ name, rounds }) =>
        cases.map((one) => latencyRow(`${name}: ${one.name}`, pool(rounds.get(one)!))),
      ),
      ratios: [
        ratioAtMost(
          'untimed: claim + commit / floor',
          medianRatio(untimed.get(claim)!, untimed.get(floor)!),
          TARGET_UNTIMED_CLAIM,
        ),
        ratioAtMost(
          'untimed: append / floor',
          medianRatio(untimed.get(append)!, untimed.get(floor)!),
          TARGET_UNTIMED_APPEND,
        ),
        ...loads.flatMap((load) => compare(load, append, floor)),
        ...loads.flatMap((load) => compare(load, claim, floor)),
      ],
    };
    const panels = loads.map(({ name, rounds }) => ({
      title: `${fileSystem}, ${name}`,
      lines: cases.map((one) => ({ name: one.name, distribution: pool(rounds.get(one)!) })),
    }));
    return { group, panels };
  } finally {
    await recorder.close();
  }
}

/** Nanoseconds per event, of each round. */
async function measureUntimed(
  recorder: RecorderManager,
  cases: readonly TailCase[],
  size: TailSize,
  progress: (text: string) => void,
): Promise<Map<TailCase, number[]>> {
  progress('untimed bursts');
  const values = new Map(cases.map((one) => [one, [] as number[]]));
  for (let round = 0; round < size.burstRounds; round++) {
    for (const [one, ns] of values) {
      ns.push(nsPer(size.burst, () => one.untimed(size.burst)));
      await drained(recorder);
    }
  }
  return values;
}

/** As fast as it goes, each case once in each round. */
async function measureBursts(
  recorder: RecorderManager,
  cases: readonly TailCase[],
  size: TailSize,
  progress: (text: string) => void,
): Promise<Load> {
  const load = newLoad('burst', cases);
  const stamps = new BigInt64Array(size.burst + 1).fill(1n);
  for (let round = -WARM_UP_BURSTS; round < size.burstRounds; round++) {
    progress(`bursts, round ${Math.max(0, round) + 1} of ${size.burstRounds}`);
    for (const one of cases) {
      one.burst(stamps);
      const record = new LatencyRecord();
      record.recordStamps(stamps);
      if (round >= 0) load.rounds.get(one)!.push(record.distribution());
      await settled(recorder);
    }
  }
  return load;
}

/** Each rate once in each round. */
async function measureRates(
  recorder: RecorderManager,
  cases: readonly TailCase[],
  size: TailSize,
  progress: (text: string) => void,
): Promise<Load[]> {
  const loads = RATES.map((rate) => newLoad(`${rate / 1e6} M/s`, cases));
  const latencies = new Float32Array(Math.ceil((Math.max(...RATES) * size.pacedMs) / 1000)).fill(1);
  // The round before the first is for V8, which compiles the loops.
  for (let round = -1; round < size.pacedRounds; round++) {
    for (const [index, { name, rounds }] of loads.entries()) {
      progress(`${name}, round ${Math.max(0, round) + 1} of ${size.pacedRounds}`);
      const count = Math.floor((RATES[index] * size.pacedMs) / 1000);
      for (const one of cases) {
        one.paced(latencies, count, 1e9 / RATES[index]);
        if (latencies.some((ns) => ns < 0))
          throw new Error(`${one.name} fell behind ${name} by more than 2 s`);
        const record = new LatencyRecord();
        record.recordAll(latencies, count);
        if (round >= 0) rounds.get(one)!.push(record.distribution());
        await settled(recorder);
      }
    }
  }
  return loads;
}

function newLoad(name: string, cases: readonly TailCase[]): Load {
  return { name, rounds: new Map(cases.map((one) => [one, []])) };
}

async function settled(recorder: RecorderManager): Promise<void> {
  await drained(recorder);
  await sleep(SETTLE_MS);
}

/** Of the percentiles of each round. */
function compare({ name, rounds }: Load, one: TailCase, floor: TailCase): BenchRatio[] {
  const ratio = (percent: number) => {
    const at = (measured: TailCase) => rounds.get(measured)!.map((round) => percentile(round, percent));
    return median(at(one).map((value, round) => value / at(floor)[round]));
  };
  return [
    ratioAtMost(`${name}: ${one.name} / floor, p50`, ratio(50), TARGET_P50),
    ratioAtMost(`${name}: ${one.name} / floor, p99.9`, ratio(99.9), TARGET_P999),
  ];
}
