import { describe, expect, test } from 'vitest';
import {
  asWords,
  BLOCK_BYTES,
  BLOCK_EVENTS,
  BLOCK_HEADER_BYTES,
  checksum,
  compressedSegmentFileName,
  countGrowing,
  type DurablePosition,
  decodeBlockHeader,
  decodeMeta,
  decodeSegmentHeader,
  decodeTailRingHeader,
  encodeMeta,
  encodeSegmentHeader,
  encodeTailRingHeader,
  eventOffset,
  findId,
  headerChecksum,
  idAt,
  idIsGreater,
  MAX_TAIL_BLOCKS,
  META_BYTES,
  MIN_TAIL_BLOCKS,
  parseSegmentFileName,
  type SegmentHeader,
  SegmentHeaderOffset,
  sealBlock,
  segmentFileName,
  TAIL_RING_HEADER_BYTES,
  TailRingOffset,
  tailRingBytes,
  tailRingEventWord,
  WalError,
} from '../src/index.js';
import { writeEvent } from './helpers/build-segment.js';
import { flip } from './helpers/vandal.js';

const U64_MAX = 2n ** 64n - 1n;

const header: SegmentHeader = {
  version: 2,
  segmentIndex: 0xffff_fffe,
  blockCount: 130_000,
  eventCount: 33_280_000,
  firstEventId: 1n,
  lastEventId: U64_MAX,
  createdNs: 3n,
  closedNs: U64_MAX - 1n,
  lastChainedChecksum: 2n ** 63n,
};

/** The code of the WalError that `call` throws. */
function codeOf(call: () => unknown): string | undefined {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(WalError);
    return (error as WalError).code;
  }
  return undefined;
}

/** Sets bytes of an encoded segment header and makes its checksum right again. */
function forged(change: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(64);
  encodeSegmentHeader(header, bytes);
  const view = new DataView(bytes.buffer);
  change(view);
  const at = SegmentHeaderOffset.headerChecksum;
  view.setBigUint64(at, headerChecksum(bytes, at), true);
  return bytes;
}

describe('segment header', () => {
  test('decodes what was encoded, extremes included', () => {
    const bytes = new Uint8Array(100);
    encodeSegmentHeader(header, bytes);
    expect(decodeSegmentHeader(bytes)).toEqual(header);
    expect(bytes.subarray(64).every((byte) => byte === 0)).toBe(true);
  });

  test('every flipped bit is found', () => {
    const bytes = new Uint8Array(64);
    encodeSegmentHeader(header, bytes);
    for (let bit = 0; bit < 512; bit++) {
      const code = codeOf(() => decodeSegmentHeader(flip(bytes.slice(), bit >> 3, 1 << (bit & 7))));
      expect(code).toBe('HEADER_CHECKSUM_MISMATCH');
    }
  });

  test('refuses what is too short, of another magic or size, or of a version it does not know', () => {
    expect(codeOf(() => decodeSegmentHeader(new Uint8Array(63)))).toBe('SEGMENT_CORRUPTED');
    expect(codeOf(() => decodeSegmentHeader(new Uint8Array(64)))).toBe('HEADER_CHECKSUM_MISMATCH');
    expect(codeOf(() => decodeSegmentHeader(forged((view) => view.setUint16(0, 0x5346, true))))).toBe(
      'SEGMENT_CORRUPTED',
    );
    expect(codeOf(() => decodeSegmentHeader(forged((view) => view.setUint8(3, 128))))).toBe(
      'SEGMENT_CORRUPTED',
    );
    for (const version of [0, 3, 255]) {
      expect(codeOf(() => decodeSegmentHeader(forged((view) => view.setUint8(2, version))))).toBe(
        'SEGMENT_CORRUPTED',
      );
    }
  });
});

