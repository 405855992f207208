/*
 * The rings beside ringbuf.js, moving the same 64-byte records (ring-streams.ts says what is counted). Every round
 * measures every stream once, in fresh threads; figures are medians over the rounds, and ratios are of medians. The
 * figure of a round is, for one thread, the median of many short chunks, so that interruptions do not count; for two
 * threads, all the time that passed at the reading end, since waiting for the other one is part of it.
 */

import { Worker } from 'node:worker_threads';
import { type BenchGroup, type BenchRatio, type BenchRow, benchRow, median } from './bench-group.js';
import { RING_STREAMS, RIVAL_STREAMS, type RingStream, SPMC_STREAMS, SPSC_STREAMS } from './ring-streams.js';
import type { RingJob } from './ring-worker.js';

const ROUNDS = 7;
const CAPACITY = 1024;
const CHUNK_RECORDS = 5000;
const WARMUP_CHUNKS = 40;
const CHUNKS = 100;
/** Rounds end early past this: threads that spin on a busy machine take a thousand times as long. */
const BUDGET_MS = 20_000;
const MIN_ROUNDS = 3;
const TARGET = 3;

type Setting = 'two threads' | 'one thread';

export async function benchRing(): Promise<BenchGroup> {
  const rows: BenchRow[] = [];
  const ratios: BenchRatio[] = [];
  for (const setting of ['two threads', 'one thread'] as const) {
    const rounds = new Map(RING_STREAMS.map((stream) => [stream, [] as number[]]));
    const start = performance.now();
    for (let round = 0; round < ROUNDS; round++) {
      if (round >= MIN_ROUNDS && performance.now() - start > BUDGET_MS) break;
      for (const [stream, ns] of rounds) ns.push(await nsPerRecord(stream, setting));
    }
    const medians = new Map<RingStream, number>();
    for (const [stream, ns] of rounds) {
      const row = benchRow(`${stream.name}, ${setting}`, ns, '64-byte records, capacity 1024');
      rows.push(row);
      medians.set(stream, row.medianNs);
    }
    const rival = Math.min(...RIVAL_STREAMS.map((stream) => medians.get(stream)!));
    for (const stream of [...SPSC_STREAMS, ...SPMC_STREAMS]) {
      ratios.push(compare(stream, setting, rival / medians.get(stream)!));
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

async function nsPerRecord(stream: RingStream, setting: Setting): Promise<number> {
  const roles = setting === 'one thread' ? (['both'] as const) : (['consumer', 'producer'] as const);
  const common = {
    stream: RING_STREAMS.indexOf(stream),
    buffer: stream.create(CAPACITY),
    warmupChunks: WARMUP_CHUNKS,
    chunks: CHUNKS,
    chunkRecords: CHUNK_RECORDS,
  };
  const chunksNs = await Promise.all(roles.map((role) => run({ ...common, role })));
  const ns = chunksNs.flat();
  const perChunk = setting === 'one thread' ? median(ns) : ns.reduce((a, b) => a + b, 0) / ns.length;
  return perChunk / CHUNK_RECORDS;
}

function run(job: RingJob): Promise<number[]> {
  const worker = new Worker(new URL('./ring-worker.js', import.meta.url), { workerData: job });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}
