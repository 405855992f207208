/* When events become durable, who hears of it, and what a failure does to those who wait. */
import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { EventView, segmentFileName, WalError } from '@fswal/format';
import { registerReader } from '@fswal/format/files';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RecorderManager, type RecorderOptions, Watermarks } from '../dist/index.js';
import { newDir, newLogDir, openDescriptors } from './helpers/directories.js';
import { readMeta } from './helpers/read-log.js';

const SMALL = { blocksPerSegment: 16, tailBlocks: 64 } as const;
const event = new EventView();

async function open(options: RecorderOptions): Promise<RecorderManager> {
  const recorder = await RecorderManager.open({ ...SMALL, ...options });
  onTestFinished(() => recorder.close().catch(() => {}));
  return recorder;
}

function append(recorder: RecorderManager, from: number, to = from): void {
  for (let id = from; id <= to; id++) {
    event.eventId = id;
    recorder.append(event);
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 5) {
    if (waited > 20_000) throw new Error('it never came');
    await sleep(5);
  }
}

describe('durability', () => {
  test('none: nothing becomes durable until it is asked for', async () => {
    const recorder = await open({ dir: newLogDir() });
    append(recorder, 1, 20_000);
    await until(() => recorder.watermarks.sealed === 20_000n);
    await sleep(300);
    expect(recorder.watermarks).toMatchObject({ appended: 20_000n, sealed: 20_000n, durable: 0n });
    expect(await recorder.waitDurable(5)).toBe(20_000n);
    expect(recorder.durableEventId).toBe(20_000n);
  });

  test('interval: it becomes durable by itself, and waitDurable waits for that', async () => {
    const dir = newLogDir();
    const recorder = await open({ dir, durability: 'interval', syncIntervalMs: 20 });
    for (let round = 1; round <= 3; round++) {
      append(recorder, round * 10_000 - 9_999, round * 10_000);
      await until(() => recorder.durableEventId === BigInt(round * 10_000));
      expect(readMeta(dir)?.eventId).toBe(BigInt(round * 10_000));
    }
    append(recorder, 30_001);
    expect(await recorder.waitDurable(30_001)).toBe(30_001n);
  });

  test('group: it becomes durable by itself, as fast as it goes', async () => {
    const recorder = await open({ dir: newLogDir(), durability: 'group' });
    append(recorder, 1, 7);
    await until(() => recorder.durableEventId === 7n);
  });

  test.each(['none', 'group'] as const)('%s: many waiters share what the device does', async (durability) => {
    const recorder = await open({ dir: newLogDir(), durability });
    let id = 0;
    const commit = async () => {
      for (let i = 0; i < 20; i++) {
        const mine = ++id;
        append(recorder, mine);
        expect(await recorder.waitDurable(mine)).toBeGreaterThanOrEqual(BigInt(mine));
      }
    };
    await Promise.all(Array.from({ length: 64 }, commit));
    expect(recorder.durableEventId).toBe(1280n);
    expect(recorder.telemetry.meta_store.durable_moves.count).toBeLessThan(400);
  });

  test('waitDurable of what is durable, or was never appended, does not wait', async () => {
    const recorder = await open({ dir: newLogDir() });
    append(recorder, 1, 3);
    await recorder.sync();
    expect(await recorder.waitDurable(2n)).toBe(3n);
    await expect(recorder.waitDurable(4)).rejects.toThrow(RangeError);
    await recorder.close();
    await expect(recorder.waitDurable(1)).rejects.toMatchObject({ code: 'NOT_OPEN' });
  });

  test('who waits while it is closed hears of it', async () => {
    const recorder = await open({ dir: newLogDir(), durability: 'interval', syncIntervalMs: 60_000 });
    append(recorder, 1);
    await recorder.waitDurable(1);
    append(recorder, 2);
    const waiting = recorder.waitDurable(2);
    await recorder.close();
    expect(await waiting).toBe(2n);
  });
});

describe('watermarks', () => {
  test('are in order whenever they are read, from another thread too', async () => {
    const recorder = await open({ dir: newLogDir(), durability: 'group' });
    const module = new URL('../dist/index.js', import.meta.url).href;
    const code = `
      const { parentPort, workerData } = require('node:worker_threads');
      import(workerData.module).then(({ Watermarks }) => {
        const watermarks = Watermarks.attach(workerData.buffer);
        const stop = new Int32Array(workerData.stop);
        let reads = 0, moves = 0, wrong = 0;
        let before = { appended: 0n, sealed: 0n, durable: 0n };
        parentPort.postMessage('up');
        while (Atomics.load(stop, 0) === 0) {
          const now = watermarks.read();
          if (!(now.appended >= now.sealed && now.sealed >= now.durable)) wrong++;
          for (const name of ['appended', 'sealed', 'durable']) if (now[name] < before[name]) wrong++;
          if (now.durable > before.durable) moves++;
          before = now;
          reads++;
        }
        parentPort.postMessage({ reads, moves, wrong, last: watermarks.read() });
      });`;
    const stop = new SharedArrayBuffer(4);
    const { buffer } = recorder.watermarks;
    const worker = new Worker(code, { eval: true, workerData: { module, buffer, stop } });
    onTestFinished(() => void worker.terminate());
    const message = () => new Promise((resolve) => worker.once('message', resolve));
    await message();
    for (let id = 1; id <= 300_000; id += 1_000) {
      append(recorder, id, id + 999);
      const { appended, sealed, durable } = recorder.watermarks;
      expect(appended).toBe(BigInt(id + 999));
      expect(appended >= sealed && sealed >= durable).toBe(true);
      if (id % 10_001 === 0) await sleep(1);
    }
    await recorder.waitDurable(300_000);
    await sleep(20);
    Atomics.store(new Int32Array(stop), 0, 1);
    const result = (await message()) as { reads: number; moves: number; wrong: number; last: object };
    expect(result).toMatchObject({
      wrong: 0,
      last: { appended: 300_000n, sealed: 300_000n, durable: 300_000n },
    });
    expect(result.moves).toBeGreaterThan(3);
  });

  test('of something else are refused', () => {
    expect(() => Watermarks.attach(new SharedArrayBuffer(64))).toThrow(TypeError);
  });
});