describe('block header', () => {
  function block(count: number): Uint8Array {
    const bytes = new Uint8Array(BLOCK_BYTES);
    const words = new Int32Array(bytes.buffer);
    for (let i = 0; i < count; i++) writeEvent(words, eventOffset(i) / 4, BigInt(10 + 2 * i));
    return bytes;
  }

  test('sealing writes what decoding reads, and returns the next seed', () => {
    const bytes = block(3);
    bytes.fill(0xff, 0, BLOCK_HEADER_BYTES);
    const chained = sealBlock(bytes, 129_999, 3, 77n);
    const events = bytes.subarray(BLOCK_HEADER_BYTES, eventOffset(3));
    expect(decodeBlockHeader(bytes)).toEqual({
      firstEventId: 10n,
      lastEventId: 14n,
      blockChecksum: checksum(events, 0n),
      chainedChecksum: checksum(events, 77n),
      blockIndex: 129_999,
      eventCount: 3,
    });
    expect(chained).toBe(checksum(events, 77n));
    expect(bytes.subarray(46, 64).every((byte) => byte === 0)).toBe(true);
  });

  test('a sealed block is the same in shared memory and out of line', () => {
    const plain = block(BLOCK_EVENTS);
    const shared = new Uint8Array(new SharedArrayBuffer(BLOCK_BYTES + 3), 3);
    shared.set(plain);
    expect(sealBlock(shared, 1, BLOCK_EVENTS, 5n)).toBe(sealBlock(plain, 1, BLOCK_EVENTS, 5n));
    expect(Buffer.compare(shared, plain)).toBe(0);
  });

  test('every flipped bit of the header is found; one that was never sealed is none', () => {
    const bytes = block(2);
    expect(decodeBlockHeader(bytes)).toBeUndefined();
    sealBlock(bytes, 0, 2, 0n);
    for (let bit = 0; bit < 8 * BLOCK_HEADER_BYTES; bit++) {
      expect(decodeBlockHeader(flip(bytes.slice(), bit >> 3, 1 << (bit & 7)))).toBeUndefined();
    }
  });

  test.each([0, -1, BLOCK_EVENTS + 1, Number.NaN])('refuses to seal %d events', (count) => {
    expect(() => sealBlock(block(2), 0, count, 0n)).toThrow(RangeError);
  });
});

describe('durable position', () => {
  const position: DurablePosition = {
    segmentIndex: 99_999_999,
    offset: 2 ** 31 - 64,
    eventId: U64_MAX,
    prefixChecksum: 2n ** 63n + 1n,
  };

  test('decodes what was encoded', () => {
    const bytes = encodeMeta(position);
    expect(bytes.length).toBe(META_BYTES);
    expect(decodeMeta(bytes)).toEqual(position);
  });

  test('the first 16 bytes are what a version 1 reader expects', () => {
    const view = new DataView(encodeMeta(position).buffer);
    expect(view.getUint32(0, true)).toBe(position.offset);
    expect(view.getUint32(4, true)).toBe(position.segmentIndex);
    expect(view.getBigUint64(8, true)).toBe(position.eventId);
  });

  test('every one of its 256 bits is guarded', () => {
    const bytes = encodeMeta(position);
    for (let bit = 0; bit < 256; bit++) {
      expect(decodeMeta(flip(bytes.slice(), bit >> 3, 1 << (bit & 7)))).toBeUndefined();
    }
  });

  test('every size but 32 is refused', () => {
    const bytes = new Uint8Array(65);
    bytes.set(encodeMeta(position));
    for (let size = 0; size <= 64; size++) {
      expect(decodeMeta(bytes.subarray(0, size)) !== undefined).toBe(size === META_BYTES);
    }
    expect(decodeMeta(new Uint8Array(META_BYTES))).toBeUndefined();
  });
});

