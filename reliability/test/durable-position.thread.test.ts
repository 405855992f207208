/* M1, M2: wal_meta.dat damaged, missing, of another log, ahead of the log or behind it. */
import fs from 'node:fs';
import { join } from 'node:path';
import {
  BLOCK_EVENTS,
  blockOffset,
  EVENT_BYTES,
  encodeMeta,
  eventOffset,
  META_FILE,
  META_TEMP_FILE,
  SEGMENT_HEADER_BYTES,
} from '@fswal/format';
import { expect, test } from 'vitest';
import { BLOCKS, buildLog, SEGMENT_EVENTS } from '../src/harness/build-log.js';
import { differences, readImage, writeImage } from '../src/harness/log-copy.js';
import { count, FULL, patience } from '../src/harness/scale.js';
import { scanLog } from '../src/harness/scan-log.js';
import { seeded } from '../src/harness/seeded.js';
import { storedEventId } from '../src/harness/stored-position.js';
import { faultsOf, reopen, replay } from '../src/harness/verify-log.js';
import { newLogDir } from './helpers/directories.js';

/** Recovery and a recorder see each so many-th of the cases that the scan sees all of. */
const SAMPLE = FULL ? 1 : 80;
/** A closed segment, and in the open one three full blocks and a part of the fourth. */
const LAST = SEGMENT_EVENTS + 3 * BLOCK_EVENTS + 100;
const log = buildLog({ events: LAST, durable: LAST - 30 });
const meta = log.get(META_FILE) as Uint8Array;

/** The 256 files with one bit flipped, those of every other size up to 64, and none. */
function damagedMetas(): [name: string, file: Uint8Array | undefined][] {
  const flipped = Array.from({ length: meta.length * 8 }, (_, bit): [string, Uint8Array] => {
    const file = meta.slice();
    file[bit >> 3] = (file[bit >> 3] as number) ^ (1 << (bit & 7));
    return [`bit ${bit} flipped`, file];
  });
  const sized = Array.from({ length: 65 }, (_, bytes): [string, Uint8Array] => {
    const file = new Uint8Array(bytes);
    file.set(meta.subarray(0, bytes));
    return [`${bytes} bytes`, file];
  });
  return [...flipped, ...sized.filter(([, { length }]) => length !== meta.length), ['missing', undefined]];
}

function logWith(file: Uint8Array | undefined): Map<string, Uint8Array> {
  const image = new Map(log);
  if (file === undefined) image.delete(META_FILE);
  else image.set(META_FILE, file);
  return image;
}

test('derives the position from the newest closed segment where wal_meta.dat is damaged or missing', {
  timeout: patience(120_000),
}, async () => {
  const dir = newLogDir();
  const cases = damagedMetas();
  expect(cases.length).toBe(256 + 64 + 1);
  for (const [i, [name, file]] of cases.entries()) {
    writeImage(dir, logWith(file));
    const { durableSource, lastId, faults, error } = scanLog(dir);
    expect({ durableSource, lastId, faults, error }, name).toEqual({
      durableSource: 'derived',
      lastId: LAST,
      faults: [],
      error: undefined,
    });
    if (i % SAMPLE !== 0) continue;
    const replayed = await replay(dir);
    expect(faultsOf(replayed, { atLeast: LAST, atMost: LAST }), name).toEqual([]);
    expect(replayed.report?.durable, name).toMatchObject({
      source: 'derived',
      eventId: BigInt(SEGMENT_EVENTS),
    });
    expect(replayed.report?.durable.note, name).toContain('FS.00000000.wal');
    const { resumed } = await reopen(dir);
    expect(resumed?.durableSource, name).toContain('FS.00000000.wal');
    expect(storedEventId(dir), name).toBe(LAST);
  }
});

test.each([
  ['garbage', new Uint8Array(17).fill(0xa5)],
  [
    'a position ahead of the log',
    encodeMeta({ segmentIndex: 9, offset: 16_448, eventId: 10n ** 9n, prefixChecksum: 1n }),
  ],
  ['nothing', new Uint8Array(0)],
])('takes no notice of a temporary file with %s', async (_, temp) => {
  const dir = newLogDir();
  writeImage(dir, new Map([...log, [META_TEMP_FILE, temp]]));
  expect(faultsOf(await replay(dir), { atLeast: LAST, atMost: LAST })).toEqual([]);
  expect(await reopen(dir, 10)).toMatchObject({ lastId: LAST, error: undefined });
  expect(fs.existsSync(join(dir, META_TEMP_FILE))).toBe(false);
  expect(storedEventId(dir)).toBe(LAST + 10);
});

