// @ts-check

// One set-up at a time. The lock is a file that its holder created and touches every second; a holder that was
// killed stops touching it, and whoever waits takes over.

import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const TOUCH_MS = 1000;
const STALE_MS = 20_000;
const POLL_MS = 100;

/**
 * Waits for the lock and takes it.
 * @param {string} file
 * @param {(holder: string) => void} onWait called once if somebody else has it
 * @returns {Promise<() => void>} gives the lock back
 */
export async function takeLock(file, onWait) {
  mkdirSync(dirname(file), { recursive: true });
  const mine = `${process.pid} ${hostname()} ${Date.now()}`;
  for (let waited = false; ; waited = true) {
    try {
      writeFileSync(file, mine, { flag: 'wx' });
      break;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    }
    const holder = abandonedHolder(file);
    if (holder !== undefined) {
      removeAbandoned(file, holder);
      continue;
    }
    if (!waited) onWait(readHolder(file) ?? '');
    await sleep(POLL_MS);
  }
  const timer = setInterval(() => touch(file), TOUCH_MS);
  timer.unref();
  const release = () => {
    clearInterval(timer);
    process.off('exit', release);
    if (readHolder(file) === mine) rmSync(file, { force: true });
  };
  process.on('exit', release);
  return release;
}

/**
 * The lock's text if its holder is gone, else undefined.
 * @param {string} file
 */
function abandonedHolder(file) {
  try {
    const holder = readFileSync(file, 'utf8');
    const [pid, host] = holder.split(' ');
    // A process id means something on its own machine only; elsewhere, and in containers, the age tells.
    if (host === hostname() && !isAlive(Number(pid))) return holder;
    return Date.now() - statSync(file).mtimeMs > STALE_MS ? holder : undefined;
  } catch {
    return undefined; // given back in this moment
  }
}

/**
 * Two may find the same lock abandoned, and the second may then hold the new lock of the first in its hands:
 * it puts that back.
 * @param {string} file
 * @param {string} holder the text of the lock that was found abandoned
 */
function removeAbandoned(file, holder) {
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
    if (readHolder(aside) !== holder) linkSync(aside, file);
  } catch {
    // Somebody else was faster.
  }
  rmSync(aside, { force: true });
}

/** @param {string} file */
function readHolder(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** @param {string} file */
function touch(file) {
  try {
    const now = new Date();
    utimesSync(file, now, now);
  } catch {
    // node_modules was deleted under us: what we are doing fails by itself, and says why.
  }
}

/** @param {number} pid */
function isAlive(pid) {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}
