// Runs in front of a worker of the recorder, in its thread: waits for a tracer, or plants a fault, then becomes the worker.
//
//   fault.controlDir    wait until strace is attached
//   fault.way           'throw', 'exit', 'memory', 'never' (does not even start)
//   fault.after         after how many looks for work (Atomics.wait) it happens
import { workerData } from 'node:worker_threads';
import { waitForTracer } from './gate.js';

const { role, file, fault } = workerData.shell;
if (fault?.controlDir !== undefined) waitForTracer(fault.controlDir, role);
if (fault?.way === 'never') throw new Error('does not start, on purpose');
if (fault?.way === 'never, quietly') process.exit(0);
if (fault?.way !== undefined) plant(fault.way, fault.after);
await import(file);

/** The loop of an agent sleeps in Atomics.wait between its steps: there the fault strikes, outside every try. */
function plant(way, after) {
  const wait = Atomics.wait;
  let left = after;
  Atomics.wait = (...args) => {
    if (left-- <= 0) strike(way);
    return wait(...args);
  };
}

function strike(way) {
  if (way === 'throw') throw new Error('on purpose');
  if (way === 'exit') process.exit(7);
  const heap = [];
  for (;;) heap.push(new Array(1000).fill(heap.length));
}
