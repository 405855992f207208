import fs from 'node:fs';
import path from 'node:path';
import { RecorderManager } from '@fswal/recorder';
import { filledEvent } from './append.js';
import type { BenchGroup } from './bench-group.js';
import { interleave } from './interleave.js';
import { openSqlite } from './rivals.js';
import { median, percentile } from './statistics.js';

const ROUNDS = 200;
const WARM_UP_ROUNDS = 20;

/** One event made durable, and then the next. */
export async function benchSync(dir: string, fileSystem: string): Promise<BenchGroup> {
  const recorder = await RecorderManager.open({ dir: path.join(dir, 'sync') });
  const sqlite = openSqlite(path.join(dir, 'sync.db'), 'FULL');
  const fd = fs.openSync(path.join(dir, 'plain'), 'w');
  const event = filledEvent();
  let id = 0;
  const values = await interleave(ROUNDS, WARM_UP_ROUNDS, {
    'append + await sync()': () =>
      elapsedNs(async () => {
        event.eventId = ++id;
        recorder.append(event);
        await recorder.sync();
      }),
    'fs.writeSync + fs.fdatasyncSync': () =>
      elapsedNs(async () => {
        fs.writeSync(fd, event.bytes);
        fs.fdatasyncSync(fd);
      }),
    ...(sqlite && {
      'better-sqlite3, WAL, FULL, one insert': () => elapsedNs(async () => sqlite.syncOne(event)),
    }),
  });
  await recorder.close();
  sqlite?.close();
  fs.closeSync(fd);
  return {
    group: `sync, one event at a time (${fileSystem})`,
    rows: Object.entries(values).map(([name, ns]) => ({
      name,
      medianNs: median(ns),
      perSec: 1e9 / median(ns),
      note: `p99 ${(percentile(ns, 99) / 1e6).toFixed(2)} ms`,
    })),
    ratios: [],
  };
}

async function elapsedNs(run: () => Promise<void>): Promise<number> {
  const start = process.hrtime.bigint();
  await run();
  return Number(process.hrtime.bigint() - start);
}
