/* R1: a tail ring that is missing, cut, damaged, of another log, of an earlier life, or of two laps at once. */
import {
  BLOCK_BYTES,
  BLOCK_EVENTS,
  TAIL_RING_FILE,
  TAIL_RING_HEADER_BYTES,
  TailRingOffset,
} from '@fswal/format';
import { readBootId } from '@fswal/format/files';
import { expect, test } from 'vitest';
import { buildLog, buildRing } from '../src/harness/build-log.js';
import { type LogImage, writeImage } from '../src/harness/log-copy.js';
import { count, FULL, patience } from '../src/harness/scale.js';
import { type ScannedLog, scanLog } from '../src/harness/scan-log.js';
import { type Random, seeded } from '../src/harness/seeded.js';
import { checkLog, reopen } from '../src/harness/verify-log.js';
import { newLogDir } from './helpers/directories.js';

/** Each has about 1,000 cases. */
const SHAPES = count({ gate: 1, full: 50 });
/** Recovery and a recorder see each so many-th of the cases that the scan sees all of. */
const SAMPLE = FULL ? 20 : 200;
const OTHER_BOOT = readBootId().replace(/./g, (digit) => (15 - Number.parseInt(digit, 16)).toString(16));

/** A log whose recorder was killed while the writer was behind. */
interface Shape {
  readonly tailBlocks: number;
  /** Last event before this life of the recorder. */
  readonly after: number;
  /** Last event in the segments; and of the log, in the ring. */
  readonly inSegments: number;
  readonly last: number;
  readonly segments: LogImage;
  readonly ring: Uint8Array;
}

interface Case {
  readonly name: string;
  /** undefined = there is none. */
  readonly ring: Uint8Array | undefined;
  /** What must come of it. */
  readonly judge: (scanned: ScannedLog) => void;
  /** Whether the recorder keeps the ring as evidence. */
  readonly movedAside?: boolean;
}

function shapeOf(random: Random, tailBlocks = 8): Shape {
  const after = random.pick([0, random.between(1, 3000)]);
  // More than a lap, so that there are older events in the ring.
  const inSegments =
    after + (tailBlocks + random.below(tailBlocks)) * BLOCK_EVENTS + random.between(1, BLOCK_EVENTS - 1);
  const last = inSegments + random.between(BLOCK_EVENTS, (tailBlocks - 3) * BLOCK_EVENTS);
  const durable = inSegments - random.below(300);
  return {
    tailBlocks,
    after,
    inSegments,
    last,
    segments: buildLog({ events: inSegments, durable }),
    ring: buildRing({ tailBlocks, after, lastId: last }),
  };
}

/** The events of the segments, and none of the ring's. */
function onlySegments({ inSegments }: Shape): Case['judge'] {
  return ({ lastId, fromRing }) => expect({ lastId, fromRing }).toEqual({ lastId: inSegments, fromRing: 0 });
}

function missingOrCut(shape: Shape): Case[] {
  const judge = onlySegments(shape);
  const edges = Array.from(
    { length: shape.tailBlocks },
    (_, slot) => TAIL_RING_HEADER_BYTES + slot * BLOCK_BYTES,
  );
  const lengths = [
    0,
    1,
    47,
    48,
    64,
    TAIL_RING_HEADER_BYTES - 1,
    ...edges,
    ...edges.map((edge) => edge + 100),
    shape.ring.length - 1,
  ];
  return [
    { name: 'missing', ring: undefined, judge },
    ...lengths.map((length) => ({
      name: `cut to ${length} bytes`,
      ring: shape.ring.slice(0, length),
      judge,
      movedAside: length > 0,
    })),
    { name: 'a byte longer', ring: new Uint8Array([...shape.ring, 0]), judge, movedAside: true },
  ];
}

function headerBits(shape: Shape): Case[] {
  return Array.from({ length: (TailRingOffset.checksum + 8) * 8 }, (_, bit) => {
    const ring = shape.ring.slice();
    ring[bit >> 3] = (ring[bit >> 3] as number) ^ (1 << (bit & 7));
    return { name: `bit ${bit} of the header flipped`, ring, judge: onlySegments(shape), movedAside: true };
  });
}

