/*
 * S6: recycled files hold old blocks that verify by themselves. S7: what was cut off as a torn tail. Neither must ever
 * be events again.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  asWords,
  BLOCK_BYTES,
  BLOCK_EVENTS,
  blockOffset,
  EVENT_BYTES,
  eventOffset,
  idAt,
  META_FILE,
  parseSegmentFileName,
  SEGMENT_HEADER_BYTES,
  segmentFileName,
  TAIL_RING_FILE,
  WORD_BYTES,
} from '@fswal/format';
import { RecorderManager } from '@fswal/recorder';
import { expect, test } from 'vitest';
import { buildLog, SEGMENT_EVENTS, writePreparedHeader } from '../src/harness/build-log.js';
import { type LogImage, readImage, writeImage } from '../src/harness/log-copy.js';
import { count, FULL, patience } from '../src/harness/scale.js';
import { scanLog } from '../src/harness/scan-log.js';
import { type Random, seeded } from '../src/harness/seeded.js';
import { appendTo, checkLog, reopen, SMALL_LOG } from '../src/harness/verify-log.js';
import { newDir, newLogDir } from './helpers/directories.js';

/** Recovery and a recorder see each so many-th of the cases that the scan sees all of. */
const SAMPLE = FULL ? 20 : 100;
const OLD_SEGMENTS = 4;

/** A log of some segments, the last one closed or open, and what recycled files there may be behind it. */
const whole = buildLog({ events: 6 * SEGMENT_EVENTS });
/** Another log that got further before it was deleted, and whose file is taken again. */
const incarnation = buildLog({ events: 2 * SEGMENT_EVENTS, from: 1_000_000 });

function file(image: LogImage, segmentIndex: number): Uint8Array {
  return image.get(segmentFileName(segmentIndex)) as Uint8Array;
}

/** What a retired file may hold: a segment of this log, blocks of two of them, or of a previous incarnation. */
function staleFile(random: Random, last: number): Uint8Array {
  const old = file(
    whole,
    random.below(Math.min(OLD_SEGMENTS, Math.floor(last / SEGMENT_EVENTS) || 1)),
  ).slice();
  if (random.below(2) === 0) return old;
  const other = file(whole, 0);
  for (let block = random.below(16); block < 16; block++) {
    const start = blockOffset(block);
    old.set(other.subarray(start, start + BLOCK_BYTES), start);
  }
  return old;
}

test(
  'no event of a retired segment comes back from a file that is prepared anew',
  { timeout: patience(120_000) },
  () =>
    seeded(async (random) => {
      const dir = newLogDir();
      for (let n = 0; n < count({ gate: 300, full: 30_000 }); n++) {
        const segments = random.between(1, 5);
        const last = segments * SEGMENT_EVENTS - random.pick([0, 0, random.below(SEGMENT_EVENTS)]);
        const ofAnotherLog = random.below(3) === 0;
        const stale = ofAnotherLog ? file(incarnation, random.below(2)).slice() : staleFile(random, last);
        writePreparedHeader(stale, segments);
        writeImage(dir, new Map([...buildLog({ events: last }), [segmentFileName(segments), stale]]));
        const { lastId, faults, error } = scanLog(dir);
        expect({ lastId, faults, error }, `${n}`).toEqual({ lastId: last, faults: [], error: undefined });
        if (n % SAMPLE !== 0) continue;
        expect((await checkLog(dir, { atLeast: last, atMost: last })).faults, `${n}`).toEqual([]);
      }
    }),
);

test(
  'no event of a retired segment comes back from a file that is being written over',
  { timeout: patience(120_000) },
  () =>
    seeded(async (random) => {
      const dir = newLogDir();
      for (let n = 0; n < count({ gate: 200, full: 20_000 }); n++) {
        const segments = random.between(1, 5);
        const events = random.between(1, SEGMENT_EVENTS - 1);
        const last = segments * SEGMENT_EVENTS + events;
        const image = buildLog({ events: last, durable: last - random.below(events) });
        const active = file(image, segments);
        const stale = staleFile(random, last);
        // Where no event is yet, there is what there was; the block that is not sealed has the old header too.
        const end = eventsEnd(events);
        active.set(stale.subarray(end), end);
        if (events % BLOCK_EVENTS !== 0) {
          const header = blockOffset(Math.floor(events / BLOCK_EVENTS));
          active.set(stale.subarray(header, header + 64), header);
        }
        writeImage(dir, image);
        const { lastId, faults, error } = scanLog(dir);
        expect({ lastId, faults, error }, `${n}`).toEqual({ lastId: last, faults: [], error: undefined });
        if (n % SAMPLE !== 0) continue;
        expect((await checkLog(dir, { atLeast: last, atMost: last })).faults, `${n}`).toEqual([]);
      }
    }),
);

/** The byte after that many events of a segment. */
function eventsEnd(events: number): number {
  const block = Math.floor((events - 1) / BLOCK_EVENTS);
  return blockOffset(block) + eventOffset(((events - 1) % BLOCK_EVENTS) + 1);
}

