import { describe, expect, test } from 'vitest';
import {
  BLOCK_EVENTS,
  blockOffset,
  decodeBlockHeader,
  decodeMeta,
  decodeSegmentHeader,
  encodeSegmentHeader,
  eventOffset,
  LogScan,
  RequestEvent,
  SegmentHeaderOffset,
  sealBlock,
  verifySegment,
  WORD_BYTES,
} from '../src/index.js';
import { goldenEvent, goldenFile, type IdFormula, manifest } from './helpers/golden.js';
import { cut, flip, zero } from './helpers/vandal.js';

/** Builds the segment that holds the events from `first` on, with the header fields of the golden one. */
function rebuild(
  ids: IdFormula,
  first: number,
  golden: Uint8Array,
  times: { created: bigint; closed: bigint },
) {
  const bytes = new Uint8Array(golden.length);
  const words = new Int32Array(bytes.buffer);
  const { segmentIndex, eventCount } = decodeSegmentHeader(golden);
  const blockCount = Math.ceil(eventCount / BLOCK_EVENTS);
  let chained = 0n;
  for (let block = 0; block < blockCount; block++) {
    const count = Math.min(BLOCK_EVENTS, eventCount - block * BLOCK_EVENTS);
    for (let i = 0; i < count; i++) {
      const base = (blockOffset(block) + eventOffset(i)) / WORD_BYTES;
      new RequestEvent(words, base).copyFrom(goldenEvent(ids, first + block * BLOCK_EVENTS + i));
    }
    chained = sealBlock(bytes.subarray(blockOffset(block), blockOffset(block + 1)), block, count, chained);
  }
  encodeSegmentHeader(
    {
      version: 1,
      segmentIndex,
      blockCount,
      eventCount,
      firstEventId: goldenEvent(ids, first).eventIdBig,
      lastEventId: goldenEvent(ids, first + eventCount - 1).eventIdBig,
      createdNs: times.created,
      closedNs: times.closed,
      lastChainedChecksum: chained,
    },
    bytes,
  );
  return bytes;
}

/** Everything but the two timestamps and the header checksum that covers them. */
function withoutTimes(bytes: Uint8Array): Uint8Array {
  return zero(bytes.slice(), SegmentHeaderOffset.createdNs, SegmentHeaderOffset.lastChainedChecksum);
}

