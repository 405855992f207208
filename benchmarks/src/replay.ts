import fs from 'node:fs';
import path from 'node:path';
import { EVENT_WORDS, parseSegmentFileName, type RequestEvent } from '@fswal/format';
import { RecorderManager } from '@fswal/recorder';
import { RecoveryManager } from '@fswal/recovery';
import { filledEvent } from './append.js';
import { type BenchGroup, ratioAtMost } from './bench-group.js';
import { interleave, nsPer } from './interleave.js';
import { median, medianRatio } from './statistics.js';

/** Four segments of the default size: the preloader has them all ahead of the replay. */
const AHEAD_EVENTS = 1_048_576;
const PIPELINE_EVENTS = 4_194_304;
const ROUNDS = 15;
const WARM_UP_ROUNDS = 5;
const PIPELINE_ROUNDS = 7;
/** The preloader takes some ten milliseconds for them. */
const AHEAD_PATIENCE_MS = 30_000;

const FLOOR = 'floor: load the four fields from a plain array';
const NEXT = 'next() and four fields, verified ahead';
const BLOCKS = 'nextBlock() and four fields, verified ahead';
const PIPELINE = 'open, read, verify, next() and four fields, close';

/** Replay of verified events, warm cache, beside a loop that loads the same fields from a plain array. */
export async function benchReplay(dir: string, fileSystem: string): Promise<BenchGroup> {
  const ahead = path.join(dir, 'replay-ahead');
  const whole = path.join(dir, 'replay-whole');
  await record(ahead, AHEAD_EVENTS);
  await record(whole, PIPELINE_EVENTS);
  const aheadSegments = segmentCount(ahead);
  const words = new Uint32Array(AHEAD_EVENTS * EVENT_WORDS);
  for (let i = 0; i < words.length; i++) words[i] = i & 0xffff;
  const sums = new Set<number>();
  const replayAhead = async (run: typeof replay) => {
    const recovery = await RecoveryManager.open({ dir: ahead, readAhead: aheadSegments });
    await verified(recovery, aheadSegments);
    const ns = nsPer(AHEAD_EVENTS, () => sums.add(run(recovery, AHEAD_EVENTS)));
    await recovery.close();
    return ns;
  };
  const values = await interleave(ROUNDS, WARM_UP_ROUNDS, {
    [FLOOR]: () => nsPer(AHEAD_EVENTS, () => sums.add(loadFloor(words))),
    [NEXT]: () => replayAhead(replay),
    [BLOCKS]: () => replayAhead(replayBlocks),
  });
  // By itself: its memory and its waiting would be in the way of the two above.
  const pipeline = await interleave(PIPELINE_ROUNDS, 1, {
    [PIPELINE]: async () => {
      const start = process.hrtime.bigint();
      const recovery = await RecoveryManager.open({ dir: whole });
      sums.add(replay(recovery, PIPELINE_EVENTS));
      await recovery.close();
      return Number(process.hrtime.bigint() - start) / PIPELINE_EVENTS;
    },
  });
  return {
    group: `replay (${fileSystem}, warm cache)`,
    rows: Object.entries({ ...values, ...pipeline }).map(([name, ns]) => ({
      name,
      medianNs: median(ns),
      perSec: 1e9 / median(ns),
    })),
    ratios: [
      ratioAtMost('next() / floor', medianRatio(values[NEXT], values[FLOOR]), 2),
      ratioAtMost('nextBlock() / floor', medianRatio(values[BLOCKS], values[FLOOR]), 1.5),
    ],
  };
}

function loadFloor(words: Uint32Array): number {
  return sumFields(words, 0, words.length);
}

/** The four fields that `replay` reads, as words: events from one word on, up to another. */
export function sumFields(words: Uint32Array | Int32Array, from: number, to: number): number {
  let sum = 0;
  for (let at = from; at < to; at += EVENT_WORDS) {
    sum +=
      words[at] +
      words[at + 1] +
      words[at + 4] +
      words[at + 5] +
      words[at + 6] +
      words[at + 7] +
      words[at + 8];
  }
  return sum;
}

function segmentCount(dir: string): number {
  return fs.readdirSync(dir).filter((name) => parseSegmentFileName(name) !== undefined).length;
}

/** Waits until the preloader has verified so many segments. @throws Error where it does not */
async function verified(recovery: RecoveryManager<RequestEvent>, segments: number): Promise<void> {
  const deadline = performance.now() + AHEAD_PATIENCE_MS;
  while (recovery.telemetry.segment_reader.verify_segment.count < segments) {
    if (performance.now() > deadline) {
      const { count } = recovery.telemetry.segment_reader.verify_segment;
      throw new Error(`only ${count} of ${segments} segments were verified in ${AHEAD_PATIENCE_MS} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** @throws Error where the log does not deliver as many events as were recorded */
export function replay(recovery: RecoveryManager<RequestEvent>, expected: number): number {
  let sum = 0;
  let events = 0;
  const { event } = recovery;
  while (recovery.next()) {
    sum += event.eventId + event.price + event.quantity + event.userId;
    events++;
  }
  if (events !== expected) throw new Error(`${events} events were replayed, ${expected} recorded`);
  return sum;
}

/** @throws Error where the log does not deliver as many events as were recorded */
export function replayBlocks(recovery: RecoveryManager<RequestEvent>, expected: number): number {
  let sum = 0;
  let events = 0;
  for (let block = recovery.nextBlock(); block !== undefined; block = recovery.nextBlock()) {
    sum += sumFields(block.words, block.base, block.base + block.count * EVENT_WORDS);
    events += block.count;
  }
  if (events !== expected) throw new Error(`${events} events were replayed, ${expected} recorded`);
  return sum;
}

/** Records events 1, 2, 3 ... into a new log. */
export async function record(dir: string, events: number, blocksPerSegment?: number): Promise<void> {
  const size = blocksPerSegment === undefined ? {} : { blocksPerSegment };
  const recorder = await RecorderManager.open({ dir, backpressureTimeoutMs: 60_000, ...size });
  const event = filledEvent();
  for (let id = 1; id <= events; id++) {
    event.eventId = id;
    recorder.append(event);
  }
  await recorder.close();
}