describe('file names', () => {
  test.each([0, 12, 99_999_999])('index %d has a name that says so', (segmentIndex) => {
    const name = segmentFileName(segmentIndex);
    expect(name).toMatch(/^FS\.\d{8}\.wal$/);
    expect(parseSegmentFileName(name)).toEqual({ name, segmentIndex, compressed: false });
    const compressed = compressedSegmentFileName(segmentIndex);
    expect(parseSegmentFileName(compressed)).toEqual({ name: compressed, segmentIndex, compressed: true });
  });

  test.each([-1, 1.5, Number.NaN, 100_000_000, Infinity])('index %d has none', (segmentIndex) => {
    expect(() => segmentFileName(segmentIndex)).toThrow(RangeError);
    expect(() => compressedSegmentFileName(segmentIndex)).toThrow(RangeError);
  });

  test.each([
    '',
    'FS',
    'FS.wal',
    'FS.0000001.wal',
    'FS.000000001.wal',
    'FS.00000001.WAL',
    'fs.00000001.wal',
    'FS-00000001.wal',
    'FS.00000001wal',
    'FS.00000001.wal ',
    ' FS.00000001.wal',
    'FS.00000001.wal\n',
    'FS.00000001.wal\0',
    'FS.00000001.wal.tmp',
    'FS.00000001.wal.broken',
    'FS.00000001.wal.lz4.tmp',
    'FS.00000001.wal.lz4\n',
    'FS.00000001.wal.lz',
    'FS.00000001.wal.LZ4',
    'FS.00000001.lz4',
    'FS.+0000001.wal',
    'FS.-0000001.wal',
    'FS.0x000001.wal',
    'FS.1e000001.wal',
    'FS.0000 001.wal',
    'FS.٠٠٠٠٠٠٠١.wal',
    'F\u0405.00000001.wal',
    'ＦS.00000001.wal',
    '../FS.00000001.wal',
    './FS.00000001.wal',
    '/FS.00000001.wal',
    'a\\FS.00000001.wal',
    'FS.00000001.wal/',
    'FS.00000001.wal/..',
    'xFS.00000001.wal',
    'FS.00000001.walx',
    '\u202eFS.00000001.wal',
    'wal_meta.dat',
    'wal_tail.ring',
    `FS.${'0'.repeat(4096)}1.wal`,
  ])('%j is no segment', (name) => {
    expect(parseSegmentFileName(name)).toBeUndefined();
  });
});

describe('tail ring header', () => {
  const bootId = '0123456789abcdef0123456789abcdef';
  const ring = () => {
    const image = new Uint8Array(tailRingBytes(MIN_TAIL_BLOCKS));
    encodeTailRingHeader(
      { tailBlocks: MIN_TAIL_BLOCKS, afterEventId: U64_MAX, link: U64_MAX - 1n, bootId },
      image,
    );
    return image;
  };

  test('decodes what was encoded, with and without a boot id', () => {
    const image = ring();
    expect(decodeTailRingHeader(image)).toEqual({
      tailBlocks: 4,
      afterEventId: U64_MAX,
      link: U64_MAX - 1n,
      bootId,
    });
    encodeTailRingHeader({ tailBlocks: 4, afterEventId: 7n, link: 0n, bootId: '' }, image);
    expect(decodeTailRingHeader(image)).toEqual({ tailBlocks: 4, afterEventId: 7n, link: 0n, bootId: '' });
    expect(tailRingEventWord(0, 0) * 4).toBe(TAIL_RING_HEADER_BYTES + BLOCK_HEADER_BYTES);
    expect(tailRingEventWord(3, 255) * 4 + 64).toBe(image.length);
  });

  test('every flipped bit of its fields is found', () => {
    const image = ring();
    for (let bit = 0; bit < 8 * (TailRingOffset.checksum + 8); bit++) {
      flip(image, bit >> 3, 1 << (bit & 7));
      expect(decodeTailRingHeader(image)).toBeUndefined();
      flip(image, bit >> 3, 1 << (bit & 7));
    }
  });

  test('refuses another magic, version, or a size that is not the image', () => {
    const change = (set: (view: DataView) => void, image = ring()) => {
      const view = new DataView(image.buffer);
      set(view);
      const { checksum: at } = TailRingOffset;
      view.setBigUint64(at, checksum(image.subarray(0, at), 0n), true);
      return decodeTailRingHeader(image);
    };
    expect(change(() => {})).toBeDefined();
    expect(change((view) => view.setUint8(0, 0))).toBeUndefined();
    expect(change((view) => view.setUint32(TailRingOffset.version, 2, true))).toBeUndefined();
    for (const blocks of [0, 3, 5, MAX_TAIL_BLOCKS + 1, 2 ** 32 - 1]) {
      expect(change((view) => view.setUint32(TailRingOffset.tailBlocks, blocks, true))).toBeUndefined();
    }
    for (const length of [0, 48, TAIL_RING_HEADER_BYTES - 1, TAIL_RING_HEADER_BYTES, ring().length - 1]) {
      expect(decodeTailRingHeader(ring().subarray(0, length))).toBeUndefined();
    }
    const small = new Uint8Array(tailRingBytes(3));
    encodeTailRingHeader({ tailBlocks: 3, afterEventId: 0n, link: 0n, bootId }, small);
    expect(decodeTailRingHeader(small)).toBeUndefined();
  });
});

