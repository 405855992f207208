import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RecoveryManager } from '@fswal/recovery';
import { type BenchGroup, benchRow, ratioAtMost } from './bench-group.js';
import type { BenchRun } from './bench-run.js';
import { nowNs } from './clock.js';
import { record } from './replay.js';
import { median, percentile } from './statistics.js';

const BLOCK_EVENTS = 256;
const DEFAULT_BLOCKS = 1024;
const FULL = { segments: 1_000, blocks: 64, largeSegments: 32, seeks: 400 };
const QUICK = { segments: 20, blocks: 16, largeSegments: 1, seeks: 20 };

/** Seeks by id all over a log of many segments, and what it takes to go from a segment to the next one. */
export async function benchSeek({ dir, fileSystem, quick, progress }: BenchRun): Promise<BenchGroup> {
  const { segments, blocks, largeSegments, seeks } = quick ? QUICK : FULL;
  const many = path.join(dir, 'seek-many');
  const large = path.join(dir, 'seek-large');
  progress(`recording ${segments} segments`);
  await record(many, segments * blocks * BLOCK_EVENTS, blocks);
  await record(large, largeSegments * DEFAULT_BLOCKS * BLOCK_EVENTS);
  progress('seeks');
  const inMany = await seekAround(many, segments * blocks * BLOCK_EVENTS, seeks);
  const inLarge = await seekAround(large, largeSegments * DEFAULT_BLOCKS * BLOCK_EVENTS, seeks);
  progress('from segment to segment');
  const switches = await switchSegments(many, segments, blocks);
  const row = (name: string, ns: readonly number[]) =>
    benchRow(name, ns, `p99 ${(percentile(ns, 99) / 1e3).toFixed(1)} us`);
  return {
    group: `seek (${fileSystem}, warm cache)`,
    rows: [
      row(`seek(id), ${segments} segments of ${blocks} blocks`, inMany),
      row(`seek(id), ${largeSegments} segments of ${DEFAULT_BLOCKS} blocks`, inLarge),
      row('nextBlock() into the next segment, verified ahead', switches),
    ],
    ratios: [
      ratioAtMost(`median seek, ${segments} segments of ${blocks} blocks, ms`, median(inMany) / 1e6, 5),
      ratioAtMost(`median seek, segments of ${DEFAULT_BLOCKS} blocks, ms`, median(inLarge) / 1e6, 5),
      ratioAtMost('median switch, us', median(switches) / 1e3, 5),
      ratioAtMost('p99 switch, us', percentile(switches, 99) / 1e3, 50),
    ],
  };
}

/** Nanoseconds of each seek. */
async function seekAround(dir: string, events: number, seeks: number): Promise<number[]> {
  const recovery = await RecoveryManager.open({ dir });
  const times: number[] = [];
  for (let n = 0; n < seeks; n++) {
    // What the last one made the preloader read ahead is done by then, as with a user who seeks now and then.
    await sleep(20);
    const id = 1 + ((n * 7_919_999) % events);
    const start = nowNs();
    const found = recovery.seek(id);
    times.push(nowNs() - start);
    if (found !== BigInt(id)) throw new Error(`event ${found} was found instead of ${id}`);
  }
  await recovery.close();
  return times;
}

/** Nanoseconds of each call that goes from one segment to the next, which is verified already. */
async function switchSegments(dir: string, segments: number, blocks: number): Promise<number[]> {
  const recovery = await RecoveryManager.open({ dir });
  const times: number[] = [];
  for (let segment = 0; segment < segments; segment++) {
    while (recovery.telemetry.segment_reader.verify_segment.count <= segment) await sleep(1);
    const start = nowNs();
    const block = recovery.nextBlock();
    times.push(nowNs() - start);
    if (block?.count !== BLOCK_EVENTS) throw new Error(`segment ${segment} is not as it was recorded`);
    for (let rest = 1; rest < blocks; rest++) recovery.nextBlock();
  }
  await recovery.close();
  return times.slice(1);
}
