// Records 1, 2, 3, ... to every metric, flat out, until told to stop (word 0 of `stop`) and at least `times`.
import { parentPort, workerData } from 'node:worker_threads';
import { Telemetry } from '../../dist/index.js';
import { LEVELS, layout, STEP } from './layout.js';

const telemetry = Telemetry.attach(layout, workerData.buffer);
const stop = new Int32Array(workerData.stop);
const events = telemetry.counter('events');
const level = telemetry.gauge('level');
const sync = telemetry.duration('sync');
const write = telemetry.operation('write');
const loop = telemetry.lifecycle('loop');
const append = telemetry.histogram('append');

level.set(LEVELS[0]);
parentPort.postMessage('started');
let i = 0;
while (i < workerData.times || Atomics.load(stop, 0) === 0) {
  i++;
  events.add(STEP);
  level.set(LEVELS[i & 1]);
  sync.record(i);
  write.record(i);
  write.fail();
  loop.idle(2 * i);
  loop.active(i);
  append.record(i);
}
parentPort.postMessage(i);
