import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Memory where there is such a thing: a killed process leaves there what it leaves on a disk. */
const FAST = fs.existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** A directory of its own, gone when the test is over. */
export function newDir(parent = FAST): string {
  const dir = fs.mkdtempSync(join(parent, 'fswal-reliability-'));
  onTestFinished(() => fs.rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Removes a log before its test is over: where there are thousands of them, they would fill the place. */
export function removeLogDir(dir: string): void {
  fs.rmSync(dirname(dir), { recursive: true, force: true });
}

/** A path in a directory of its own where nothing is yet. */
export function newLogDir(parent?: string): string {
  return join(newDir(parent), 'log');
}
