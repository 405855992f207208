/* B5: flipped bits in a compressed segment, alone and beside the one that it was made from. */
import {
  blockOffset,
  compressedSegmentFileName,
  type DurablePosition,
  decodeMeta,
  META_FILE,
  segmentFileName,
  WalError,
} from '@fswal/format';
import { compressSegment, decompressSegment, MAX_SEGMENT_BYTES } from '@fswal/format/files';
import { expect, test } from 'vitest';
import { buildLog, SEGMENT_EVENTS } from '../src/harness/build-log.js';
import { writeImage } from '../src/harness/log-copy.js';
import { count, FULL, patience } from '../src/harness/scale.js';
import { scanSegments } from '../src/harness/scan-log.js';
import { seeded } from '../src/harness/seeded.js';
import { faultsOf, replay } from '../src/harness/verify-log.js';
import { newLogDir } from './helpers/directories.js';

const TIMEOUT_MS = patience(120_000);
const LAST = 2 * SEGMENT_EVENTS;
const log = buildLog({ events: LAST });
const NAME = segmentFileName(0);
const PACKED = compressedSegmentFileName(0);
const plain = log.get(NAME) as Uint8Array;
const durable = decodeMeta(log.get(META_FILE) as Uint8Array) as DurablePosition;

/** The bytes of a frame, or the code of the error. @throws what is not a WalError */
function unpack(frame: Uint8Array): Uint8Array | string {
  try {
    return decompressSegment(frame, MAX_SEGMENT_BYTES, PACKED);
  } catch (error) {
    if (error instanceof WalError) return error.code;
    throw error;
  }
}

/** The log with the first segment compressed to `frame`; with `both`, beside the one that it was made from. */
function logWith(frame: Uint8Array, both?: Uint8Array): Map<string, Uint8Array> {
  const image = new Map([...log, [PACKED, frame]]);
  if (both === undefined) image.delete(NAME);
  else image.set(NAME, both);
  return image;
}

test(
  'finds any bit that is flipped in a compressed segment, where it changes what is unpacked',
  {
    timeout: TIMEOUT_MS,
  },
  () =>
    seeded(async (random) => {
      const frame = compressSegment(plain);
      const dir = newLogDir();
      const bits = frame.length * 8;
      const trials = count({ gate: 5_000, full: bits });
      const faults: string[] = [];
      let refused = 0;
      for (let n = 0; n < trials; n++) {
        const bit = FULL ? n : random.below(bits);
        frame[bit >> 3]! ^= 1 << (bit & 7);
        const unpacked = unpack(frame);
        if (unpacked === 'SEGMENT_CORRUPTED') refused++;
        // A frame has bits that mean nothing, and matches that the same bytes precede elsewhere.
        else if (typeof unpacked === 'string' || Buffer.compare(unpacked, plain) !== 0)
          faults.push(`bit ${bit}: ${typeof unpacked === 'string' ? unpacked : 'OTHER BYTES'}`);
        if (n % (FULL ? 1_000 : trials / 5) === 0) {
          writeImage(dir, logWith(frame));
          const { error, events } = await replay(dir);
          if (unpacked === 'SEGMENT_CORRUPTED') {
            expect(error, `bit ${bit}`).toMatchObject({
              code: 'SEGMENT_CORRUPTED',
              file: `${dir}/${PACKED}`,
            });
            expect(events).toBe(0);
          } else expect(events, `bit ${bit}`).toBe(LAST);
        }
        frame[bit >> 3]! ^= 1 << (bit & 7);
      }
      expect(faults).toEqual([]);
      expect(refused).toBeGreaterThan(trials * 0.9);
    }),
);

test(
  'what was damaged before it was compressed is found behind a frame that is sound',
  {
    timeout: TIMEOUT_MS,
  },
  () =>
    seeded((random) => {
      for (let n = count({ gate: 50, full: 5_000 }); n > 0; n--) {
        const bytes = plain.slice();
        const at = random.between(64, bytes.length - 1);
        bytes[at]! ^= 1 << random.below(8);
        const unpacked = unpack(compressSegment(bytes)) as Uint8Array;
        const segments = [{ segmentIndex: 0, file: PACKED, bytes: unpacked }];
        const { error } = scanSegments(segments, durable);
        expect(error?.block, `byte ${at}`).toBe(Math.floor((at - blockOffset(0)) / 16_448));
      }
    }),
);

test('of two forms the one is read that is whole', { timeout: TIMEOUT_MS }, () =>
  seeded(async (random) => {
    const dir = newLogDir();
    const frame = compressSegment(plain);
    for (let n = count({ gate: 6, full: 500 }); n > 0; n--) {
      const [badFrame, badPlain] = [frame.slice(), plain.slice()];
      // The content's checksum: it always counts.
      badFrame[frame.length - 1 - random.below(4)]! ^= 1 << random.below(8);
      badPlain[random.below(plain.length)]! ^= 1 << random.below(8);
      const [spoiledFrame, spoiledPlain] = random.pick([
        [badFrame, plain],
        [frame, badPlain],
        [frame.slice(0, random.below(frame.length)), plain],
        [frame, plain.slice(0, random.below(plain.length))],
      ] as const);
      writeImage(dir, logWith(spoiledFrame as Uint8Array, spoiledPlain));
      expect(faultsOf(await replay(dir), { atLeast: LAST, atMost: LAST })).toEqual([]);
      writeImage(dir, logWith(badFrame, badPlain));
      expect((await replay(dir)).error).toBeDefined();
    }
  }),
);
