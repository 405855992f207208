import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compressFrameSync } from 'lz4-napi';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WalError } from '../src/errors.js';
import { compressSegment, decompressSegment } from '../src/files/lz4.js';
import { salvageFrame } from '../src/files/salvage-frame.js';
import { segmentBytes } from '../src/layout.js';

const FILE = 'FS.00000007.wal.lz4';
const LIMIT = 1 << 20;
const hasLz4 = spawnSync('lz4', ['--version']).status === 0;

/** Bytes that compress a little. */
function content(length: number): Uint8Array {
  return Uint8Array.from(
    { length },
    (_, i) => (Math.imul(i, 0x9e3779b1) >>> 24) & (i % 7 === 0 ? 0xff : 0x0f),
  );
}

function errorOf(frame: Uint8Array, limit = LIMIT): WalError {
  try {
    decompressSegment(frame, limit, FILE);
  } catch (error) {
    if (error instanceof WalError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

describe('a compressed segment', () => {
  test.each([1, 2, 16, 33])('of %i blocks unpacks to what it was', (blocks) => {
    const bytes = content(segmentBytes(blocks));
    expect(Buffer.compare(decompressSegment(compressSegment(bytes), LIMIT, FILE), bytes)).toBe(0);
  });

  test.skipIf(!hasLz4)(
    hasLz4 ? 'is unpacked by the lz4 command' : 'is unpacked by the lz4 command (lz4 is missing)',
    () => {
      const dir = fs.mkdtempSync(join(tmpdir(), 'fswal-format-'));
      onTestFinished(() => fs.rmSync(dir, { recursive: true }));
      const bytes = content(300_000);
      fs.writeFileSync(join(dir, FILE), compressSegment(bytes));
      execFileSync('lz4', ['-d', '-q', join(dir, FILE), join(dir, 'plain')]);
      expect(Buffer.compare(fs.readFileSync(join(dir, 'plain')), bytes)).toBe(0);
      // It knows the size beforehand.
      expect(execFileSync('lz4', ['--list', join(dir, FILE)]).toString()).toContain('292.97K');
    },
  );

  test('that the lz4 command made is taken, with and without its size', () => {
    const bytes = content(segmentBytes(6));
    expect(decompressSegment(compressFrameSync(Buffer.from(bytes)), LIMIT, FILE)).toHaveLength(bytes.length);
  });

  test('every flipped bit is refused, or changes nothing', () => {
    const part = content(1_000);
    const bytes = Uint8Array.from({ length: segmentBytes(1) }, (_, i) => part[i % part.length] as number);
    const frame = compressSegment(bytes);
    const taken: string[] = [];
    for (let at = 0; at < frame.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        frame[at]! ^= 1 << bit;
        try {
          // The last token of a block has bits that mean nothing.
          const same = Buffer.compare(decompressSegment(frame, LIMIT, FILE), bytes) === 0;
          taken.push(`${at}.${bit} ${same ? 'the same' : 'OTHER BYTES'}`);
        } catch (error) {
          expect(error).toMatchObject({ code: 'SEGMENT_CORRUPTED', file: FILE });
        }
        frame[at]! ^= 1 << bit;
      }
    }
    expect(taken.filter((bit) => !bit.endsWith('the same'))).toEqual([]);
    expect(taken.length).toBeLessThanOrEqual(4);
  });

  test.each([0, 1, 64, segmentBytes(1) - 1, segmentBytes(16) + 64, 300_000])(
    'of %i bytes is none, whether they are declared or not',
    (length) => {
      const bytes = content(length);
      expect(errorOf(compressSegment(bytes)).code).toBe('SEGMENT_CORRUPTED');
      expect(errorOf(compressFrameSync(Buffer.from(bytes))).message).toContain('which no whole segment has');
    },
  );

  test('every truncation is refused', () => {
    const frame = compressSegment(content(segmentBytes(1)));
    for (let length = 0; length < frame.length; length++) {
      expect(errorOf(frame.subarray(0, length)).code).toBe('SEGMENT_CORRUPTED');
    }
  });

  test('with anything behind it is refused', () => {
    const frame = compressSegment(content(segmentBytes(1)));
    expect(errorOf(Buffer.concat([frame, Buffer.alloc(1)])).message).toContain('1 bytes follow');
    expect(errorOf(Buffer.concat([frame, frame])).code).toBe('SEGMENT_CORRUPTED');
  });

  test('a bomb is refused before it is unpacked', () => {
    const frame = compressSegment(new Uint8Array(64 << 20));
    const before = process.memoryUsage().arrayBuffers;
    expect(errorOf(frame).message).toContain('declares 67108864 bytes');
    // The same without a declared size.
    expect(errorOf(compressFrameSync(Buffer.alloc(64 << 20))).message).toContain('more blocks');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(80 << 20);
  });
});

describe('a damaged compressed segment', () => {
  const MIB = 1 << 20;
  const bytes = content(10 * MIB);
  const frame = compressSegment(bytes);
  const same = (salvaged: Uint8Array, start: number, end: number) =>
    Buffer.compare(salvaged.subarray(start, end), bytes.subarray(start, end)) === 0;

  test('gives all where only a checksum of the frame is wrong', () => {
    const damaged = frame.slice();
    damaged[damaged.length - 1]! ^= 1;
    damaged[14]! ^= 1;
    expect(same(salvageFrame(damaged, 10 * MIB), 0, bytes.length)).toBe(true);
  });

  test('gives the blocks of the frame that are not damaged, in their places', () => {
    const damaged = frame.slice();
    damaged.fill(0xff, 15 + 4 + 1_000, 15 + 4 + 2_000);
    const salvaged = salvageFrame(damaged, 10 * MIB);
    expect(salvaged).toHaveLength(bytes.length);
    expect(same(salvaged, 0, 1_000)).toBe(true);
    expect(same(salvaged, 0, 4 * MIB)).toBe(false);
    expect(same(salvaged, 4 * MIB, bytes.length)).toBe(true);
  });

  test('gives what comes before its cut end', () => {
    for (const length of [0, 3, 14, 18, 40_000, frame.length >> 1, frame.length - 9]) {
      const salvaged = salvageFrame(frame.subarray(0, length), 10 * MIB);
      expect(salvaged.length).toBeLessThanOrEqual(bytes.length);
      // A literal cut off is not unpacked: at most one sequence is missing.
      if (length > 40_000) expect(salvaged.length).toBeGreaterThan(4 * MIB);
      expect(same(salvaged, 0, salvaged.length)).toBe(true);
    }
  });

  test('gives no more than a segment has, whatever it declares', () => {
    expect(salvageFrame(frame, 5 * MIB)).toHaveLength(5 * MIB);
    const blocks = Buffer.alloc(15 + 5 * 1_000_000, '\x01\0\0\0\0', 'latin1');
    expect(salvageFrame(blocks, 5 * MIB).length).toBeLessThanOrEqual(5 * MIB);
  });
});
