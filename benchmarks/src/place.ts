import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileSystemOf } from '@fswal/engine-sim/report';

const REMOVE_TRIES = 100;
const REMOVE_PAUSE_MS = 20;

/** A directory for one benchmark. It goes when the process ends, if it was not removed before. */
export interface Place {
  dir: string;
  fileSystem: string;
  remove(): void;
}

/** A new directory under `base` or the system's temporary directory. */
export function makePlace(base: string | undefined): Place {
  const dir = fs.mkdtempSync(path.join(base ?? os.tmpdir(), 'fswal-bench-'));
  const removeNow = () => remove(dir);
  process.once('exit', removeNow);
  return {
    dir,
    fileSystem: fileSystemOf(dir),
    remove: () => {
      removeNow();
      process.off('exit', removeNow);
    },
  };
}

/** Threads that still write make files in a directory that was just emptied, until what they had to do is done. */
function remove(dir: string): void {
  for (let tries = 1; ; tries++) {
    try {
      fs.rmSync(dir, { recursive: true, force: true });
      return;
    } catch (error) {
      if (tries === REMOVE_TRIES) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, REMOVE_PAUSE_MS);
    }
  }
}

/** A new directory under `base`, which must be on tmpfs and have room; else says on stderr why there is none. */
export function makeTmpfsPlace(base: string, needBytes: number): Place | undefined {
  const without = (why: string) => {
    process.stderr.write(`without tmpfs: ${why}; --tmpfs DIR names another place\n`);
    return undefined;
  };
  if (!fs.existsSync(base)) return without(`there is no ${base}`);
  const { bavail, bsize } = fs.statfsSync(base);
  if (fileSystemOf(base) !== 'tmpfs') return without(`${base} is not on tmpfs`);
  const needMb = Math.ceil(needBytes / 1e6);
  if (bavail * bsize < needBytes) return without(`${base} has less than ${needMb} MB left`);
  return makePlace(base);
}