describe.each(manifest.directories)('golden directory $name', ({ name, firstIndex, segments, meta }) => {
  let first = firstIndex;
  for (const expected of segments) {
    const firstOfSegment = first;
    first += expected.eventCount;
    const bytes = goldenFile(`${name}/${expected.file}`);

    test(`${expected.file}: every header field is as written`, () => {
      expect(bytes.length).toBe(expected.bytes);
      expect(decodeSegmentHeader(bytes)).toEqual({
        version: 1,
        segmentIndex: expected.segmentIndex,
        blockCount: expected.blockCount,
        eventCount: expected.eventCount,
        firstEventId: BigInt(expected.firstEventId),
        lastEventId: BigInt(expected.lastEventId),
        createdNs: BigInt(expected.createdTsNs),
        closedNs: BigInt(expected.closedTsNs),
        lastChainedChecksum: BigInt(`0x${expected.lastChainedChecksum}`),
      });
      const view = new DataView(bytes.buffer);
      expect(view.getBigUint64(SegmentHeaderOffset.headerChecksum, true)).toBe(
        BigInt(`0x${expected.checksum}`),
      );
    });

    test(`${expected.file}: verifies, and reports what it holds`, () => {
      const verification = verifySegment(bytes, { segmentIndex: expected.segmentIndex });
      const lastCount = expected.eventCount - (expected.blockCount - 1) * BLOCK_EVENTS;
      expect(verification).toMatchObject({
        status: 'OK',
        state: 'sealed',
        blocks: expected.blockCount,
        events: expected.eventCount,
        tailEvents: 0,
        capacityBlocks: 16,
        firstEventId: BigInt(expected.firstEventId),
        lastEventId: BigInt(expected.lastEventId),
        chainedChecksum: BigInt(`0x${expected.lastChainedChecksum}`),
        endOffset: blockOffset(expected.blockCount - 1) + eventOffset(lastCount),
      });
      expect(verification.at).toBeUndefined();
    });

    test(`${expected.file}: every field of every event follows the formula`, () => {
      const words = new Int32Array(bytes.buffer);
      const event = new RequestEvent(words);
      for (let n = 0; n < expected.eventCount; n++) {
        const block = Math.floor(n / BLOCK_EVENTS);
        event.base = (blockOffset(block) + eventOffset(n % BLOCK_EVENTS)) / WORD_BYTES;
        const formula = goldenEvent(name, firstOfSegment + n);
        const read = [
          event.eventIdBig,
          event.timestamp,
          event.priceBig,
          event.quantityBig,
          event.userId,
          event.orderId,
          event.type,
          event.orderType,
          event.side,
        ];
        const meant = [
          formula.eventIdBig,
          formula.timestamp,
          formula.priceBig,
          formula.quantityBig,
          formula.userId,
          formula.orderId,
          formula.type,
          formula.orderType,
          formula.side,
        ];
        expect(read).toEqual(meant);
        expect(Buffer.compare(event.bytes, formula.bytes)).toBe(0);
      }
    });

    test(`${expected.file}: the same segment written here is byte-identical`, () => {
      const other = rebuild(name, firstOfSegment, bytes, { created: 1n, closed: 2n });
      expect(Buffer.compare(withoutTimes(other), withoutTimes(bytes))).toBe(0);
      const times = { created: BigInt(expected.createdTsNs), closed: BigInt(expected.closedTsNs) };
      expect(Buffer.compare(rebuild(name, firstOfSegment, bytes, times), bytes)).toBe(0);
    });

    test(`${expected.file}: the header of each block names what is in it`, () => {
      for (let block = 0; block < expected.blockCount; block++) {
        const header = decodeBlockHeader(bytes.subarray(blockOffset(block), blockOffset(block + 1)));
        const n = firstOfSegment + block * BLOCK_EVENTS;
        expect(header?.blockIndex).toBe(block);
        expect(header?.firstEventId).toBe(goldenEvent(name, n).eventIdBig);
        expect(header?.lastEventId).toBe(goldenEvent(name, n + (header?.eventCount ?? 0) - 1).eventIdBig);
      }
    });
  }

  test('the 16-byte wal_meta.dat of version 1 certifies nothing: the position is derived elsewhere', () => {
    const bytes = goldenFile(`${name}/wal_meta.dat`);
    const view = new DataView(bytes.buffer);
    expect(bytes.length).toBe(16);
    expect(view.getUint32(0, true)).toBe(meta.lastOffset);
    expect(view.getUint32(4, true)).toBe(meta.lastSegmentIndex);
    expect(view.getBigUint64(8, true)).toBe(BigInt(meta.lastEventId));
    expect(decodeMeta(bytes)).toBeUndefined();
  });

  test('a scan keeps all of it, durable up to the end of the newest closed segment', () => {
    const newest = segments.at(-1)!;
    const scan = new LogScan({
      segmentIndex: newest.segmentIndex + 1,
      offset: 64,
      eventId: BigInt(newest.lastEventId),
      prefixChecksum: 0n,
    });
    for (const { file, segmentIndex } of segments) {
      const verdict = scan.judge(segmentIndex, goldenFile(`${name}/${file}`), file);
      expect(verdict.decision).toBe('keep');
    }
    expect(scan.finish()).toBeUndefined();
    expect(scan.lastEventId).toBe(BigInt(newest.lastEventId));
  });
});

test('ids above 2^53 and prices below zero are read exactly as bigint, and refused as inexact numbers', () => {
  const words = new Int32Array(goldenFile('huge/FS.00000000.wal').buffer);
  const event = new RequestEvent(words, (blockOffset(0) + eventOffset(0)) / WORD_BYTES);
  expect(event.eventIdBig).toBe(9223372036854775813n);
  expect(() => event.eventId).toThrow(RangeError);
  let negative = 0;
  for (let i = 0; i < BLOCK_EVENTS; i++) {
    event.base = (blockOffset(0) + eventOffset(i)) / WORD_BYTES;
    if (event.priceBig < 0n) negative++;
  }
  expect(negative).toBeGreaterThan(50);
});

test.each(manifest.corruptions)(
  'corruption "$name" is $required',
  ({ file, offset, xor, truncateTo, required }) => {
    const golden = goldenFile(file);
    const bytes = truncateTo === undefined ? flip(golden, offset!, xor!) : cut(golden, truncateTo);
    const verification = verifySegment(bytes);
    expect(verification.status).toBe(required);
    expect(verification.at === undefined).toBe(required === 'OK');
  },
);
