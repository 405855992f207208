/*
 * P5: an event of which only a part was stored. The id is the commit word, stored last, so a part without the whole id
 * must never surface. A part with the whole id cannot come about by a kill; a device that tears 64 aligned bytes could
 * make one, and it is caught wherever a checksum covers it, but not above the durable position.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import {
  asWords,
  BLOCK_EVENTS,
  blockOffset,
  EVENT_BYTES,
  EventView,
  eventOffset,
  segmentFileName,
  TAIL_RING_FILE,
  tailRingEventWord,
  WORD_BYTES,
} from '@fswal/format';
import { RecorderManager } from '@fswal/recorder';
import { expect, test } from 'vitest';
import { buildLog, buildRing, storeEvent } from '../src/harness/build-log.js';
import { writeImage } from '../src/harness/log-copy.js';
import { count, patience } from '../src/harness/scale.js';
import { scanLog } from '../src/harness/scan-log.js';
import { appendTo, checkLog, reopen, replay, SMALL_LOG } from '../src/harness/verify-log.js';
import { newLogDir } from './helpers/directories.js';

const RING_BLOCKS = 8;
const IN_TAIL = 44;
/** So large that the bytes of an id differ, and that a part of one is another number. */
const FROM = 2 ** 40 + 2 ** 17 - 200;
const EVENTS = BLOCK_EVENTS * (RING_BLOCKS + 1) + IN_TAIL;
const LAST = FROM + EVENTS - 1;
const NEXT = LAST + 1;
/** Recovery and a recorder see each so many-th of the cases that the scan sees all of. */
const SAMPLE = count({ gate: 80, full: 1 });

interface HalfStored {
  readonly name: string;
  /** The 64 bytes, of what was there before and of the new event. */
  readonly bytes: Uint8Array;
  /** Whether they hold the new id. */
  readonly whole: boolean;
}

/** Every prefix of 0 to 63 bytes and every proper subset of the eight words of the next event: 319. */
function halves(before: Uint8Array): HalfStored[] {
  const event = new Uint8Array(EVENT_BYTES);
  storeEvent(asWords(event), 0, NEXT);
  const make = (name: string, isNew: (byte: number) => boolean): HalfStored => {
    const bytes = event.map((byte, i) => (isNew(i) ? byte : (before[i] as number)));
    return { name, bytes, whole: bytes.subarray(0, 8).every((byte, i) => byte === event[i]) };
  };
  const prefixes = Array.from({ length: 64 }, (_, length) =>
    make(`the first ${length} bytes`, (i) => i < length),
  );
  const subsets = Array.from({ length: 255 }, (_, set) =>
    make(`words ${set.toString(2)}`, (i) => ((set >> (i >> 3)) & 1) === 1),
  );
  return [...prefixes, ...subsets];
}

/** What lay there before: nothing, or an event of long ago. */
const BEFORE = {
  zeros: new Uint8Array(EVENT_BYTES),
  'an older event': (() => {
    const bytes = new Uint8Array(EVENT_BYTES);
    storeEvent(asWords(bytes), 0, NEXT - RING_BLOCKS * BLOCK_EVENTS);
    return bytes;
  })(),
};

const segments = buildLog({ events: EVENTS, from: FROM, durable: LAST - 10 });
const ring = buildRing({ after: FROM - 1, lastId: LAST, tailBlocks: RING_BLOCKS });

const PLACES = {
  /** All that the ring holds beyond the segments is the half of an event. */
  'the tail ring': ({ bytes }: HalfStored) => {
    const image = ring.slice();
    const slot = Math.floor(EVENTS / BLOCK_EVENTS) % RING_BLOCKS;
    image.set(bytes, tailRingEventWord(slot, EVENTS % BLOCK_EVENTS) * WORD_BYTES);
    return new Map([...segments, [TAIL_RING_FILE, image]]);
  },
  'the open segment': ({ bytes }: HalfStored) => {
    const name = segmentFileName(0);
    const segment = (segments.get(name) as Uint8Array).slice();
    segment.set(bytes, blockOffset(RING_BLOCKS + 1) + eventOffset(IN_TAIL));
    return new Map([...segments, [name, segment]]);
  },
};