test(
  'no event comes back where the recorder itself takes retired segments again',
  { timeout: patience(120_000) },
  () =>
    seeded(async (random) => {
      const dir = newLogDir();
      const copy = newLogDir();
      const recorder = await RecorderManager.open({ dir, ...SMALL_LOG, maxSegments: 2, preparedSegments: 1 });
      const inodes = new Set<number>();
      let images = 0;
      try {
        for (let n = 0; n < count({ gate: 100, full: 10_000 }); n++) {
          for (let left = random.between(1, SEGMENT_EVENTS / 2); left > 0; left -= 300) {
            appendTo(recorder, Math.min(left, 300));
            // As slow as the workers, so that they come to retiring.
            await recorder.sync();
          }
          const last = appendTo(recorder, random.below(50));
          const image = copyOfKilled(dir);
          if (image === undefined) continue;
          images++;
          writeImage(copy, image);
          const scanned = scanLog(copy);
          expect({ lastId: scanned.lastId, faults: scanned.faults, error: scanned.error }).toEqual({
            lastId: last,
            faults: [],
            error: undefined,
          });
          for (const name of image.keys()) {
            // Gone by now, where a worker has retired it.
            const stats = fs.statSync(join(dir, name), { throwIfNoEntry: false });
            if (stats !== undefined && parseSegmentFileName(name) !== undefined) inodes.add(stats.ino);
          }
        }
      } finally {
        await recorder.close();
      }
      expect(images).toBeGreaterThan(count({ gate: 50, full: 5000 }));
      // A segment for each 4,096 events, but only a few files: they were taken again.
      const rotations = recorder.metaState.segmentIndex;
      expect(rotations).toBeGreaterThan(10);
      expect(inodes.size).toBeLessThan(rotations);
    }),
);

/** What SIGKILL would leave now; undefined where the workers changed names while it was read. */
function copyOfKilled(dir: string): Map<string, Uint8Array> | undefined {
  const names = () =>
    fs
      .readdirSync(dir, { withFileTypes: true })
      .map(({ name }) => `${name} ${fs.lstatSync(join(dir, name), { throwIfNoEntry: false })?.ino}`)
      .sort()
      .join('\n');
  const before = names();
  try {
    const image = readImage(dir);
    return names() === before ? image : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Takes an event out of a log's segments, above the durable position and below the last one: what a power cut leaves
 * when pages reach the device in another order. @returns the last event before it
 */
function tear(image: Map<string, Uint8Array>, durable: number, last: number, random: Random): number {
  const hole = random.between(durable + 1, last - 1);
  for (const [name, content] of image) {
    if (parseSegmentFileName(name) === undefined) continue;
    const bytes = content.slice();
    for (let block = 0; blockOffset(block + 1) <= bytes.length; block++) {
      for (let index = 0; index < BLOCK_EVENTS; index++) {
        const at = blockOffset(block) + eventOffset(index);
        if (idAt(asWords(bytes), at / WORD_BYTES) !== BigInt(hole)) continue;
        bytes.fill(0, at, at + EVENT_BYTES);
        image.set(name, bytes);
        return hole - 1;
      }
    }
  }
  throw new Error(`event ${hole} is in no segment`);
}

test('events that were cut off as a torn tail never return', { timeout: patience(180_000) }, () =>
  seeded(async (random) => {
    const parent = newDir();
    // Three openings each.
    for (let n = 0; n < count({ gate: 10, full: 3400 }); n++) {
      const dir = join(parent, `log-${n}`);
      const durable = random.between(1, 2 * SEGMENT_EVENTS);
      let last = durable + random.between(200, 1500);
      let image = buildLog({ events: last, durable });
      let atMost = durable;
      for (let round = 0; round < 3; round++) {
        const kept = tear(image, atMost, last, random);
        writeImage(dir, image);
        const recorder = await RecorderManager.open({ dir, ...SMALL_LOG });
        const hint = `log ${n}, round ${round}: durable ${atMost}, hole after ${kept}, torn ${last}`;
        const cutTo = Number(recorder.metaState.eventId);
        // A hole in a full block takes the rest of the block's checksum with it: the cut may be at the block's start.
        expect(cutTo, hint).toBeGreaterThanOrEqual(atMost);
        expect(cutTo, hint).toBeLessThanOrEqual(kept);
        expect(recorder.resumed.tornTail, hint).toBeDefined();
        // Fewer than were cut, with other content behind them on the disk.
        const after = appendTo(recorder, random.below(Math.min(last - cutTo, 100)));
        // Sometimes the writer has brought it all to the segments by then, sometimes nothing.
        if (random.below(3) > 0) await sleep(20);
        image = readImage(dir);
        await recorder.close();
        writeImage(dir, image);
        const scanned = scanLog(dir);
        expect({ lastId: scanned.lastId, faults: scanned.faults, error: scanned.error }, hint).toEqual({
          lastId: after,
          faults: [],
          error: undefined,
        });
        // The next tear is of what this recorder left, its ring lost with the power.
        image.delete(TAIL_RING_FILE);
        for (const name of image.keys()) if (name.endsWith('.broken')) image.delete(name);
        atMost = cutTo;
        last = scanLogWithoutRing(dir);
        if (last - atMost < 2) break;
      }
      const end = scanLog(dir).lastId;
      expect((await reopen(dir)).lastId).toBe(end);
      fs.rmSync(dir, { recursive: true });
    }
  }),
);

function scanLogWithoutRing(dir: string): number {
  const ring = join(dir, TAIL_RING_FILE);
  fs.rmSync(ring, { force: true });
  return scanLog(dir).lastId;
}

test('the files of these tests are what they say', () => {
  expect(file(whole, 0).length).toBe(file(incarnation, 0).length);
  expect(eventsEnd(1)).toBe(SEGMENT_HEADER_BYTES + 64 + EVENT_BYTES);
  expect(whole.has(META_FILE)).toBe(true);
});
