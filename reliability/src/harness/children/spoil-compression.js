// Records segments that are all compressed, and spoils some of the compressed files before they are verified.
//
//   node spoil-compression.js '{ "dir", "segments", "seed", "options" }'
//
// Every other temporary file of a compressed segment loses a bit, its end, or a range of it, as it is written. One JSON
// line at the end: { spoiled, failures, lastId }: how many were spoiled, and the recorder's own count of what failed.
import { syncBuiltinESMExports } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import threads from 'node:worker_threads';
import { fillContent } from './formula.js';

const { dir, segments, seed, options } = JSON.parse(process.argv[2]);
/** Compressed files that were written, and how many of them spoiled. */
const written = new Int32Array(new SharedArrayBuffer(8));

threads.Worker = class extends threads.Worker {
  constructor(file, settings) {
    const shell = new URL('./spoiling-worker.js', import.meta.url);
    const workerData = { ...settings.workerData, spoil: { entry: String(file), counts: written, seed } };
    super(shell, { ...settings, workerData });
  }
};
syncBuiltinESMExports();
const { RecorderManager } = await import('@fswal/recorder');

const recorder = await RecorderManager.open({ dir, ...options });
const events = segments * options.blocksPerSegment * 256 + 1;
let id = 0;
while (id < events) {
  for (let n = 0; n < 500 && id < events; n++) {
    const { words, base } = recorder.claim();
    fillContent(words, base, ++id);
    recorder.commit(id);
  }
  await new Promise(setImmediate);
}
await recorder.sync();
// close() begins no compression, and what it interrupts is no failure.
while (
  Atomics.load(written, 0) < segments ||
  recorder.telemetry.segment_maintainer.maintenance_compression.failures < written[1]
)
  await sleep(5);
await recorder.close();
const { failures } = recorder.telemetry.segment_maintainer.maintenance_compression;
process.stdout.write(`${JSON.stringify({ spoiled: written[1], failures, lastId: id })}\n`);
