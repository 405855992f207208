/*
 * The device as the limit: the same bytes flat out through the log in mode `interval`, and through plain sequential
 * writes. Bytes are those of the events; the log's headers and metadata are its own affair, and show in the ratios.
 */

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { EVENT_BYTES } from '@fswal/format';
import { type BenchGroup, type BenchRow, benchRow, ratioAtLeast, ratioAtMost } from './bench-group.js';
import type { BenchRun } from './bench-run.js';
import { nowNs } from './clock.js';
import { DeviceWrites } from './device-writes.js';
import { median, medianRatio } from './statistics.js';
import {
  NewFilesLog,
  PlainFile,
  type SustainedCase,
  SYNC_INTERVAL_MS,
  UsedFilesLog,
} from './sustained-cases.js';

const TARGET_RATE = 0.8;
const TARGET_AMPLIFICATION = 1.3;
/** No round begins that would, going by the last one, end later: a device may be slow, or busy. */
const BUDGET_MS = 100_000;
const MIN_ROUNDS = 2;

/** 0.5 GB of each case in a round, 2 GB in all of them. */
const FULL = { rounds: 4, events: 8_388_608 };
const QUICK = { rounds: 1, events: 131_072 };

/** A case and what it took, round by round. */
interface Measured {
  readonly one: SustainedCase;
  readonly nsPerEvent: number[];
  /** Bytes that reached the device, per byte of events. */
  readonly amplification: number[];
}

export async function benchSustained(run: BenchRun): Promise<BenchGroup> {
  const { rounds, events } = run.quick ? QUICK : FULL;
  const at = (name: string) => path.join(run.dir, name);
  const logs = [new NewFilesLog(at('new')), new UsedFilesLog(at('used'))];
  const newFiles = [
    new PlainFile('plain new file, fdatasync per 1 MB', at('new-1'), false, 0),
    new PlainFile('plain new file, fdatasync per 100 ms', at('new-2'), false, SYNC_INTERVAL_MS),
  ];
  const oldFiles = [
    new PlainFile('plain file written before, fdatasync per 1 MB', at('old-1'), true, 0),
    new PlainFile('plain file written before, fdatasync per 100 ms', at('old-2'), true, SYNC_INTERVAL_MS),
  ];
  const start = (one: SustainedCase): Measured => ({ one, nsPerEvent: [], amplification: [] });
  const measured = { logs: logs.map(start), newFiles: newFiles.map(start), oldFiles: oldFiles.map(start) };
  const all = [...measured.logs, ...measured.newFiles, ...measured.oldFiles];
  try {
    for (const { one } of all) {
      run.progress(`${one.name}, warming up`);
      await one.warmUp(events);
    }
    const end = performance.now() + BUDGET_MS;
    let roundMs = 0;
    for (let round = 0; round < rounds; round++) {
      const roundStart = performance.now();
      if (round >= MIN_ROUNDS && roundStart + roundMs > end) break;
      for (const each of all) {
        run.progress(`${each.one.name}, round ${round + 1} of ${rounds}`);
        await measure(run.dir, events, each);
      }
      roundMs = performance.now() - roundStart;
    }
  } finally {
    for (const { one } of all) await one.close();
  }
  const [intoNew, intoUsed] = measured.logs;
  const megabytes = Math.round((events * EVENT_BYTES) / 1e6).toLocaleString('en');
  return {
    group: `sustained, flat out in mode interval, ${megabytes} MB of events in each of ${intoNew.nsPerEvent.length} rounds, until on the device (${run.fileSystem})`,
    rows: all.map(sustainedRow),
    ratios: [
      ratioAtLeast(
        'MB/s: log, new files / the faster plain new file',
        medianRatio(fastest(measured.newFiles), intoNew.nsPerEvent),
        TARGET_RATE,
      ),
      ratioAtLeast(
        'MB/s: log, files used again / the faster plain file written before',
        medianRatio(fastest(measured.oldFiles), intoUsed.nsPerEvent),
        TARGET_RATE,
      ),
      ...measured.logs.map(({ one, amplification }) =>
        ratioAtMost(`device bytes per byte: ${one.name}`, median(amplification), TARGET_AMPLIFICATION),
      ),
    ],
  };
}

/** Of each round. */
function fastest(measured: readonly Measured[]): number[] {
  const [first, second] = measured;
  return first.nsPerEvent.map((ns, round) => Math.min(ns, second.nsPerEvent[round]));
}

async function measure(
  dir: string,
  events: number,
  { one, nsPerEvent, amplification }: Measured,
): Promise<void> {
  await one.prepare();
  // What was left to be written before is not this one's.
  syncFileSystem(dir);
  const device = new DeviceWrites(dir);
  const deviceBefore = device.bytes();
  const start = nowNs();
  await one.write(events);
  nsPerEvent.push((nowNs() - start) / events);
  // All that is left to be written is this one's: the tail ring, files made ahead, the file system's own.
  syncFileSystem(dir);
  amplification.push((device.bytes() - deviceBefore) / (events * EVENT_BYTES));
  await one.cleanUp();
}

/** Node has no syncfs: coreutils have, and where they are missing the file system is left as it is. */
function syncFileSystem(dir: string): void {
  spawnSync('sync', ['-f', dir], { stdio: 'ignore' });
}

function sustainedRow({ one, nsPerEvent, amplification }: Measured): BenchRow {
  const rate = ((EVENT_BYTES * 1e9) / median(nsPerEvent) / 1e6).toFixed(0);
  const written = median(amplification);
  const note = Number.isNaN(written) ? '' : `; device bytes per byte ${written.toFixed(2)}`;
  return benchRow(one.name, nsPerEvent, `${rate} MB/s${note}`);
}
