// For `node --import`: writes down every change that this process makes to the files of a log, and every sync.
//
// FSWAL_CHANGES names the log's directory and where to write: "LOG_DIR:OUT_DIR". Each thread has a file of its own there,
// one JSON line a change: { start, end, op, ino, ... }. `start` and `end` are drawn from one counter of all threads
// before and after the call: a sync has what was written only where the write ended before the sync began.

import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { getEnvironmentData, isMainThread, setEnvironmentData, threadId } from 'node:worker_threads';
import { preloadWorkers } from '../../harness/children/preload-workers.js';

const KEY = 'the counter of changes';
const [logDir, outDir] = process.env.FSWAL_CHANGES.split(':');
if (isMainThread) {
  setEnvironmentData(KEY, new Int32Array(new SharedArrayBuffer(4)));
  preloadWorkers(import.meta.url);
}
const counter = getEnvironmentData(KEY);
const tick = () => Atomics.add(counter, 0, 1);

const real = { ...fs };
const out = real.openSync(join(outDir, `${threadId}.jsonl`), 'a');

/** A line of its own, for what is no call: `appended` and `durable`. */
export function note(change) {
  const now = tick();
  real.writeSync(out, `${JSON.stringify({ start: now, end: now, ...change })}\n`);
}

/** Makes the call, and writes down what `describe` says of it; nothing where it says nothing. */
function watch(name, describe) {
  fs[name] = (...args) => {
    const before = describe(...args);
    const start = tick();
    const result = real[name](...args);
    const end = tick();
    const change = typeof before === 'function' ? before(result) : before;
    if (change !== undefined) real.writeSync(out, `${JSON.stringify({ start, end, ...change })}\n`);
    return result;
  };
}

/** The inode of a name in the log's directory; undefined for any other. */
function inodeOf(path) {
  if (real.realpathSync(dirname(String(path))) !== logDir) return undefined;
  return real.lstatSync(path, { throwIfNoEntry: false })?.ino;
}

function openFile(fd) {
  const path = real.readlinkSync(`/proc/self/fd/${fd}`);
  const { ino, size } = real.fstatSync(fd);
  return { ino, size, isLog: path === logDir, isOfLog: path.startsWith(`${logDir}/`) };
}

function isSyncedAtOnce(fd) {
  const flags = /^flags:\t(\d+)/m.exec(real.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))[1];
  return (Number.parseInt(flags, 8) & fs.constants.O_DSYNC) !== 0;
}

const { O_CREAT } = fs.constants;
watch('openSync', (path, flags) => {
  if (typeof flags !== 'number' || (flags & O_CREAT) === 0 || inodeOf(path) !== undefined) return undefined;
  return () => {
    const ino = inodeOf(path);
    return ino === undefined ? undefined : { op: 'create', ino, to: basename(path) };
  };
});
watch('writeSync', (fd, bytes, from, _, at) => {
  const { ino, size, isOfLog } = openFile(fd);
  if (!isOfLog) return undefined;
  const synced = isSyncedAtOnce(fd);
  return (count) => {
    const content = Buffer.from(bytes.buffer, bytes.byteOffset + from, count).toString('base64');
    return { op: 'write', ino, size, at, content, synced };
  };
});
watch('writevSync', () => {
  throw new Error('nobody writes several buffers at once; this would have to be written down');
});
for (const name of ['fsyncSync', 'fdatasyncSync']) {
  watch(name, (fd) => {
    const { ino, size, isLog, isOfLog } = openFile(fd);
    if (isLog) return { op: 'sync names' };
    return isOfLog ? { op: 'sync', ino, size } : undefined;
  });
}
watch('renameSync', (from, to) => {
  const ino = inodeOf(from);
  return ino === undefined ? undefined : { op: 'rename', ino, from: basename(from), to: basename(to) };
});
for (const name of ['unlinkSync', 'rmSync']) {
  watch(name, (path) => {
    const ino = inodeOf(path);
    return ino === undefined ? undefined : { op: 'unlink', ino, from: basename(path) };
  });
}
syncBuiltinESMExports();