describe('a log whose directory is taken away while it is open', () => {
  const ways = {
    removed: (dir: string) => fs.rmSync(dir, { recursive: true }),
    replaced: (dir: string) => {
      fs.renameSync(dir, `${dir}-old`);
      fs.mkdirSync(dir);
    },
    'robbed of its active segment': (dir: string) => fs.rmSync(join(dir, segmentFileName(0))),
  };
  test.each(Object.entries(ways))(
    '%s: the next sync poisons it, and close releases everything',
    async (_how, take) => {
      const before = openDescriptors();
      const dir = join(newDir(), 'log');
      const recorder = await open({ dir });
      append(recorder, 1, 10);
      expect(await recorder.sync()).toBe(10n);
      take(dir);
      append(recorder, 11, 20);
      const waiting = [recorder.sync(), recorder.waitDurable(11)];
      for (const promise of waiting) await expect(promise).rejects.toMatchObject({ code: 'FSYNC_FAILED' });
      let error: unknown;
      for (let id = 21; error === undefined && id < 2_000; id++) {
        try {
          append(recorder, id);
        } catch (caught) {
          error = caught;
        }
      }
      expect(error).toBeInstanceOf(WalError);
      expect(error).toMatchObject({ code: 'FSYNC_FAILED' });
      expect(recorder.durableEventId).toBe(10n);
      await expect(recorder.close()).rejects.toMatchObject({ code: 'FSYNC_FAILED' });
      // Threads that have ended give theirs back a moment later.
      await until(() => openDescriptors() <= before);
    },
  );
});

test('retentionPlan tells what goes next, and why it waits', async () => {
  const recorder = await open({ dir: newLogDir(), durability: 'interval', syncIntervalMs: 60_000 });
  append(recorder, 1, 16 * 256 * 2);
  await recorder.sync();
  expect(recorder.retentionPlan()).toEqual([]);
  await recorder.close();
  expect(() => recorder.retentionPlan()).toThrow(/NOT_OPEN/);
});

test('compresses, retains and recycles behind a running engine, and recovery reads what is left', async () => {
  const dir = newLogDir();
  const recorder = await open({ dir, maxSegments: 3, maxCompressedSegments: 2, maintainers: 2 });
  append(recorder, 1, 16 * 256 * 20);
  await recorder.sync();
  await until(() => recorder.retentionPlan().length === 0);
  await recorder.close();
  const names = fs.readdirSync(dir).filter((name) => name.startsWith('FS.'));
  expect(names.filter((name) => name.endsWith('.lz4'))).toHaveLength(2);
  expect(names.filter((name) => name.endsWith('.wal'))).toHaveLength(3);
  const again = await open({ dir });
  expect(again.resumed.lastEventId).toBe(BigInt(16 * 256 * 20));
});

test('a log of short segments stays near its limits flat out', async () => {
  const dir = newLogDir();
  const recorder = await open({ dir, durability: 'none', maxSegments: 8, backpressureTimeoutMs: 20_000 });
  let most = 0;
  for (let id = 1; id < 16 * 256 * 600; id += 16 * 256 * 10) {
    append(recorder, id, id + 16 * 256 * 10 - 1);
    most = Math.max(most, fs.readdirSync(dir).length);
  }
  await recorder.close();
  // The limit, what waits for the coordinator, what may go, what is made ahead or freed, and the other files.
  expect(most).toBeLessThan(8 + 64 + 16 + 12);
});

test('a reader that comes after the threads were started keeps its segments until it is done', async () => {
  const dir = newLogDir();
  const segmentEvents = 16 * 256;
  const recorder = await open({ dir, maxSegments: 2 });
  const oldest = join(dir, segmentFileName(0));
  append(recorder, 1);
  const reader = registerReader(dir);
  onTestFinished(() => reader.release());
  append(recorder, 2, segmentEvents * 10);
  await recorder.sync();
  await until(() => recorder.retentionPlan().length >= 8);
  expect(fs.existsSync(oldest)).toBe(true);
  expect(recorder.retentionPlan()[0]).toMatchObject({
    segmentIndex: 0,
    blockedBy: expect.stringContaining('read'),
  });
  reader.moveTo(3);
  append(recorder, segmentEvents * 10 + 1, segmentEvents * 12);
  await until(() => !fs.existsSync(join(dir, segmentFileName(2))));
  expect(fs.existsSync(join(dir, segmentFileName(3)))).toBe(true);
  reader.release();
  append(recorder, segmentEvents * 12 + 1, segmentEvents * 14);
  await until(() => recorder.retentionPlan().length === 0);
});
