import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { BLOCK_BYTES, BLOCK_HEADER_BYTES, parseSegmentFileName, SEGMENT_HEADER_BYTES } from '@fswal/format';
import { RecoveryManager } from '@fswal/recovery';
import { type BenchGroup, benchRow, ratioAtLeast } from './bench-group.js';
import type { BenchRun } from './bench-run.js';
import { interleave, nsPer } from './interleave.js';
import { record, replay, replayBlocks } from './replay.js';
import { medianRatio } from './statistics.js';

const { xxh64 } = createRequire(import.meta.url)('@node-rs/xxhash') as typeof import('@node-rs/xxhash');

const FULL = { events: 8_388_608, rounds: 7, coldRounds: 3 };
const QUICK = { events: 65_536, rounds: 1, coldRounds: 1 };
const SUM = 'XXH64 alone, once over the events of each block, in memory';
const SUMS = 'XXH64 alone, twice, as the format asks';
const READ = 'fs.readSync of the files, 1 MiB at a time';
const DROP_CACHES = '/proc/sys/vm/drop_caches';
const CHUNK_BYTES = 1 << 20;

/** Open, read, verify, deliver and close, beside what the checksums alone take on one thread; warm, and cold. */
export async function benchPipeline({ dir, fileSystem, quick, progress }: BenchRun): Promise<BenchGroup[]> {
  const { events, rounds, coldRounds } = quick ? QUICK : FULL;
  const log = path.join(dir, 'pipeline');
  progress(`recording ${events} events`);
  await record(log, events);
  const files = fs.readdirSync(log).filter((name) => parseSegmentFileName(name) !== undefined);
  const segments = files.map((name) => fs.readFileSync(path.join(log, name)));
  const pipelines = [
    { verifyThreads: 1, what: 'next()', run: replay },
    { verifyThreads: 1, what: 'nextBlock()', run: replayBlocks },
    { verifyThreads: 2, what: 'nextBlock()', run: replayBlocks },
  ].map(({ verifyThreads, what, run }) => ({
    name: `open to close, ${what}, verifyThreads: ${verifyThreads}`,
    nsPerEvent: async () => {
      const start = process.hrtime.bigint();
      const recovery = await RecoveryManager.open({ dir: log, verifyThreads });
      run(recovery, events);
      await recovery.close();
      return Number(process.hrtime.bigint() - start) / events;
    },
  }));
  progress('warm');
  const warm = await interleave(rounds, 1, {
    [SUM]: () => nsPer(events, () => sumBlocks(segments, 1)),
    [SUMS]: () => nsPer(events, () => sumBlocks(segments, 2)),
    ...Object.fromEntries(pipelines.map(({ name, nsPerEvent }) => [name, nsPerEvent])),
  });
  const groups: BenchGroup[] = [
    {
      group: `pipeline, ${segments.length} segments (${fileSystem}, warm cache)`,
      rows: Object.entries(warm).map(([name, ns]) => benchRow(name, ns, mbPerSec(ns))),
      ratios: pipelines.flatMap(({ name }) => [
        ratioAtLeast(`XXH64 once / ${name}`, medianRatio(warm[SUM], warm[name]), 0.8),
        { ...ratioAtLeast(`XXH64 twice / ${name}`, medianRatio(warm[SUMS], warm[name]), 0), target: '-' },
      ]),
    },
  ];
  const cold = canDropCaches() ? await measureCold() : undefined;
  if (cold !== undefined) groups.push(cold);
  return groups;

  async function measureCold(): Promise<BenchGroup> {
    progress('cold');
    const first = pipelines[1];
    const values = await interleave(coldRounds, 0, {
      [READ]: () => {
        dropCaches();
        return nsPer(events, () => readFiles(log, files));
      },
      [first.name]: () => {
        dropCaches();
        return first.nsPerEvent();
      },
    });
    return {
      group: `pipeline, ${segments.length} segments (${fileSystem}, cold cache)`,
      rows: Object.entries(values).map(([name, ns]) => benchRow(name, ns, mbPerSec(ns))),
      ratios: [
        ratioAtLeast('read alone / open to close', medianRatio(values[READ], values[first.name]), 0.8),
      ],
    };
  }
}

function sumBlocks(segments: readonly Uint8Array[], times: number): void {
  let sum = 0n;
  for (const bytes of segments) {
    for (let at = SEGMENT_HEADER_BYTES; at + BLOCK_BYTES <= bytes.length; at += BLOCK_BYTES) {
      const events = bytes.subarray(at + BLOCK_HEADER_BYTES, at + BLOCK_BYTES);
      for (let time = 0; time < times; time++) sum = xxh64(events, sum);
    }
  }
}

function readFiles(dir: string, files: readonly string[]): void {
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (const name of files) {
    const fd = fs.openSync(path.join(dir, name), 'r');
    while (fs.readSync(fd, chunk, 0, CHUNK_BYTES, null) > 0);
    fs.closeSync(fd);
  }
}

function mbPerSec(ns: readonly number[]): string {
  const [middle] = ns.toSorted((a, b) => a - b).slice(ns.length >> 1);
  return `${((64 / middle) * 1000).toFixed(0)} MB/s of events`;
}

/** Undefined on a machine where only the administrator may do it. */
function canDropCaches(): boolean {
  try {
    fs.accessSync(DROP_CACHES, fs.constants.W_OK);
    return true;
  } catch {
    process.stderr.write(`without a cold cache: ${DROP_CACHES} is not to be written here\n`);
    return false;
  }
}

function dropCaches(): void {
  fs.writeFileSync(DROP_CACHES, '1');
}
