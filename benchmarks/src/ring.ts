/*
 * The rings beside ringbuf.js, moving the same 64-byte records (ring-streams.ts says what is counted). Every round
 * measures every stream once, in fresh threads; figures are medians over the rounds, and so are ratios, taken round by
 * round. The figure of a round is the median of many chunks at the reading end: for two threads one of many times the
 * ring's capacity, so that waiting for the other thread is part of it; chunks during which that one did not run at all
 * are left out.
 */

import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { type BenchGroup, type BenchRatio, type BenchRow, benchRow } from './bench-group.js';
import { RING_STREAMS, RIVAL_STREAMS, type RingStream, SPMC_STREAMS, SPSC_STREAMS } from './ring-streams.js';
import type { RingJob } from './ring-worker.js';
import { median, medianRatio } from './statistics.js';

const WORKER = createRequire(import.meta.url).resolve('#ring-worker');
const ROUNDS = 7;
const CAPACITY = 1024;
const CHUNK_RECORDS = 5000;
const WARMUP_CHUNKS = 15;
const CHUNKS = 80;
/** For each of the two settings. No round begins that would, going by the last one, end later: a machine may be busy. */
const BUDGET_MS = 8000;
const MIN_ROUNDS = 2;
const STREAM_LIMIT_MS = 600;
const NOTE = `64-byte records, capacity ${CAPACITY}`;
const TOO_BUSY = 'no figure: there was no core for each thread';
const TARGET = 3;

type Setting = 'two threads' | 'one thread';

export async function benchRing(): Promise<BenchGroup> {
  const rows: BenchRow[] = [];
  const ratios: BenchRatio[] = [];
  for (const setting of ['two threads', 'one thread'] as const) {
    const rounds = new Map(RING_STREAMS.map((stream) => [stream, [] as number[]]));
    const end = performance.now() + BUDGET_MS;
    let roundMs = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const start = performance.now();
      if (round >= MIN_ROUNDS && start + roundMs > end) break;
      for (const [stream, ns] of rounds) ns.push(await nsPerRecord(stream, setting));
      roundMs = performance.now() - start;
    }
    for (const [stream, ns] of rounds) {
      const figures = ns.filter((value) => !Number.isNaN(value));
      rows.push(benchRow(`${stream.name}, ${setting}`, figures, figures.length > 0 ? NOTE : TOO_BUSY));
    }
    // Of each round the faster one; NaN where there is no figure for both.
    const [first, second] = RIVAL_STREAMS.map((stream) => rounds.get(stream)!);
    const rivalNs = first.map((ns, round) => Math.min(ns, second[round]));
    for (const stream of [...SPSC_STREAMS, ...SPMC_STREAMS]) {
      ratios.push(compare(stream, setting, medianRatio(rivalNs, rounds.get(stream)!)));
    }
  }
  return { group: 'ring', rows, ratios };
}

/** The target is for the ring of the same kind as ringbuf.js; the one for several consumers does more. */
function compare(stream: RingStream, setting: Setting, value: number): BenchRatio {
  const name = `${stream.name} over the faster ringbuf.js, ${setting}`;
  if (SPMC_STREAMS.includes(stream)) return { name, value, target: '-', met: true };
  return { name, value, target: `>= ${TARGET}`, met: value >= TARGET };
}

/** By the median chunk; NaN where the machine was so busy that the two threads never ran at the same time for long enough. */
async function nsPerRecord(stream: RingStream, setting: Setting): Promise<number> {
  const job: Omit<RingJob, 'role'> = {
    stream: RING_STREAMS.indexOf(stream),
    buffer: stream.create(CAPACITY),
    warmupChunks: WARMUP_CHUNKS,
    chunks: CHUNKS,
    chunkRecords: CHUNK_RECORDS,
    limitMs: STREAM_LIMIT_MS,
  };
  return median(await run(job, setting)) / CHUNK_RECORDS;
}

/** Resolves when all the threads are gone. */
async function run(job: Omit<RingJob, 'role'>, setting: Setting): Promise<number[]> {
  const roles = setting === 'one thread' ? (['both'] as const) : (['consumer', 'producer'] as const);
  const workers = roles.map((role) => new Worker(WORKER, { workerData: { ...job, role } satisfies RingJob }));
  try {
    return await new Promise((resolve, reject) => {
      for (const worker of workers) worker.once('message', resolve).once('error', reject);
    });
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
