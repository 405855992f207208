import fs from 'node:fs';
import path from 'node:path';
import { EVENT_BYTES, EVENT_WORDS, RequestEvent } from '@fswal/format';
import { RecorderManager } from '@fswal/recorder';
import type { BenchGroup, BenchRow } from './bench-group.js';
import { Floor } from './floor.js';
import { interleave, nsPer } from './interleave.js';
import { openLmdb, openSqlite } from './rivals.js';
import { median, medianRatio } from './statistics.js';

/** The default tail ring. */
const RING_EVENTS = 524_288;
/** A burst fits the ring; it is no whole part of it, so that bursts of all cases fall on all of its memory. */
const BURST = 200_192;
const BATCH_EVENTS = 256;
/** lmdb and SQLite are slower: less of it gives as good a figure. */
const RIVAL_EVENTS = 25_600;
const ROUNDS = 15;
const WARM_UP_ROUNDS = 3;

const FLOOR = 'floor: store 16 words into a plain array';
const APPEND = 'append(event)';
const CLAIM = 'claim() + commit(id)';
const BATCHED = 'fs.writeSync, batches of 256';

/** Appending in bursts that fit the tail ring, beside the floor and what one would use instead. */
export async function benchAppend(dir: string, fileSystem: string): Promise<BenchGroup> {
  const recorder = await RecorderManager.open({ dir: path.join(dir, 'log') });
  const batch = new BatchedFile(path.join(dir, 'batched'));
  const lmdb = openLmdb(path.join(dir, 'lmdb'));
  const sqlite = openSqlite(path.join(dir, 'sqlite.db'), 'NORMAL');
  const floor = new Floor(RING_EVENTS);
  const event = filledEvent();
  let id = 0;
  const values = await interleave(ROUNDS, WARM_UP_ROUNDS, {
    [FLOOR]: () => nsPer(BURST, () => floor.store(BURST)),
    [APPEND]: async () => {
      const ns = nsPer(BURST, () => {
        for (let i = 0; i < BURST; i++) {
          event.eventId = ++id;
          recorder.append(event);
        }
      });
      await recorder.sync();
      return ns;
    },
    [CLAIM]: async () => {
      const ns = nsPer(BURST, () => {
        for (let i = 0; i < BURST; i++) {
          const claimed = recorder.claim();
          claimed.price = i;
          claimed.quantity = 7;
          claimed.userId = 3;
          claimed.orderId = i;
          recorder.commit(++id);
        }
      });
      await recorder.sync();
      return ns;
    },
    [BATCHED]: () => nsPer(BURST, () => batch.write(event, BURST)),
    [lmdb.name]: () => lmdb.nsPerEvent(event, RIVAL_EVENTS),
    ...(sqlite && { [sqlite.name]: () => sqlite.nsPerEvent(event, RIVAL_EVENTS) }),
  });
  await recorder.close();
  batch.close();
  await lmdb.close();
  sqlite?.close();
  const floorValues = values[FLOOR];
  const faster = 1 / medianRatio(values[APPEND], values[BATCHED]);
  return {
    group: `append, bursts of ${BURST.toLocaleString('en')} events that fit the ring (${fileSystem}, page cache)`,
    rows: Object.entries(values).map(([name, ns]) => row(name, median(ns))),
    ratios: [
      ratio('append / floor', medianRatio(values[APPEND], floorValues), 'at most 3', 3),
      ratio('claim + commit / floor', medianRatio(values[CLAIM], floorValues), 'at most 3', 3),
      { name: 'batched fs.writeSync / append', value: faster, target: 'at least 5', met: faster >= 5 },
    ],
  };
}

/** Appending without a pause, far beyond the ring, to new files: as fast as the slowest thread. */
export async function benchFlatOut(dir: string, fileSystem: string): Promise<BenchGroup> {
  const events = 8_388_608;
  const rounds: Record<string, number[]> = { appended: [], 'in segments, synced': [] };
  for (let round = 0; round < 3; round++) {
    const logDir = path.join(dir, `flat-out-${round}`);
    const recorder = await RecorderManager.open({ dir: logDir, backpressureTimeoutMs: 60_000 });
    const event = filledEvent();
    const start = process.hrtime.bigint();
    for (let id = 1; id <= events; id++) {
      event.eventId = id;
      recorder.append(event);
    }
    rounds.appended.push(Number(process.hrtime.bigint() - start) / events);
    await recorder.sync();
    rounds['in segments, synced'].push(Number(process.hrtime.bigint() - start) / events);
    await recorder.close();
    fs.rmSync(logDir, { recursive: true });
  }
  return {
    group: `append flat out, ${events.toLocaleString('en')} events, fresh files (${fileSystem})`,
    rows: Object.entries(rounds).map(([name, ns]) => row(name, median(ns))),
    ratios: [],
  };
}

/** Collections of garbage in the engine's thread during 20 million appends after warm-up. */
export async function benchGarbage(dir: string, fileSystem: string): Promise<BenchGroup> {
  const recorder = await RecorderManager.open({
    dir: path.join(dir, 'garbage'),
    backpressureTimeoutMs: 60_000,
  });
  const event = filledEvent();
  let id = 0;
  const burst = () => {
    for (let i = 0; i < BURST; i++) {
      event.eventId = ++id;
      recorder.append(event);
    }
  };
  for (let i = 0; i < 8; i++) burst();
  await recorder.sync();
  const before = id;
  let collections = 0;
  const { PerformanceObserver } = await import('node:perf_hooks');
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  observer.observe({ entryTypes: ['gc'] });
  const start = process.hrtime.bigint();
  while (id - before < 20_000_000) burst();
  const ns = Number(process.hrtime.bigint() - start) / (id - before);
  await new Promise((resolve) => setTimeout(resolve, 50));
  collections += observer.takeRecords().length;
  observer.disconnect();
  await recorder.close();
  return {
    group: `garbage, ${(id - before).toLocaleString('en')} appends flat out (${fileSystem})`,
    rows: [row('append(event)', ns)],
    ratios: [{ name: 'collections of garbage', value: collections, target: 'none', met: collections === 0 }],
  };
}

/** What one writes first: gather 256 events in memory, then one fs.writeSync. */
class BatchedFile {
  readonly #fd: number;
  readonly #words = new Int32Array(BATCH_EVENTS * EVENT_WORDS);
  readonly #bytes = new Uint8Array(this.#words.buffer);
  #id = 0;

  constructor(file: string) {
    this.#fd = fs.openSync(file, 'w');
  }

  write(event: RequestEvent, count: number): void {
    const { words } = event;
    const batch = this.#words;
    for (let i = 0; i < count; i += BATCH_EVENTS) {
      for (let at = 0; at < batch.length; at += EVENT_WORDS) {
        event.eventId = ++this.#id;
        for (let w = 0; w < EVENT_WORDS; w++) batch[at + w] = words[w];
      }
      fs.writeSync(this.#fd, this.#bytes, 0, BATCH_EVENTS * EVENT_BYTES);
    }
  }

  close(): void {
    fs.closeSync(this.#fd);
  }
}

export function filledEvent(): RequestEvent {
  return RequestEvent.from({
    eventId: 1,
    price: 10_050,
    quantity: 7,
    userId: 3,
    orderId: 11,
    type: 1,
    side: 1,
  });
}

function row(name: string, medianNs: number): BenchRow {
  return { name, medianNs, perSec: 1e9 / medianNs };
}

function ratio(name: string, value: number, target: string, most: number) {
  return { name, value, target, met: value <= most };
}
