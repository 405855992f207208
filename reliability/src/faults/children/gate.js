// Lets the parent attach strace to one thread before that thread makes its first interesting call.
import fs from 'node:fs';
import { join } from 'node:path';

const AFTER_ATTACH_MS = 8;

/** Says which thread this is, and waits until somebody traces it. */
export function waitForTracer(controlDir, role) {
  const thread = fs.readlinkSync('/proc/thread-self').split('/').at(-1);
  const file = join(controlDir, `${role}.tid`);
  fs.writeFileSync(`${file}.tmp`, thread);
  fs.renameSync(`${file}.tmp`, file);
  while (!isTraced()) pause(1);
  // The tracer seizes first and asks for the calls a moment later.
  pause(AFTER_ATTACH_MS);
}

function isTraced() {
  return !fs.readFileSync('/proc/thread-self/status', 'latin1').includes('TracerPid:\t0\n');
}

export function pause(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
