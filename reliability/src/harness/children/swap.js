// Attacks a log: puts links in the place of its directory and of its files, and takes them away again, over and over.
//
//   node swap.js CONFIG     CONFIG: JSON { parent, elsewhere, victim, most, cpuMs, ways }
//
// In `parent` the log is `log`. Ways: 'directory', 'files', 'new directory'. It ends after `most` swaps or so much of processor time, and writes { swaps } as JSON.

import fs from 'node:fs';
import { join } from 'node:path';

const { parent, elsewhere, victim, most, cpuMs, ways } = JSON.parse(process.argv[2]);
const log = join(parent, 'log');
const real = join(parent, 'real');
/** Links in the log's directory under the names that a recorder makes files by, or has made. */
const NAMES = [0, 1, 2, 3].flatMap((index) => {
  const segment = `FS.${String(index).padStart(8, '0')}.wal`;
  return [segment, `${segment}.tmp`, `${segment}.lz4.tmp`];
});
NAMES.push('wal_meta.dat', 'wal_meta.dat.tmp', 'wal_tail.ring', 'wal_tail.ring.tmp');

let swaps = 0;
for (let turn = 0; swaps < most; turn++) {
  if (turn % 64 === 0 && process.cpuUsage().user + process.cpuUsage().system > cpuMs * 1000) break;
  // Each for a while, so that a recorder gets further than opening it.
  const way = ways[Math.floor(turn / 256) % ways.length];
  if (way === 'directory') swapDirectory();
  else if (way === 'files') swapFile(NAMES[turn % NAMES.length]);
  else swapNewDirectory();
}
process.stdout.write(JSON.stringify({ swaps }));

function swapDirectory() {
  attempt(() => fs.renameSync(log, real));
  if (attempt(() => fs.symlinkSync(elsewhere, log))) swaps++;
  attempt(() => fs.unlinkSync(log));
  if (attempt(() => fs.renameSync(real, log))) return;
  // The recorder has made a new one meanwhile.
  attempt(() => fs.rmSync(log, { recursive: true, force: true }));
  attempt(() => fs.renameSync(real, log));
}

/** What a recorder has just made, empty yet: where there was no log, it makes its directory. */
function swapNewDirectory() {
  const away = join(parent, 'away');
  attempt(() => fs.renameSync(log, away));
  for (let n = 0; n < 64; n++) {
    attempt(() => fs.rmdirSync(log));
    if (attempt(() => fs.symlinkSync(elsewhere, log))) swaps++;
    attempt(() => fs.unlinkSync(log));
  }
  attempt(() => fs.rmSync(log, { recursive: true, force: true }));
  attempt(() => fs.renameSync(away, log));
}

function swapFile(name) {
  const file = join(log, name);
  const aside = join(parent, 'aside');
  const moved = attempt(() => fs.renameSync(file, aside));
  if (attempt(() => fs.symlinkSync(victim, file))) swaps++;
  attempt(() => fs.unlinkSync(file));
  if (moved) attempt(() => fs.renameSync(aside, file));
}

/** The recorder is in the middle of it, so anything may be there or not. */
function attempt(action) {
  try {
    action();
    return true;
  } catch (error) {
    if (error.syscall === undefined) throw error;
    return false;
  }
}
