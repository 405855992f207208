import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { Telemetry } from '../src/index.js';
import { STORES_IN_ORDER } from '../src/store-order.js';
import { complaints } from './children/check.js';
import { layout, STEP } from './children/layout.js';

const SNAPSHOTS = 3000;

function childPath(name: string): string {
  return fileURLToPath(new URL(`children/${name}.js`, import.meta.url));
}

async function start(name: string, workerData: unknown): Promise<Worker> {
  const worker = new Worker(childPath(name), { workerData });
  onTestFinished(() => void worker.terminate());
  expect(await once(worker, 'message')).toEqual(['started']);
  return worker;
}

test('snapshots of another thread are never torn, however fast it records and however many read', async () => {
  const telemetry = Telemetry.create(layout);
  const stop = new SharedArrayBuffer(4);
  const workerData = { buffer: telemetry.buffer, stop, times: 300_000 };
  const writer = await start('write', workerData);
  const reader = await start('read', workerData);
  const wrong: string[] = [];
  const counts = new Set<number>();
  for (let i = 0; i < SNAPSHOTS; i++) {
    const snapshot = telemetry.snapshot();
    wrong.push(...complaints(snapshot));
    counts.add(snapshot.append.count);
    // Sums of more than 134 million have no exact number to be compared with.
    if (snapshot.append.count > 100_000_000) break;
  }
  const answers = Promise.all([once(writer, 'message'), once(reader, 'message')]);
  Atomics.store(new Int32Array(stop), 0, 1);
  const [[recorded], [read]] = await answers;
  expect(wrong).toEqual([]);
  expect(read.wrong).toEqual([]);
  expect(read.snapshots).toBeGreaterThan(0);
  // They were taken while it recorded.
  expect(counts.size).toBeGreaterThan(10);
  // And in the end nothing is missing.
  const last = telemetry.snapshot();
  expect(complaints(last)).toEqual([]);
  expect(last.append.count).toBe(recorded);
  expect(last.sync.count).toBe(recorded);
  expect(last.write).toMatchObject({ count: recorded, failures: recorded });
  expect(last.loop.loops).toBe(recorded);
  expect(last.events).toBe(recorded * STEP);
});

// Elsewhere a record calls Atomics when it ends, and a thread can be terminated where it calls.
test.skipIf(!STORES_IN_ORDER)(
  'metrics can be read after their writer was terminated (SKIPPED except on x86)',
  async () => {
    for (let round = 0; round < 30; round++) {
      const telemetry = Telemetry.create(layout);
      const workerData = { buffer: telemetry.buffer, stop: new SharedArrayBuffer(4), times: 1 };
      const writer = await start('write', workerData);
      await new Promise((resolve) => setTimeout(resolve, round % 10));
      await writer.terminate();
      const { append, sync, write, loop } = telemetry.snapshot();
      expect(append.count).toBeGreaterThanOrEqual(0);
      expect(sync.sum).toBe((sync.count * (sync.count + 1)) / 2);
      expect(write.sum).toBe((write.count * (write.count + 1)) / 2);
      expect(loop.active).toBe((loop.loops * (loop.loops + 1)) / 2);
    }
  },
);

test('recording 10 million times, to each metric and to all at once, collects no garbage', () => {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--expose-gc', childPath('record-without-garbage')],
    { encoding: 'utf8' },
  );
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual({ during: [0, 0, 0, 0, 0, 0, 0, 0], count: 24_000_000 });
});
