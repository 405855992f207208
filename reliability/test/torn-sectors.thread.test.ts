/* L4: a page of which the power cut let some sectors be written, at every kind of page that a recorder writes. */
import {
  asWords,
  BLOCK_EVENTS,
  blockOffset,
  type DurablePosition,
  decodeMeta,
  eventOffset,
  META_FILE,
  SEGMENT_HEADER_BYTES,
  segmentFileName,
} from '@fswal/format';
import { expect, test } from 'vitest';
import { BLOCKS, buildLog, SEGMENT_EVENTS, writePreparedHeader } from '../src/harness/build-log.js';
import { FULL } from '../src/harness/scale.js';
import { scanSegments } from '../src/harness/scan-log.js';

const PAGE_BYTES = 4096;
const SECTOR_BYTES = 512;
const FIRST = segmentFileName(0);
const SECOND = segmentFileName(1);

/** A log with so many events in its second segment, and that segment's bytes as they are on the device. */
interface State {
  readonly last: number;
  readonly position: DurablePosition;
  readonly bytes: Uint8Array;
}

const before = buildLog({ events: SEGMENT_EVENTS }).get(FIRST) as Uint8Array;

/** @param isRecycled the file was another segment's, the first one's: what is not written yet is stale */
function stateOf(events: number, isRecycled: boolean): State {
  const log = buildLog({ events: SEGMENT_EVENTS + events });
  const position = decodeMeta(log.get(META_FILE) as Uint8Array) as DurablePosition;
  const bytes = isRecycled ? before.slice() : new Uint8Array(before.length);
  writePreparedHeader(bytes, 1);
  const built = log.get(SECOND);
  if (built !== undefined) {
    const blocks = Math.floor(events / BLOCK_EVENTS);
    const sealed = blockOffset(blocks);
    bytes.set(built.subarray(0, sealed));
    // The header of the unsealed block is not written yet.
    const [first, end] = [sealed + eventOffset(0), sealed + eventOffset(events % BLOCK_EVENTS)];
    if (end > first) bytes.set(built.subarray(first, end), first);
  }
  return { last: SEGMENT_EVENTS + events, position, bytes };
}

/** From how many events to how many the segment has come since it was last synced. */
const STEPS = [
  [0, 100],
  [100, 300],
  [300, 700],
  [2_000, 2_100],
  [SEGMENT_EVENTS - 96, SEGMENT_EVENTS],
] as const;

/** Pages that differ, a few of them: the first and the last one that does, and in full every one. */
function changedPages(old: State, now: State): number[] {
  const pages: number[] = [];
  for (let page = 0; page * PAGE_BYTES < old.bytes.length; page++) {
    const [from, to] = [page * PAGE_BYTES, (page + 1) * PAGE_BYTES];
    if (Buffer.compare(old.bytes.subarray(from, to), now.bytes.subarray(from, to)) !== 0) pages.push(page);
  }
  return FULL ? pages : [pages[0] as number, pages.at(-1) as number];
}

/** The old page with the sectors of the new one that the mask has. */
function tear(into: Uint8Array, now: Uint8Array, page: number, mask: number): void {
  for (let sector = 0; sector < PAGE_BYTES / SECTOR_BYTES; sector++) {
    const from = page * PAGE_BYTES + sector * SECTOR_BYTES;
    if ((mask & (1 << sector)) === 0 || from >= now.length) continue;
    into.set(now.subarray(from, from + SECTOR_BYTES), from);
  }
}

const KINDS = [false, true].flatMap((isRecycled) =>
  STEPS.map(([from, to]) => [isRecycled ? 'recycled' : 'new', from, to, isRecycled] as const),
);

test.each(KINDS)(
  'in a %s file, torn between %i and %i events, nothing durable is lost or wrong',
  (_, from, to, isRecycled) => {
    const [old, now] = [stateOf(from, isRecycled), stateOf(to, isRecycled)];
    const pages = changedPages(old, now);
    const faults: string[] = [];
    for (const page of pages) {
      for (let mask = 0; mask < 256; mask++) {
        // The other pages are all old or all new.
        const bytes = (mask % 2 === 0 ? old : now).bytes.slice();
        bytes.set(old.bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES), page * PAGE_BYTES);
        tear(bytes, now.bytes, page, mask);
        const segments = [
          { segmentIndex: 0, file: FIRST, bytes: before },
          { segmentIndex: 1, file: SECOND, bytes },
        ];
        const { error, lastId, faults: wrong } = scanSegments(segments, old.position);
        if (error !== undefined || wrong.length > 0 || lastId < old.last || lastId > now.last)
          faults.push(`page ${page}, mask ${mask}: event ${lastId}, ${error?.message} ${wrong}`);
      }
    }
    expect(faults).toEqual([]);
    expect(pages.length).toBeGreaterThan(1);
  },
);

test('the states of these tests are what they say', () => {
  const [old, now] = [stateOf(300, true), stateOf(700, true)];
  for (const { bytes, last, position } of [old, now]) {
    const given = [
      { segmentIndex: 0, file: FIRST, bytes: before },
      { segmentIndex: 1, file: SECOND, bytes },
    ];
    expect(scanSegments(given, position)).toMatchObject({ lastId: last, faults: [], error: undefined });
  }
  // Behind the end lies the other segment's content.
  expect(asWords(now.bytes).at(-16)).toBe(SEGMENT_EVENTS);
  expect(SEGMENT_HEADER_BYTES + BLOCKS * (blockOffset(1) - blockOffset(0))).toBe(before.length);
});
