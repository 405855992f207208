// Adds 1 to word 0 of a shared mapping, as often as asked.
import { parentPort, workerData } from 'node:worker_threads';
import { loadProvider } from '../../dist/index.js';

const words = new Int32Array(loadProvider(workerData.shared.provider).attach(workerData.shared).buffer);
for (let i = 0; i < workerData.times; i++) Atomics.add(words, 0, 1);
parentPort.postMessage('done');
