import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { takeLock } from '../lock.js';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fswal lock '));
  file = join(folder, 'deep/er/lock');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function never(): void {
  throw new Error('waited for nobody');
}

/** The id of a process that has ended. */
function endedProcess(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}

test('is free for the first, and free again afterwards', async () => {
  const release = await takeLock(file, never);
  expect(readFileSync(file, 'utf8')).toContain(String(process.pid));
  release();
  expect(existsSync(file)).toBe(false);
});

test('lets one in at a time, and says whom the others wait for', async () => {
  let inside = 0;
  let most = 0;
  const waits: string[] = [];
  const enter = async () => {
    const release = await takeLock(file, (holder) => waits.push(holder));
    inside += 1;
    most = Math.max(most, inside);
    await sleep(20);
    inside -= 1;
    release();
  };
  await Promise.all([enter(), enter(), enter()]);
  expect(most).toBe(1);
  expect(waits).toHaveLength(2);
  expect(waits[0]).toContain(String(process.pid));
});

test('takes over from a process that is gone', async () => {
  const first = await takeLock(file, never);
  first();
  writeFileSync(file, `${endedProcess()} ${hostname()} 1`);
  const release = await takeLock(file, never);
  expect(readFileSync(file, 'utf8')).toContain(String(process.pid));
  release();
  expect(readdirSync(join(folder, 'deep/er'))).toEqual([]);
});

test('judges a lock of another machine by its age', async () => {
  const first = await takeLock(file, never);
  first();
  writeFileSync(file, `${endedProcess()} somewhere-else 1`);
  let waited = false;
  const pending = takeLock(file, () => {
    waited = true;
    utimesSync(file, new Date(0), new Date(0));
  });
  const release = await pending;
  expect(waited).toBe(true);
  release();
});

test('does not give back a lock that somebody else has taken over', async () => {
  const release = await takeLock(file, never);
  writeFileSync(file, 'another');
  release();
  expect(readFileSync(file, 'utf8')).toBe('another');
});
