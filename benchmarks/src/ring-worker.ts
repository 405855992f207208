/*
 * One end, or both ends, of a stream of records in a thread of its own, so that no measurement shares compiled code and
 * type feedback with another. The reading end posts how long each chunk of records took; see ring.ts.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { Patience } from './patience.js';
import { RING_STREAMS } from './ring-streams.js';

export interface RingJob {
  /** Index in RING_STREAMS. */
  stream: number;
  buffer: SharedArrayBuffer;
  role: 'both' | 'producer' | 'consumer';
  /** Chunks read before the measurement, to warm up. */
  warmupChunks: number;
  /** Chunks to measure, not counting those left out. */
  chunks: number;
  /** Records of a chunk. */
  chunkRecords: number;
  /** The reading end stops when so much time has passed, however few it has. */
  limitMs: number;
}

/** Records that a single thread writes before it reads them; they fit in every ring measured. */
const BURST = 250;
/** Numbers of records are int32; nobody waits for the last one. */
const ENDLESS = 2 ** 31 - 1;

const job = workerData as RingJob;
const { chunks, chunkRecords, warmupChunks } = job;
const stream = RING_STREAMS[job.stream];
const patience = new Patience();

// The writing end never comes to its end: whoever started the threads ends them.
if (job.role === 'producer') stream.producer(job.buffer, patience)(0, ENDLESS);
else parentPort?.postMessage(measure(reader()));

/** Reads a chunk, which it writes first where this thread is both ends. */
function reader(): () => number {
  const consume = stream.consumer(job.buffer, patience);
  if (job.role === 'consumer') return () => consume(chunkRecords);
  const produce = stream.producer(job.buffer, patience);
  let next = 0;
  return () => {
    let sum = 0;
    for (let done = 0; done < chunkRecords; done += BURST) {
      produce(next, next + BURST);
      next += BURST;
      sum = (sum + consume(BURST)) | 0;
    }
    return sum;
  };
}

/**
 * Nanoseconds of each chunk, but for those in which this thread waited so long that the other one cannot have been
 * running: they would measure the scheduler.
 */
function measure(readChunk: () => number): number[] {
  const times: number[] = [];
  const deadline = performance.now() + job.limitMs;
  let sum = 0;
  let chunk = 0;
  for (; times.length < chunks && performance.now() < deadline; chunk++) {
    const { naps } = patience;
    const start = process.hrtime.bigint();
    sum = (sum + readChunk()) | 0;
    const ns = Number(process.hrtime.bigint() - start);
    if (chunk >= warmupChunks && patience.naps === naps) times.push(ns);
  }
  let expected = 0;
  for (let value = 0; value < chunk * chunkRecords; value++) expected = (expected + value) | 0;
  if (sum !== expected) throw new Error(`${stream.name} did not deliver what was sent`);
  return times;
}
