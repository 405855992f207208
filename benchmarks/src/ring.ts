/*
 * The rings beside ringbuf.js, moving the same 64-byte records (ring-streams.ts says what is counted). Every round
 * measures every stream once, in fresh threads; figures are medians over the rounds, and so are ratios, taken round by
 * round. The figure of a round is the median of many chunks at the reading end: for two threads one of many times the
 * ring's capacity, so that waiting for the other thread is part of it, and being interrupted by a third one is not.
 */

import { Worker } from 'node:worker_threads';
import { type BenchGroup, type BenchRatio, type BenchRow, benchRow } from './bench-group.js';
import { RING_STREAMS, RIVAL_STREAMS, type RingStream, SPMC_STREAMS, SPSC_STREAMS } from './ring-streams.js';
import type { RingJob } from './ring-worker.js';
import { median, medianRatio } from './statistics.js';

const ROUNDS = 7;
const CAPACITY = 1024;
const CHUNK_RECORDS = 5000;
const WARMUP_CHUNKS = 40;
const CHUNKS = 80;
/** For each of the two settings. No round begins that would, going by the last one, end later: a machine may be busy. */
const BUDGET_MS = 8000;
const MIN_ROUNDS = 3;
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
      rows.push(benchRow(`${stream.name}, ${setting}`, ns, `64-byte records, capacity ${CAPACITY}`));
    }
    const [rivalNs] = RIVAL_STREAMS.map((stream) => rounds.get(stream)!).sort(
      (a, b) => median(a) - median(b),
    );
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
  return median(chunksNs.flat()) / CHUNK_RECORDS;
}

function run(job: RingJob): Promise<number[]> {
  const worker = new Worker(new URL('./ring-worker.js', import.meta.url), { workerData: job });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}