describe('event ids in words', () => {
  test('compare as unsigned 64-bit integers', () => {
    const ids = [0n, 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n - 1n, 2n ** 63n, U64_MAX];
    for (const a of ids) {
      for (const b of ids) {
        const words = new Int32Array(new BigUint64Array([a, b]).buffer);
        expect(idAt(words, 2)).toBe(b);
        expect(idIsGreater(words, 0, words[3], words[2])).toBe(a > b);
      }
    }
  });

  test('are found between two others, event by event', () => {
    const words = new Int32Array(16 * 4 + 8);
    const ids = [5n, 2n ** 32n, 2n ** 63n, U64_MAX];
    ids.forEach((id, i) => {
      writeEvent(words, 16 * i, id);
    });
    expect(findId(words, 0, 0n)).toBe(0);
    expect(findId(words, 0, 5n)).toBe(16);
    expect(findId(words, 0, 2n ** 32n)).toBe(32);
    expect(findId(words, 32, 0n)).toBe(32);
    expect(findId(words, 0, 5n, 2n ** 32n)).toBe(16);
    expect(findId(words, 0, 5n, 2n ** 32n - 1n)).toBeUndefined();
    expect(findId(words, 0, U64_MAX)).toBeUndefined();
    expect(findId(words, 64, 0n)).toBeUndefined();
  });

  test('count as far as they grow, within the limit and the memory', () => {
    const words = new Int32Array(16 * 5);
    const ids = [2n ** 63n - 1n, 2n ** 63n, 2n ** 63n + 9n, 2n ** 63n + 9n, U64_MAX];
    ids.forEach((id, i) => {
      writeEvent(words, 16 * i, id);
    });
    expect(countGrowing(words, 0, 5, 0n)).toBe(3);
    expect(countGrowing(words, 0, 2, 0n)).toBe(2);
    expect(countGrowing(words, 0, 5, 2n ** 63n - 1n)).toBe(0);
    expect(countGrowing(words, 48, 9, 5n)).toBe(2);
    expect(countGrowing(words, 64, 0, 5n)).toBe(0);
  });

  test('words lie in place where they are aligned, else in a copy', () => {
    const buffer = new ArrayBuffer(24);
    expect(asWords(new Uint8Array(buffer, 4, 19)).buffer).toBe(buffer);
    const odd = asWords(new Uint8Array(buffer, 3, 19).fill(1));
    expect(odd.buffer).not.toBe(buffer);
    expect(Array.from(odd)).toEqual([0x01010101, 0x01010101, 0x01010101, 0x01010101]);
  });
});

describe('WalError', () => {
  test('carries its code and place, and says them in its message', () => {
    const cause = new Error('underneath');
    const error = new WalError('READ_FAILED', 'no luck', {
      file: 'f',
      block: 2,
      offset: 3,
      eventId: 4n,
      cause,
    });
    expect(error).toMatchObject({ name: 'WalError', code: 'READ_FAILED', file: 'f', block: 2, offset: 3 });
    expect(error.eventId).toBe(4n);
    expect(error.cause).toBe(cause);
    expect(error.message).toBe('READ_FAILED: no luck (file f, block 2, offset 3, event 4)');
    const bare = new WalError('NOT_OPEN', 'closed');
    expect(bare.message).toBe('NOT_OPEN: closed');
    expect('cause' in bare).toBe(false);
  });
});
