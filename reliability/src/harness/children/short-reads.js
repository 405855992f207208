// For `node --import`: every read of this process and its threads gives less than was asked for, as a signal or a file
// system may do at any time.

import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { isMainThread } from 'node:worker_threads';
import { preloadWorkers } from './preload-workers.js';

if (isMainThread) preloadWorkers(import.meta.url);

const read = fs.readSync;
let turn = 0;

fs.readSync = (fd, into, offset, length, position) => {
  const less = Math.max(1, Math.min(length, [1, 63, 4096, 16_447, 100_000][turn++ % 5]));
  return read(fd, into, offset, less, position);
};
syncBuiltinESMExports();
