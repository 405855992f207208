// Takes snapshots until told to stop, and answers how many, and what was wrong with them.
import { parentPort, workerData } from 'node:worker_threads';
import { Telemetry } from '../../dist/index.js';
import { complaints } from './check.js';
import { layout } from './layout.js';

const telemetry = Telemetry.attach(layout, workerData.buffer);
const stop = new Int32Array(workerData.stop);
const wrong = [];
let snapshots = 0;
parentPort.postMessage('started');
while (Atomics.load(stop, 0) === 0) {
  wrong.push(...complaints(telemetry.snapshot()));
  snapshots++;
}
parentPort.postMessage({ snapshots, wrong: wrong.slice(0, 10) });