/** The offset behind an event of the log above, and its segment. */
function placeOf(id: number): { segmentIndex: number; offset: number } {
  const index = (id - 1) % SEGMENT_EVENTS;
  const block = Math.floor(index / BLOCK_EVENTS);
  const offset = blockOffset(block) + eventOffset((index % BLOCK_EVENTS) + 1);
  return { segmentIndex: Math.floor((id - 1) / SEGMENT_EVENTS), offset };
}

function metaAt(
  id: number,
  over: Partial<{ segmentIndex: number; offset: number; prefixChecksum: bigint }> = {},
): Uint8Array {
  return encodeMeta({ ...placeOf(id), eventId: BigInt(id), prefixChecksum: 0n, ...over });
}

test('refuses wal_meta.dat of another log, and changes nothing', async () => {
  const dir = newLogDir();
  const other = buildLog({ events: LAST, salt: 1 }).get(META_FILE) as Uint8Array;
  const foreign: Record<string, Uint8Array> = {
    'the same ids, another content': other,
    'the same place, another id': metaAt(LAST - 30, { offset: placeOf(LAST - 20).offset }),
    'the same id, another segment': metaAt(LAST - 30, { segmentIndex: 0 }),
    'an offset between two events': metaAt(LAST - 30, { offset: placeOf(LAST - 30).offset - 7 }),
    'a sealed block, another id': metaAt(SEGMENT_EVENTS + 50, {
      offset: placeOf(SEGMENT_EVENTS + 60).offset,
    }),
  };
  for (const [name, file] of Object.entries(foreign)) {
    writeImage(dir, logWith(file));
    const before = readImage(dir);
    const { error } = await replay(dir);
    expect(['SEGMENT_CORRUPTED', 'BLOCK_CHECKSUM_MISMATCH', 'DURABLE_LOST'], name).toContain(error?.code);
    expect((await reopen(dir)).error?.code, name).toBe(error?.code);
    expect(differences(before, readImage(dir)), name).toEqual([]);
  }
});

test(
  'refuses a log that ends before its durable position, and changes nothing',
  { timeout: patience(120_000) },
  () =>
    seeded(async (random) => {
      const dir = newLogDir();
      for (let n = 0; n < count({ gate: 10, full: 500 }); n++) {
        const id =
          LAST + random.pick([1, random.between(1, BLOCK_EVENTS), random.between(1, 10 * SEGMENT_EVENTS)]);
        writeImage(dir, logWith(metaAt(id, { prefixChecksum: BigInt(random.below(2 ** 30)) })));
        const before = readImage(dir);
        const { error, lastId, faults } = await replay(dir);
        expect({ code: error?.code, faults }, `durable to ${id}`).toEqual({
          code: 'DURABLE_LOST',
          faults: [],
        });
        expect(lastId).toBeLessThanOrEqual(LAST);
        expect((await reopen(dir)).error?.code, `durable to ${id}`).toBe('DURABLE_LOST');
        expect(differences(before, readImage(dir))).toEqual([]);
      }
    }),
);

test(
  'opens where the durable position is behind the log, and moves it on',
  { timeout: patience(120_000) },
  () =>
    seeded(async (random) => {
      const dir = newLogDir();
      const sealed = LAST - (LAST % BLOCK_EVENTS);
      for (let n = 0; n < count({ gate: 10, full: 500 }); n++) {
        const edge = random.between(1, sealed / BLOCK_EVENTS) * BLOCK_EVENTS;
        const id = random.pick([edge, edge, edge - BLOCK_EVENTS + 1, random.between(1, sealed)]);
        const none = { segmentIndex: 0, offset: SEGMENT_HEADER_BYTES, eventId: 0n, prefixChecksum: 0n };
        writeImage(dir, logWith(n === 0 ? encodeMeta(none) : metaAt(id)));
        expect(faultsOf(await replay(dir), { atLeast: LAST, atMost: LAST }), `durable to ${id}`).toEqual([]);
        expect(await reopen(dir), `durable to ${id}`).toMatchObject({ lastId: LAST, error: undefined });
        expect(storedEventId(dir)).toBe(LAST);
      }
    }),
);

test('the log of these tests is what they say', () => {
  const dir = newLogDir();
  writeImage(dir, log);
  expect(scanLog(dir)).toMatchObject({ lastId: LAST, durableSource: META_FILE, torn: false, faults: [] });
  expect(placeOf(LAST).offset % EVENT_BYTES).toBe(SEGMENT_HEADER_BYTES % EVENT_BYTES);
  expect(BLOCKS * BLOCK_EVENTS).toBe(SEGMENT_EVENTS);
});
