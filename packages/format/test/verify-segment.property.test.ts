import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BLOCK_HEADER_BYTES, blockOffset, eventOffset, verifySegment } from '../src/index.js';
import { buildSegment, FULL, type SegmentShape } from './helpers/build-segment.js';
import { flip } from './helpers/vandal.js';

/** Byte ranges of a segment that a checksum covers: its header, its block headers, its sealed events. */
function covered(sealed: number[]): [number, number][] {
  const blocks = sealed.map((count, i): [number, number] => [
    blockOffset(i),
    blockOffset(i) + eventOffset(count),
  ]);
  return [[0, 64], ...blocks];
}

function pick(ranges: [number, number][], nth: number): number {
  const total = ranges.reduce((sum, [from, to]) => sum + to - from, 0);
  let left = nth % total;
  for (const [from, to] of ranges) {
    if (left < to - from) return from + left;
    left -= to - from;
  }
  throw new Error('unreachable');
}

const sealed = fc.array(fc.oneof(fc.constant(FULL), fc.integer({ min: 1, max: FULL })), {
  minLength: 1,
  maxLength: 4,
});
const TYPED = ['HEADER_CHECKSUM_MISMATCH', 'BLOCK_CHECKSUM_MISMATCH', 'SEGMENT_CORRUPTED'];

describe.each([1, 2] as const)('version %d', (version) => {
  test.each([true, false])(
    'any flipped byte of the sealed part is found and placed (closed: %s)',
    (closed) => {
      fc.assert(
        fc.property(
          sealed,
          fc.integer({ min: 0, max: closed ? 0 : FULL }),
          fc.bigInt({ min: 1n, max: 2n ** 63n }),
          fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 20, maxLength: 20 }),
          (blocks, tail, firstId, flips) => {
            const shape: SegmentShape = { version, sealed: blocks, tail, firstId, closed, capacityBlocks: 5 };
            const { bytes } = buildSegment(shape);
            for (const [nth, xor] of flips) {
              const offset = pick(covered(blocks), nth);
              const block = offset < 64 ? 0 : Math.floor((offset - 64) / 16_448);
              const { status, at, blocks: sound } = verifySegment(flip(bytes, offset, xor));
              expect(TYPED).toContain(status);
              expect(at?.block).toBe(block);
              expect(sound).toBe(block);
              flip(bytes, offset, xor);
            }
            expect(verifySegment(bytes).status).toBe('OK');
          },
        ),
        { numRuns: 60 },
      );
    },
  );

  test.each([true, false])('every bit of all headers is found (closed: %s)', (closed) => {
    const { bytes } = buildSegment({ version, sealed: [FULL, 5], closed, capacityBlocks: 3 });
    for (const start of [0, blockOffset(0), blockOffset(1)]) {
      for (let bit = 0; bit < 8 * BLOCK_HEADER_BYTES; bit++) {
        flip(bytes, start + (bit >> 3), 1 << (bit & 7));
        expect(verifySegment(bytes).status).toBe('HEADER_CHECKSUM_MISMATCH');
        flip(bytes, start + (bit >> 3), 1 << (bit & 7));
      }
    }
  });

  test('every bit of the used events of a small sealed segment is found', () => {
    const { bytes } = buildSegment({ version, sealed: [3, 5], closed: true });
    for (const [start, end] of covered([3, 5]).slice(1)) {
      for (let bit = 8 * (start + 64); bit < 8 * end; bit++) {
        flip(bytes, bit >> 3, 1 << (bit & 7));
        expect(verifySegment(bytes).status).toBe('BLOCK_CHECKSUM_MISMATCH');
        flip(bytes, bit >> 3, 1 << (bit & 7));
      }
    }
  });
});

test('arbitrary bytes never throw, and never verify', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 0, maxLength: 20_000 }), (bytes) => {
      const { status, events } = verifySegment(bytes);
      expect(status).not.toBe('OK');
      expect(events).toBe(0);
    }),
    { numRuns: 100 },
  );
});
