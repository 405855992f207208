/*
 * One end, or both ends, of a stream of records in a thread of its own, so that no measurement shares compiled code and
 * type feedback with another. The reading end posts how long each chunk of records took; see ring.ts.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { RING_STREAMS } from './ring-streams.js';

export interface RingJob {
  /** Index in RING_STREAMS. */
  stream: number;
  buffer: SharedArrayBuffer;
  role: 'both' | 'producer' | 'consumer';
  /** Chunks read before the measurement, to warm up. */
  warmupChunks: number;
  chunks: number;
  /** Records of a chunk. */
  chunkRecords: number;
}

/** Records that a single thread writes before it reads them; they fit in every ring measured. */
const BURST = 250;

const job = workerData as RingJob;
const { chunks, chunkRecords, warmupChunks } = job;
const allChunks = warmupChunks + chunks;
const stream = RING_STREAMS[job.stream];

parentPort?.postMessage(run());

/** Nanoseconds of each chunk measured; none at the writing end. */
function run(): number[] {
  if (job.role === 'producer') {
    stream.producer(job.buffer)(0, allChunks * chunkRecords);
    return [];
  }
  const consume = stream.consumer(job.buffer);
  if (job.role === 'consumer') return measure(() => consume(chunkRecords));
  const produce = stream.producer(job.buffer);
  let next = 0;
  return measure(() => {
    let sum = 0;
    for (let done = 0; done < chunkRecords; done += BURST) {
      produce(next, next + BURST);
      next += BURST;
      sum = (sum + consume(BURST)) | 0;
    }
    return sum;
  });
}

function measure(readChunk: () => number): number[] {
  const times: number[] = [];
  let expected = 0;
  let sum = 0;
  for (let chunk = 0; chunk < allChunks; chunk++) {
    const start = process.hrtime.bigint();
    sum = (sum + readChunk()) | 0;
    const ns = Number(process.hrtime.bigint() - start);
    if (chunk >= warmupChunks) times.push(ns);
  }
  for (let value = 0; value < allChunks * chunkRecords; value++) expected = (expected + value) | 0;
  if (sum !== expected) throw new Error(`${stream.name} did not deliver what was sent`);
  return times;
}
