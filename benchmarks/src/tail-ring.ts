/*
 * What the place and the size of the tail ring do to the tail: the log stays where it is, the ring moves. A recorder of
 * its own for every measurement, since the threads of eight at once would measure each other.
 *
 * What the place is for shows after a write-back: on a file system with a device the kernel has then write-protected the
 * ring's pages, and the next store to each of them faults. By itself that happens once in half a minute or so, too
 * seldom to be met here; so there are bursts that begin with one.
 */

import fs from 'node:fs';
import path from 'node:path';
import { TAIL_RING_FILE } from '@fswal/format';
import { RecorderManager } from '@fswal/recorder';
import { filledEvent } from './append.js';
import { type BenchGroup, type LatencyRow, latencyRow } from './bench-group.js';
import type { BenchRun } from './bench-run.js';
import { drained } from './drain.js';
import { type Distribution, LatencyRecord, pool } from './latency.js';
import { AppendCase, FloorCase, type TailCase } from './tail-cases.js';

const BLOCK_EVENTS = 256;
/** The largest ring, and room to spare. */
const TMPFS_BYTES = 200e6;
const MAX_SEGMENTS = 8;
/** Fits the smallest ring; the fixed rate goes round every ring, and meets what the writer and the device do. */
const BURST = 60_000;
const RATE = 5e6;

interface Setting {
  readonly name: string;
  readonly tailBlocks: number;
  /** Undefined: the floor. */
  readonly ringBase: string | undefined;
  readonly bursts: Distribution[];
  /** Bursts into pages that were all written back right before; none of the floor. */
  readonly writtenBack: Distribution[];
  readonly paced: Distribution[];
}

interface RingSize {
  readonly tailBlocks: readonly number[];
  readonly rounds: number;
  readonly warmUpEvents: number;
  readonly burstsPerRound: number;
  readonly pacedMs: number;
}

const FULL: RingSize = {
  tailBlocks: [256, 1024, 2048, 8192],
  rounds: 3,
  warmUpEvents: 3e6,
  burstsPerRound: 10,
  pacedMs: 1000,
};
const QUICK: RingSize = {
  tailBlocks: [256, 2048],
  rounds: 1,
  warmUpEvents: 1e5,
  burstsPerRound: 1,
  pacedMs: 20,
};

export async function benchTailRing(run: BenchRun): Promise<BenchGroup> {
  const size = run.quick ? QUICK : FULL;
  const tmpfs = run.tmpfs(TMPFS_BYTES);
  const places = [
    { name: `ring on ${run.fileSystem}`, ringBase: run.dir },
    ...(tmpfs === undefined ? [] : [{ name: 'ring on tmpfs', ringBase: tmpfs.dir }]),
    { name: 'floor', ringBase: undefined },
  ];
  const settings = places.flatMap(({ name, ringBase }) =>
    size.tailBlocks.map(
      (tailBlocks): Setting => ({ name, ringBase, tailBlocks, bursts: [], writtenBack: [], paced: [] }),
    ),
  );
  for (let round = 0; round < size.rounds; round++) {
    for (const setting of settings) {
      run.progress(`${setting.name}, ${setting.tailBlocks} blocks, round ${round + 1} of ${size.rounds}`);
      await measure(setting, run.dir, size);
    }
  }
  const rows = (load: string, of: (setting: Setting) => Distribution[]): LatencyRow[] =>
    settings
      .filter((setting) => of(setting).length > 0)
      .map((setting) =>
        latencyRow(`${load}: ${setting.name}, ${setting.tailBlocks} blocks`, pool(of(setting))),
      );
  return {
    group: `tail-ring, append(event), the log on ${run.fileSystem}, mode none; bursts of ${BURST.toLocaleString('en')}, and ${RATE / 1e6} M/s`,
    rows: [],
    latencies: [
      ...rows('burst', ({ bursts }) => bursts),
      ...rows('burst after a write-back', ({ writtenBack }) => writtenBack),
      ...rows(`${RATE / 1e6} M/s`, ({ paced }) => paced),
    ],
    ratios: [],
  };
}

async function measure(setting: Setting, base: string, size: RingSize): Promise<void> {
  const { tailBlocks, ringBase } = setting;
  if (ringBase === undefined) {
    const floor = new FloorCase(tailBlocks * BLOCK_EVENTS);
    return measureCase(floor, setting, size, async () => {});
  }
  const dir = path.join(base, 'tail-ring');
  const tailRingDir = path.join(ringBase, 'the-ring');
  const recorder = await RecorderManager.open({
    dir,
    tailRingDir,
    tailBlocks,
    maxSegments: MAX_SEGMENTS,
    backpressureTimeoutMs: 60_000,
    volatilePlace: 'allow',
  });
  try {
    const append = new AppendCase(recorder, filledEvent(), { last: 0 });
    const settled = () => drained(recorder);
    await measureCase(append, setting, size, settled);
    // The last: what it leaves protected would meet those after it.
    await measureWrittenBack(append, setting, size, settled, path.join(tailRingDir, TAIL_RING_FILE));
  } finally {
    await recorder.close();
    fs.rmSync(dir, { recursive: true });
    fs.rmSync(tailRingDir, { recursive: true });
  }
}

async function measureCase(
  one: TailCase,
  { bursts, paced }: Setting,
  size: RingSize,
  settled: () => Promise<void>,
): Promise<void> {
  const stamps = new BigInt64Array(BURST + 1).fill(1n);
  const count = Math.floor((RATE * size.pacedMs) / 1000);
  const latencies = new Float32Array(count).fill(1);
  one.untimed(size.warmUpEvents);
  await settled();
  for (let i = -1; i < size.burstsPerRound; i++) {
    const burst = timedBurst(one, stamps);
    await settled();
    if (i >= 0) bursts.push(burst);
  }
  one.paced(latencies, count >> 2, 1e9 / RATE);
  await settled();
  one.paced(latencies, count, 1e9 / RATE);
  await settled();
  const record = new LatencyRecord();
  record.recordAll(latencies, count);
  paced.push(record.distribution());
}

async function measureWrittenBack(
  one: TailCase,
  { writtenBack }: Setting,
  size: RingSize,
  settled: () => Promise<void>,
  ringFile: string,
): Promise<void> {
  const stamps = new BigInt64Array(BURST + 1).fill(1n);
  const fd = fs.openSync(ringFile, 'r');
  try {
    for (let i = 0; i < size.burstsPerRound; i++) {
      fs.fdatasyncSync(fd);
      writtenBack.push(timedBurst(one, stamps));
      await settled();
    }
  } finally {
    fs.closeSync(fd);
  }
}

function timedBurst(one: TailCase, stamps: BigInt64Array): Distribution {
  one.burst(stamps);
  const record = new LatencyRecord();
  record.recordStamps(stamps);
  return record.distribution();
}