/** Of another log that came as far, or further, or less far; and of this log, before the recorder that was killed. */
function ofAnotherTime(shape: Shape, random: Random): Case[] {
  const { tailBlocks, after, inSegments, last } = shape;
  const judge = onlySegments(shape);
  const others = Array.from({ length: 40 }, (_, n) => {
    const otherAfter = random.pick([after, 0, random.below(inSegments), inSegments]);
    const lastId = random.between(inSegments - 500, last + 5000);
    const ring = buildRing({ tailBlocks, after: otherAfter, lastId, link: BigInt(1 + n), salt: 1 + n });
    return { name: `of another log, events ${otherAfter + 1} to ${lastId}`, ring, judge };
  });
  const earlier = Array.from({ length: 40 }, () => {
    const lastId = random.between(1, inSegments);
    const start = random.below(lastId);
    const ring = buildRing({ tailBlocks, after: start, lastId });
    return { name: `of an earlier life, events ${start + 1} to ${lastId}`, ring, judge };
  });
  return [...others, ...earlier];
}

/**
 * Any slots of a lap and the others of the next one, as a power cut may leave them. Both laps are this log's, and the
 * segments end in the first: no event may come after one that is missing.
 */
function twoLaps(shape: Shape): Case[] {
  const { tailBlocks, after, inSegments, last } = shape;
  const older = buildRing({ tailBlocks, after, lastId: last, bootId: OTHER_BOOT });
  const newer = buildRing({
    tailBlocks,
    after,
    lastId: last + tailBlocks * BLOCK_EVENTS,
    bootId: OTHER_BOOT,
  });
  return Array.from({ length: 2 ** tailBlocks }, (_, set) => {
    const ring = older.slice();
    for (let slot = 0; slot < tailBlocks; slot++) {
      const start = TAIL_RING_HEADER_BYTES + slot * BLOCK_BYTES;
      if (((set >> slot) & 1) === 1) ring.set(newer.subarray(start, start + BLOCK_BYTES), start);
    }
    const judge = ({ lastId }: ScannedLog) => {
      expect(lastId).toBeGreaterThanOrEqual(inSegments);
      expect(lastId).toBeLessThanOrEqual(last + tailBlocks * BLOCK_EVENTS);
    };
    return { name: `slots ${set.toString(2)} a lap ahead`, ring, judge };
  });
}

async function tryOut(dir: string, shape: Shape, cases: readonly Case[]): Promise<void> {
  for (const [i, { name, ring, judge, movedAside = false }] of cases.entries()) {
    writeImage(
      dir,
      ring === undefined ? shape.segments : new Map([...shape.segments, [TAIL_RING_FILE, ring]]),
    );
    const hint = `a ring ${name}; segments to ${shape.inSegments}, a life from ${shape.after} to ${shape.last}`;
    const scanned = scanLog(dir);
    expect(scanned.faults, hint).toEqual([]);
    expect(scanned.error, hint).toBeUndefined();
    expect(scanned.firstId, hint).toBe(1);
    judge(scanned);
    if (i % SAMPLE !== 0) continue;
    const { lastId, faults } = await checkLog(dir, { atLeast: scanned.lastId, atMost: scanned.lastId });
    expect({ lastId, faults }, hint).toEqual({ lastId: scanned.lastId, faults: [] });
    if (!movedAside) continue;
    writeImage(dir, new Map([...shape.segments, [TAIL_RING_FILE, ring as Uint8Array]]));
    const { resumed } = await reopen(dir);
    expect(
      resumed?.movedAside.map((file) => file.split('/').at(-1)),
      hint,
    ).toEqual([`${TAIL_RING_FILE}.broken`]);
  }
}

test('takes all of a sound ring, whatever slot it ends in', { timeout: patience(60_000) }, () =>
  seeded((random) => {
    const dir = newLogDir();
    for (let n = 0; n < count({ gate: 50, full: 5000 }); n++) {
      const shape = shapeOf(random, random.between(4, 8));
      writeImage(dir, new Map([...shape.segments, [TAIL_RING_FILE, shape.ring]]));
      const { lastId, faults, error } = scanLog(dir);
      expect({ lastId, faults, error }).toEqual({ lastId: shape.last, faults: [], error: undefined });
    }
  }),
);

test.each([
  ['is missing or cut', missingOrCut],
  ['has a damaged header', headerBits],
  ['is of another log or an earlier life', ofAnotherTime],
  ['is of two laps at once', twoLaps],
] as const)(
  'invents, repeats and reorders nothing where the ring %s',
  { timeout: patience(120_000) },
  (_, casesOf) =>
    seeded(async (random) => {
      const dir = newLogDir();
      for (let n = 0; n < SHAPES; n++) {
        const shape = shapeOf(random);
        await tryOut(dir, shape, casesOf(shape, random));
      }
    }),
);
