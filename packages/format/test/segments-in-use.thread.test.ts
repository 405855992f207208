import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { lowestSegmentInUse, registerReader } from '../dist/files/index.js';

function newDir(): string {
  const dir = fs.mkdtempSync(join(tmpdir(), 'fswal-format-'));
  onTestFinished(() => fs.rmSync(dir, { recursive: true }));
  return dir;
}

test('a reader counts from the beginning until it moves on, and no more after its release', () => {
  const [dir, other] = [newDir(), newDir()];
  expect(lowestSegmentInUse(dir)).toBeUndefined();
  const reader = registerReader(dir);
  expect(lowestSegmentInUse(dir)).toBe(0);
  expect(lowestSegmentInUse(other)).toBeUndefined();
  reader.moveTo(7);
  const second = registerReader(dir);
  second.moveTo(5);
  expect(lowestSegmentInUse(dir)).toBe(5);
  second.release();
  second.release();
  expect(lowestSegmentInUse(dir)).toBe(7);
  reader.release();
  expect(lowestSegmentInUse(dir)).toBeUndefined();
});

test('where more read than there is room for, everything is in use until the last of them is done', () => {
  const dir = newDir();
  const readers = Array.from({ length: 70 }, () => registerReader(dir));
  for (const reader of readers) reader.moveTo(9);
  expect(lowestSegmentInUse(dir)).toBe(0);
  for (const reader of readers) reader.release();
  expect(lowestSegmentInUse(dir)).toBeUndefined();
});

test('a reader in another thread is seen', async () => {
  const dir = newDir();
  registerReader(dir).release();
  const files = new URL('../dist/files/index.js', import.meta.url).href;
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.files).then(({ registerReader }) => {
      const reader = registerReader(workerData.dir);
      reader.moveTo(3);
      parentPort.once('message', () => { reader.release(); parentPort.postMessage('released'); });
      parentPort.postMessage('registered');
    });`;
  const worker = new Worker(code, { eval: true, workerData: { dir, files } });
  const message = () => new Promise((resolve) => worker.once('message', resolve));
  await message();
  expect(lowestSegmentInUse(dir)).toBe(3);
  worker.postMessage('release');
  await message();
  expect(lowestSegmentInUse(dir)).toBeUndefined();
  await worker.terminate();
});