const cases = Object.keys(PLACES).flatMap((place) =>
  Object.keys(BEFORE).map((before) => [place, before] as [keyof typeof PLACES, keyof typeof BEFORE]),
);

test.each(cases)(
  'a part of an event without its whole id never surfaces from %s, over %s',
  { timeout: patience(120_000) },
  async (place, before) => {
    const all = halves(BEFORE[before]);
    expect(all.length).toBe(319);
    const parts = all.filter(({ whole }) => !whole);
    expect(parts.length).toBeGreaterThan(128);
    const dir = newLogDir();
    for (const [i, half] of parts.entries()) {
      writeImage(dir, PLACES[place](half));
      const { firstId, lastId, faults, error } = scanLog(dir);
      expect({ firstId, lastId, faults, error }, half.name).toEqual({
        firstId: FROM,
        lastId: LAST,
        faults: [],
        error: undefined,
      });
      if (i % SAMPLE !== 0) continue;
      const checked = await checkLog(dir, { atLeast: LAST, atMost: LAST, from: FROM });
      expect(checked.faults, half.name).toEqual([]);
    }
  },
);

test('a part of an event with its whole id is caught wherever a checksum covers it', {
  timeout: patience(120_000),
}, async () => {
  const parts = halves(BEFORE.zeros).filter(({ whole }) => whole);
  expect(parts.length).toBeGreaterThan(127);
  const dir = newLogDir();
  const name = segmentFileName(0);
  const places = {
    // Both with one more event than above, so that it is the last one of what is durable, or of a sealed block.
    'the durable prefix': {
      image: buildLog({ events: EVENTS + 1, from: FROM }),
      block: RING_BLOCKS + 1,
      index: IN_TAIL,
    },
    'a sealed block': {
      image: buildLog({ events: EVENTS + BLOCK_EVENTS, from: FROM, durable: NEXT + 3 }),
      block: RING_BLOCKS + 1,
      index: IN_TAIL,
    },
  };
  for (const [place, { image, block, index }] of Object.entries(places)) {
    for (const [i, half] of parts.entries()) {
      const segment = (image.get(name) as Uint8Array).slice();
      segment.set(half.bytes, blockOffset(block) + eventOffset(index));
      writeImage(dir, new Map([...image, [name, segment]]));
      const hint = `${half.name} in ${place}`;
      const scanned = scanLog(dir);
      expect(scanned.faults, hint).toEqual([]);
      expect(scanned.error?.code, hint).toBe('BLOCK_CHECKSUM_MISMATCH');
      if (i % SAMPLE !== 0) continue;
      expect((await replay(dir)).error?.code, hint).toBe('BLOCK_CHECKSUM_MISMATCH');
      expect((await reopen(dir)).error?.code, hint).toBe('BLOCK_CHECKSUM_MISMATCH');
    }
  }
});

test('whoever sees the id of an event in the ring sees all of it', {
  timeout: patience(120_000),
}, async () => {
  const events = count({ gate: 2_000_000, full: 100_000_000 });
  const dir = newLogDir();
  const recorder = await RecorderManager.open({ dir, ...SMALL_LOG, tailBlocks: 64 });
  const event = new EventView();
  const watcher = new Worker(new URL('../src/harness/children/watch-ring.js', import.meta.url), {
    workerData: { ring: join(dir, TAIL_RING_FILE), tailBlocks: 64 },
  });
  try {
    await new Promise((resolve) => watcher.once('message', resolve));
    while (Number(recorder.metaState.eventId) < events) {
      // Both ways to append.
      const id = appendTo(recorder, 250);
      for (let n = 1; n <= 250; n++) {
        storeEvent(event.words, event.base, id + n);
        recorder.append(event);
      }
      // The event loop has to turn for a full ring to be noticed; and the watcher needs its share of a processor.
      await new Promise((resolve) => setImmediate(resolve));
    }
    const answer = new Promise((resolve) => watcher.once('message', resolve));
    watcher.postMessage('stop');
    const { seen, torn } = (await answer) as { seen: number; torn: number[] };
    expect(torn).toEqual([]);
    expect(seen).toBeGreaterThan(1000);
  } finally {
    await watcher.terminate();
    await recorder.close();
  }
  expect(fs.readdirSync(dir)).not.toContain(TAIL_RING_FILE);
});
