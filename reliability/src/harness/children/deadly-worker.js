// Starts a worker of the recorder, and at the n-th system call of its that changes or syncs a file does what it is told.

import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { workerData } from 'node:worker_threads';

const ROLES = ['writer', 'preparer', 'maintainer', 'coordinator'];
const CALLS = ['writeSync', 'writevSync', 'fdatasyncSync', 'fsyncSync', 'renameSync', 'unlinkSync'];

const { entry, role, atCall, way } = workerData.deadly;
let left = ROLES[workerData.role] === role ? atCall : Number.POSITIVE_INFINITY;

for (const name of CALLS) {
  const real = fs[name];
  fs[name] = (...args) => {
    if (--left === 0) die();
    return real(...args);
  };
}
syncBuiltinESMExports();
await import(entry);

function die() {
  if (way === 'throw') throw new TypeError('on purpose');
  if (way === 'exit') process.exit(3);
  process.kill(process.pid, way);
}
