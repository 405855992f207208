// Attaches to a mapping of the main thread, answers what it finds in word 0 and stores 2 to word 1.
import { parentPort, workerData } from 'node:worker_threads';
import { loadProvider } from '../../dist/index.js';

const mapped = loadProvider(workerData.provider).attach(workerData);
const words = new Int32Array(mapped.buffer);
const found = Atomics.load(words, 0);
Atomics.store(words, 1, 2);
parentPort.postMessage(found);
parentPort.on('message', (message) => {
  if (message === 'exit') process.exit();
  parentPort.postMessage(Atomics.load(words, 2));
});
