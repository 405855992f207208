import { describe, expect, test } from 'vitest';
import {
  BLOCK_BYTES,
  blockOffset,
  type DurablePosition,
  durableSegmentMissing,
  eventOffset,
  LogScan,
  SEGMENT_HEADER_BYTES,
  type SegmentVerdict,
  type Status,
  type WalError,
} from '../src/index.js';
import {
  type Built,
  buildLog,
  buildSegment,
  copyOf,
  FULL,
  NOTHING_DURABLE,
  positionAt,
  type SegmentShape,
} from './helpers/build-segment.js';
import { append, cut, flip, freshSeed, randomFrom, zero } from './helpers/vandal.js';

interface Outcome {
  verdicts: SegmentVerdict[];
  /** Ids of all events that count. */
  delivered: bigint[];
  /** What ended the log: OK, `tail:STATUS`, or the code of the refusal. */
  end: string;
  error: WalError | undefined;
  scan: LogScan;
}

/** Scans as recorder and recovery do: in index order, up to the end. */
function scanLog(log: Built[], durable: DurablePosition): Outcome {
  const scan = new LogScan(durable);
  const verdicts: SegmentVerdict[] = [];
  const delivered: bigint[] = [];
  let end = 'OK';
  let error: WalError | undefined;
  for (const { segmentIndex, bytes } of log) {
    const verdict = scan.judge(segmentIndex, bytes, `segment ${segmentIndex}`);
    verdicts.push(verdict);
    delivered.push(...idsOf(bytes, verdict));
    expect(verdict.error === undefined).toBe(verdict.decision === 'keep');
    expect(scan.ended).toBe(verdict.decision !== 'keep');
    expect(scan.lastEventId).toBe(delivered.at(-1) ?? 0n);
    if (verdict.decision === 'keep') continue;
    error = verdict.error!;
    expect(error.file).toBe(`segment ${segmentIndex}`);
    expect(error.eventId).toBe(scan.lastEventId);
    expect(error.block).toBeTypeOf('number');
    expect(error.offset).toBeTypeOf('number');
    end = verdict.decision === 'tail' ? `tail:${error.code}` : error.code;
    break;
  }
  if (end === 'OK' || end.startsWith('tail')) {
    const lost = scan.finish();
    if (lost !== undefined) {
      end = lost.code;
      error = lost;
    }
  }
  return { verdicts, delivered, end, error, scan };
}

/** The ids of the events that a verdict says are there, read by its own counts. */
function idsOf(bytes: Uint8Array, verdict: SegmentVerdict): bigint[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const ids: bigint[] = [];
  const take = (block: number, count: number) => {
    for (let i = 0; i < count; i++) ids.push(view.getBigUint64(blockOffset(block) + eventOffset(i), true));
  };
  for (let block = 0; block < verdict.blocks; block++)
    take(block, view.getUint16(blockOffset(block) + 44, true));
  take(verdict.blocks, verdict.tailEvents);
  expect(ids.length).toBe(verdict.events);
  return ids;
}

const CORRUPT: Status[] = [
  'HEADER_CHECKSUM_MISMATCH',
  'BLOCK_CHECKSUM_MISMATCH',
  'CHAINED_CHECKSUM_MISMATCH',
  'SEGMENT_CORRUPTED',
];

/** What was appended, in order. */
const allIds = (log: Built[]) => log.flatMap(({ ids }) => ids);

/** Damage may shorten a log; it must not change, reorder or invent. */
function expectPrefix(outcome: Outcome, log: Built[]): void {
  const ids = allIds(log);
  const differs = outcome.delivered.findIndex((id, i) => id !== ids[i]);
  if (differs >= 0)
    expect.fail(`event ${outcome.delivered[differs]} instead of ${ids[differs]}: ${outcome.end}`);
}

const closed = { sealed: [FULL, 30], closed: true };
const active = { sealed: [FULL, 9, FULL], tail: 100, capacityBlocks: 5 };

/** Three segments; the last is open, sealed partial block included, and has an unsealed block. */
const log3 = (defaults: SegmentShape = {}) => buildLog([closed, closed, active], { ...defaults, idStep: 2n });

/** Every kind of place that a durable position can have in the active segment of `log3`. */
const positions: Record<string, (log: Built[]) => DurablePosition> = {
  'at the segment header': ([, before, last]) => ({
    segmentIndex: last.segmentIndex,
    offset: SEGMENT_HEADER_BYTES,
    eventId: before.ids.at(-1)!,
    prefixChecksum: 0n,
  }),
  'inside a full sealed block': (log) => positionAt(log[2], 0, 77),
  'at a full block’s end': (log) => positionAt(log[2], 0, FULL),
  'inside a sealed partial block': (log) => positionAt(log[2], 1, 4),
  'at a sealed partial block’s end': (log) => positionAt(log[2], 1, 9),
  'at a sealed partial block’s end, as block end': (log) => ({
    ...positionAt(log[2], 1, 9),
    prefixChecksum: 0n,
  }),
  'at the end of the last sealed block': (log) => positionAt(log[2], 2, FULL),
  'at the first event of the unsealed block': (log) => positionAt(log[2], 3, 1),
  'inside the unsealed block': (log) => positionAt(log[2], 3, 60),
  'at the end of the unsealed block': (log) => positionAt(log[2], 3, 100),
  'at the end of the segment below': (log) => positionAt(log[1], 1, 30),
  nowhere: () => NOTHING_DURABLE,
};

describe.each([1, 2] as const)('version %d', (version) => {
  test.each(Object.entries(positions))('a sound log is kept, durable %s', (_, position) => {
    const log = log3({ version });
    const { end, delivered, verdicts, scan } = scanLog(log, position(log));
    expect(end).toBe('OK');
    expect(delivered).toEqual(allIds(log));
    expect(scan.chainedChecksum).toBe(log[2].chained);
    expect(verdicts[2]).toMatchObject({ blocks: 3, tailEvents: 100, endOffset: log[2].endOffset });
  });

  describe.each(Object.entries(positions))('durable %s', (_, position) => {
    const whole = log3({ version });
    const durable = position(whole);
    const holding = Math.floor((durable.offset - 65) / BLOCK_BYTES);

    /** Whether byte `offset` of segment `segmentIndex` is at or below the durable position. */
    const isDurable = (segmentIndex: number, offset: number) =>
      durable.eventId > 0n &&
      (segmentIndex < durable.segmentIndex ||
        (segmentIndex === durable.segmentIndex && offset < durable.offset));

    test('a flipped byte is corruption at or below it, a torn tail above it', () => {
      const seed = freshSeed();
      const random = randomFrom(seed);
      for (let round = 0; round < 60; round++) {
        const segmentIndex = random(3);
        const log = whole.slice();
        log[segmentIndex] = copyOf(whole[segmentIndex]);
        const { bytes } = log[segmentIndex];
        // Of the unsealed block only the durable part is covered: see the test after this.
        const blocks = segmentIndex === 2 ? [FULL, 9, FULL] : [FULL, 30];
        const block = random(blocks.length + 1) - 1;
        const offset = block < 0 ? random(64) : blockOffset(block) + random(eventOffset(blocks[block]));
        flip(bytes, offset, 1 + random(255));
        const outcome = scanLog(log, durable);
        const place = `seed ${seed} round ${round}: segment ${segmentIndex} offset ${offset}: ${outcome.end}`;
        expectPrefix(outcome, whole);
        const start = block < 0 ? 0 : blockOffset(block);
        const holdsIt = segmentIndex === durable.segmentIndex && block >= 0 && block === holding;
        // The prefix of the block that holds the position is sound if the flip lies behind it, or in the header.
        const behind =
          holdsIt && (offset >= durable.offset || offset < start + 64) && durable.prefixChecksum !== 0n;
        if (
          isDurable(segmentIndex, start) &&
          !(holdsIt && behind) &&
          !(durable.offset === 64 && segmentIndex === 2)
        ) {
          expect(CORRUPT, place).toContain(outcome.end);
          expect(outcome.error?.block, place).toBe(Math.max(0, block));
        } else {
          expect(outcome.end, place).toMatch(/^tail:/);
          expect(CORRUPT, place).toContain(outcome.end.slice(5));
          expect(outcome.delivered.at(-1) ?? 0n, place).toBeGreaterThanOrEqual(durable.eventId);
        }
      }
    });

    test('every length of the active segment: lost below it, kept or torn above it', () => {
      const { bytes, endOffset } = whole[2];
      const lengths = [0, 1, 63, 64, 65, 127, 128, 129];
      for (let block = 0; block < 5; block++) {
        const start = blockOffset(block);
        lengths.push(
          start - 1,
          start,
          start + 1,
          start + 64,
          start + 65,
          start + 128,
          start + 639,
          start + 640,
        );
      }
      for (let length = 64; length < bytes.length; length += 2111) lengths.push(length);
      for (const length of lengths) {
        const log = [...whole.slice(0, 2), { ...whole[2], bytes: cut(bytes, length) }];
        const outcome = scanLog(log, durable);
        expectPrefix(outcome, whole);
        const lost = durable.segmentIndex === 2 && durable.offset > 64 && length < durable.offset;
        if (lost) expect(outcome.end, `length ${length}`).toBe('DURABLE_LOST');
        else expect(outcome.end, `length ${length}`).toMatch(/^(OK|tail:SEGMENT_CORRUPTED)$/);
        if (length >= endOffset && length >= blockOffset(3)) expect(outcome.end).toBe('OK');
      }
    });

    test('what was zeroed from some place on is lost below it, and just not there above it', () => {
      const { bytes, endOffset } = whole[2];
      for (let from = 64; from < endOffset; from += 64 * 17) {
        const log = [...whole.slice(0, 2), { ...whole[2], bytes: zero(bytes.slice(), from, bytes.length) }];
        const outcome = scanLog(log, durable);
        expectPrefix(outcome, whole);
        const inSegment = durable.segmentIndex === 2 && durable.offset > 64;
        if (inSegment && from < durable.offset) {
          expect([...CORRUPT, 'DURABLE_LOST'], `from ${from}`).toContain(outcome.end);
        } else expect(outcome.end, `from ${from}`).toMatch(/^(OK$|tail:)/);
      }
    });

    test('a zeroed range is found, or nothing is missing but the end', () => {
      for (const size of [64, 512, 4096, BLOCK_BYTES]) {
        for (let from = 0; from + size < whole[2].endOffset; from += 4_777) {
          const log = [
            ...whole.slice(0, 2),
            { ...whole[2], bytes: zero(whole[2].bytes.slice(), from, from + size) },
          ];
          const outcome = scanLog(log, durable);
          expectPrefix(outcome, whole);
          const below = isDurable(2, from) && durable.offset > 64;
          const message = `size ${size} from ${from}`;
          if (outcome.end === 'OK') expect(outcome.delivered.at(-1)! >= durable.eventId, message).toBe(true);
          else if (outcome.end.startsWith('tail')) {
            expect(outcome.delivered.at(-1)! >= durable.eventId, message).toBe(true);
          } else {
            expect(below, message).toBe(true);
            expect([...CORRUPT, 'DURABLE_LOST'], message).toContain(outcome.end);
          }
        }
      }
    });

    test('a deleted segment', () => {
      const log = whole;
      expect(scanLog([log[0], log[2]], durable).end).toBe('SEGMENT_GAP');
      expect(scanLog([log[0], log[2]], durable).delivered).toEqual(log[0].ids);
      // Retention removes the oldest: what is left opens.
      const kept = scanLog(log.slice(1), durable);
      expect(kept.end).toBe('OK');
      expect(kept.delivered).toEqual(allIds(log.slice(1)));
      const lost = durable.eventId > log[1].ids.at(-1)!;
      expect(scanLog(log.slice(0, 2), durable).end).toBe(lost ? 'DURABLE_LOST' : 'OK');
      expect(scanLog([], durable).end).toBe(durable.eventId > 0n ? 'DURABLE_LOST' : 'OK');
    });
  });

  test('all orders of the names of 4 segments but the right one are found', () => {
    const log = buildLog([closed, closed, closed, { ...active, closed: false }], { version });
    const durable = positionAt(log[3], 3, 50);
    const orders = permutations([0, 1, 2, 3]);
    expect(orders.length).toBe(24);
    for (const order of orders) {
      const renamed = order.map((from, segmentIndex) => ({ ...log[from], segmentIndex }));
      const { end, delivered } = scanLog(renamed, durable);
      if (order.every((from, i) => from === i)) expect(end).toBe('OK');
      else {
        expect(end, `${order}`).toBe('SEGMENT_CORRUPTED');
        const sound = order.findIndex((from, i) => from !== i);
        expect(delivered).toEqual(allIds(log.slice(0, sound)));
      }
    }
  });

  test('prepared segments behind the active one are kept, empty', () => {
    const log = buildLog([closed, active, { capacityBlocks: 3 }, { capacityBlocks: 3 }], { version });
    const { end, verdicts, delivered } = scanLog(log, positionAt(log[1], 3, 7));
    expect(end).toBe('OK');
    expect(verdicts.slice(2).map((v) => [v.decision, v.events, v.verification.state])).toEqual([
      ['keep', 0, 'prepared'],
      ['keep', 0, 'prepared'],
    ]);
    expect(delivered).toEqual(allIds(log));
  });

  test('a recycled prepared segment is kept, empty', () => {
    const log = buildLog([closed, active], { version });
    const recycled = buildSegment({ version, segmentIndex: 2, over: log[0].bytes, capacityBlocks: 3 });
    expect(scanLog([...log, recycled], positionAt(log[1], 0, 7)).end).toBe('OK');
    expect(scanLog([...log, recycled], NOTHING_DURABLE).delivered).toEqual(allIds(log));
  });

  test('a full segment that was not closed yet is followed by the next', () => {
    const log = buildLog([{ sealed: [FULL, FULL] }, { sealed: [FULL, 5] }, active], { version });
    for (const durable of [NOTHING_DURABLE, positionAt(log[1], 1, 5), positionAt(log[2], 3, 9)]) {
      const { end, delivered } = scanLog(log, durable);
      expect(end).toBe('OK');
      expect(delivered).toEqual(allIds(log));
    }
  });

  test('a segment below the position that ends too early has lost durable events', () => {
    const whole = buildLog([closed, { sealed: [FULL, FULL, FULL] }, active], { version });
    const durable = positionAt(whole[2], 0, 5);
    for (const [i, length] of [
      [0, 0],
      [0, 63],
      [0, 64],
      [0, 5_000],
      [0, blockOffset(1)],
      [1, 0],
      [1, 64],
      [1, 5_000],
      [1, blockOffset(2) + 700],
    ]) {
      const log = whole.map(copyOf);
      log[i].bytes = cut(log[i].bytes, length);
      const outcome = scanLog(log, durable);
      expect(outcome.end, `segment ${i} cut to ${length}`).toBe('DURABLE_LOST');
      expect(outcome.error?.file).toBe(`segment ${i}`);
      expectPrefix(outcome, whole);
    }
    const rolledBack = [whole[0], buildSegment({ version, segmentIndex: 1, capacityBlocks: 3 }), whole[2]];
    expect(scanLog(rolledBack, durable).end).toBe('DURABLE_LOST');
    const zeroed = whole.map(copyOf);
    zero(zeroed[1].bytes, blockOffset(1), zeroed[1].bytes.length);
    expect(scanLog(zeroed, durable).end).toBe('DURABLE_LOST');
  });

  test('an open segment above the position that was cut is not followed by the next', () => {
    const whole = buildLog([{ sealed: [FULL, FULL] }, active], { version });
    const log = whole.map(copyOf);
    log[0].bytes = cut(log[0].bytes, blockOffset(1) + 900);
    const outcome = scanLog(log, NOTHING_DURABLE);
    expect(outcome.end).toBe('tail:SEGMENT_CORRUPTED');
    zero(whole[0].bytes, blockOffset(1), blockOffset(2));
    expect(scanLog(whole, NOTHING_DURABLE).end).toBe(
      version === 1 ? 'tail:SEGMENT_GAP' : 'tail:CHAINED_CHECKSUM_MISMATCH',
    );
  });
});

describe('the block that holds the durable position', () => {
  const shape: SegmentShape = { sealed: [FULL], tail: 100, capacityBlocks: 3 };
  const built = buildSegment(shape);
  const start = blockOffset(1);
  const at = (i: number) => start + eventOffset(i);
  const judge = (bytes: Uint8Array, durable = positionAt(built, 1, 60)) =>
    scanLog([{ ...built, bytes }], durable);

  test('a flipped bit before the position is corruption, and none of the block is delivered', () => {
    for (let bit = 8 * at(0); bit < 8 * at(60); bit += 61) {
      const { end, delivered, error } = judge(flip(built.bytes.slice(), bit >> 3, 1 << (bit & 7)));
      expect(CORRUPT).toContain(end);
      expect(delivered).toEqual(built.ids.slice(0, FULL));
      expect(error).toMatchObject({ block: 1, eventId: 256n });
      expect(error!.offset).toBeGreaterThanOrEqual(start);
    }
  });

  test('behind the position ids alone decide: an event that lost its id ends the log as a torn tail', () => {
    const outcome = judge(zero(built.bytes.slice(), at(70), at(71)));
    expect(outcome.end).toBe('tail:SEGMENT_CORRUPTED');
    expect(outcome.delivered).toEqual(built.ids.slice(0, FULL + 70));
    expect(judge(zero(built.bytes.slice(), at(70), at(100))).end).toBe('OK');
  });

  test('durable events that became zero are lost, and with them those whose checksum they share', () => {
    const whole = at(40);
    const harms: Record<string, [endOffset: number, bytes: Uint8Array]> = {
      'up to the end': [whole, zero(built.bytes.slice(), whole, at(100))],
      'from amid an event on': [whole, zero(built.bytes.slice(), at(39) + 20, at(100))],
      'and content before them changed': [whole, flip(zero(built.bytes.slice(), whole, at(100)), at(7) + 20)],
      'from a cut on': [whole, cut(built.bytes.slice(), whole + 13)],
      'the whole block': [start, zero(built.bytes.slice(), start, at(100))],
    };
    for (const [harm, [offset, bytes]] of Object.entries(harms)) {
      const outcome = judge(bytes);
      expect(outcome.end, harm).toBe('DURABLE_LOST');
      expect(outcome.delivered, harm).toEqual(built.ids.slice(0, FULL));
      expect(outcome.error, harm).toMatchObject({ block: 1, offset, eventId: 256n });
    }
  });

  test('an unsealed block before it has no checksum any more, and is left out as well', () => {
    const sealed = buildSegment({ sealed: [FULL, FULL], capacityBlocks: 3 });
    const bytes = zero(built.bytes.slice(), at(90), at(100));
    const outcome = judge(bytes, positionAt(sealed, 1, 100));
    expect([outcome.end, outcome.delivered]).toEqual(['DURABLE_LOST', built.ids.slice(0, FULL)]);
  });

  test('an unsealed block at the end of the segment before is what a killed repair leaves, and stays', () => {
    const next = buildSegment({ segmentIndex: 1, firstId: built.ids.at(-1)! + 1n, sealed: [FULL] });
    const outcome = scanLog([built, next], positionAt(next, 0, 60));
    expect([outcome.end, outcome.delivered]).toEqual(['DURABLE_LOST', built.ids]);
  });

  test('zero in between, with events behind, is corruption', () => {
    expect(CORRUPT).toContain(judge(zero(built.bytes.slice(), at(40), at(50))).end);
  });

  test('a damaged or torn block header behind a sound prefix leaves the events up to the position', () => {
    const outcome = judge(built.bytes.slice().fill(0xa5, start, start + 64));
    expect(outcome.end).toBe('tail:HEADER_CHECKSUM_MISMATCH');
    expect(outcome.delivered).toEqual(built.ids.slice(0, FULL + 60));
    expect(outcome.verdicts[0]).toMatchObject({ blocks: 1, tailEvents: 60, endOffset: at(60) });
  });

  test('a sealed block whose events behind the position are torn leaves the events up to the position', () => {
    const sealed = buildSegment({ sealed: [FULL, FULL], capacityBlocks: 3 });
    const durable = positionAt(sealed, 1, 60);
    for (const from of [60, 61, 200]) {
      const bytes = zero(sealed.bytes.slice(), at(from), at(from + 10));
      const outcome = scanLog([{ ...sealed, bytes }], durable);
      expect(outcome.end).toBe('tail:BLOCK_CHECKSUM_MISMATCH');
      expect(outcome.delivered).toEqual(sealed.ids.slice(0, FULL + 60));
    }
    const below = scanLog([{ ...sealed, bytes: flip(sealed.bytes.slice(), at(59) + 20) }], durable);
    expect(below.end).toBe('BLOCK_CHECKSUM_MISMATCH');
    expect(below.delivered).toEqual(sealed.ids.slice(0, FULL));
  });

  test('a full block must be sealed: at its end there is no prefix checksum', () => {
    const sealed = buildSegment({ sealed: [FULL, FULL], capacityBlocks: 3 });
    const durable = positionAt(sealed, 1, FULL);
    expect(durable.prefixChecksum).toBe(0n);
    const judgeFull = (bytes: Uint8Array) => scanLog([{ ...sealed, bytes }], durable);
    const unsealed = judgeFull(zero(sealed.bytes.slice(), start, start + 64));
    expect(unsealed.end).toBe('HEADER_CHECKSUM_MISMATCH');
    expect(unsealed.delivered).toEqual(sealed.ids.slice(0, FULL));
    expect(unsealed.error).toMatchObject({ block: 1, offset: start });
    expect(judgeFull(flip(sealed.bytes.slice(), start)).end).toBe('HEADER_CHECKSUM_MISMATCH');
    expect(judgeFull(zero(sealed.bytes.slice(), start, at(FULL))).end).toBe('DURABLE_LOST');
    expect(judgeFull(zero(sealed.bytes.slice(), at(250), at(FULL))).end).toBe('BLOCK_CHECKSUM_MISMATCH');
    expect(CORRUPT).toContain(judgeFull(zero(sealed.bytes.slice(), start, at(10))).end);
  });

  test('a block that does not follow the one before is corruption though its prefix verifies', () => {
    const other = buildSegment({ ...shape, salt: 5, sealed: [FULL, FULL] });
    const sealed = buildSegment({ ...shape, sealed: [FULL, FULL] });
    const bytes = other.bytes.slice();
    bytes.set(sealed.bytes.subarray(blockOffset(1)), blockOffset(1));
    const { end, delivered } = scanLog([{ ...sealed, bytes }], positionAt(sealed, 1, 60));
    expect(end).toBe('CHAINED_CHECKSUM_MISMATCH');
    expect(delivered.length).toBe(FULL);
  });

  test('a segment that does not follow the one before is corruption, wherever in it the position is', () => {
    const log = log3();
    const followsOn = { segmentIndex: 1, firstId: log[1].ids[0], idStep: 2n, link: log[0].chained };
    const rewritten = buildSegment({ ...closed, ...followsOn, salt: 3 });
    for (const durable of [
      positionAt(log[2], 0, 1),
      positionAt(log[2], 0, FULL),
      positionAt(log[2], 3, 60),
    ]) {
      const { end, delivered } = scanLog([log[0], rewritten, log[2]], durable);
      expect(end).toBe('CHAINED_CHECKSUM_MISMATCH');
      expect(delivered).toEqual(allIds(log.slice(0, 2)));
    }
    // Nothing durable in it: what does not follow is a torn tail.
    expect(scanLog([log[0], rewritten, log[2]], NOTHING_DURABLE).end).toBe('tail:CHAINED_CHECKSUM_MISMATCH');
  });

  test('version 1: a gap before the block that holds the position is refused', () => {
    const log = buildLog([{ sealed: [FULL], capacityBlocks: 2 }, { tail: 9 }], { version: 1 });
    const durable = positionAt(log[1], 0, 5);
    expect(scanLog(log, durable).end).toBe('DURABLE_LOST');
    expect(scanLog(log, { ...durable, segmentIndex: 0, offset: log[0].endOffset, eventId: 256n }).end).toBe(
      'tail:SEGMENT_GAP',
    );
  });

  test('a header that names another segment is refused though the prefix verifies', () => {
    const segment = buildSegment({ tail: 100 });
    const durable = { ...positionAt(segment, 0, 60), segmentIndex: 4 };
    const { end, delivered } = scanLog([{ ...segment, segmentIndex: 4 }], durable);
    expect(end).toBe('SEGMENT_CORRUPTED');
    expect(delivered).toEqual([]);
  });

  test('a header that was rolled back to before the first event has lost the events', () => {
    for (const durable of [positionAt(buildSegment({ tail: 100 }), 0, 60), positionAt(built, 1, 60)]) {
      const bytes = zero(built.bytes.slice(), 64, built.bytes.length);
      bytes.set(buildSegment({ capacityBlocks: 1 }).bytes.subarray(0, 64));
      expect(scanLog([{ ...built, bytes }], durable).end).toBe('DURABLE_LOST');
    }
    // With the events still there it is the header that is wrong.
    const open = buildSegment({ tail: 100, named: false });
    expect(scanLog([open], positionAt(open, 0, 60)).end).toBe('SEGMENT_CORRUPTED');
  });

  test('a position that is not the end of an event, or of another event, is refused', () => {
    const durable = positionAt(built, 1, 60);
    for (const offset of [65, 127, 128, blockOffset(1) + 64, durable.offset + 1, durable.offset - 63]) {
      const { end, error } = scanLog([built], { ...durable, offset });
      expect(end).toBe('SEGMENT_CORRUPTED');
      expect(error?.message).toContain('not at an event');
    }
    for (const position of [durable, positionAt(built, 0, 9), positionAt(built, 0, FULL)]) {
      const { end, error } = scanLog([built], { ...position, eventId: position.eventId + 1n });
      expect(end).toBe('SEGMENT_CORRUPTED');
      expect(error?.message).toContain('is not at the durable position');
      expect(error?.offset).toBe(position.offset - 64);
    }
    expect(judge(built.bytes, { ...durable, prefixChecksum: durable.prefixChecksum ^ 1n }).end).toBe(
      'BLOCK_CHECKSUM_MISMATCH',
    );
  });

  test('a position ahead of the log has lost events; one behind it is just behind', () => {
    const ahead = buildSegment({ sealed: [FULL, FULL], tail: 50, capacityBlocks: 3 });
    for (const durable of [positionAt(ahead, 1, 101), positionAt(ahead, 1, FULL), positionAt(ahead, 2, 50)]) {
      expect(judge(built.bytes, durable).end).toBe('DURABLE_LOST');
    }
    expect(judge(built.bytes, { ...positionAt(ahead, 2, 50), offset: 2 ** 32 - 64 }).end).not.toBe('OK');
    expect(judge(built.bytes, { ...positionAt(ahead, 2, 50), segmentIndex: 1 }).end).toBe('DURABLE_LOST');
    expect(judge(built.bytes, positionAt(built, 0, 1)).end).toBe('OK');
  });

  test('stale content of a recycled file below the position is corruption, never delivered', () => {
    const older = buildSegment({ sealed: [FULL, FULL, FULL] });
    const over = buildSegment({ ...shape, firstId: 9_000n, over: older.bytes });
    const durable = positionAt(buildSegment({ sealed: [FULL], tail: 150, firstId: 9_000n }), 1, 150);
    const outcome = scanLog([over], durable);
    expect(outcome.end).toBe('BLOCK_CHECKSUM_MISMATCH');
    expect(outcome.delivered).toEqual(over.ids.slice(0, FULL));
  });

  test('what a recycled file holds behind the end of the log is no durable event', () => {
    const older = buildSegment({ sealed: [FULL, FULL, FULL] });
    const durable = positionAt(buildSegment({ sealed: [FULL, FULL], tail: 9, firstId: 9_000n }), 2, 9);
    for (const sealed of [[], [FULL]]) {
      const recycled = buildSegment({ sealed, firstId: 9_000n, over: older.bytes, capacityBlocks: 3 });
      const scan = new LogScan({ ...durable, segmentIndex: 1 });
      expect(
        scan.judge(0, buildSegment({ sealed: [FULL], closed: true, firstId: 5_000n }).bytes, 'a').decision,
      ).toBe('keep');
      const { chainedChecksum: link } = scan;
      const shape = {
        sealed,
        link,
        segmentIndex: 1,
        firstId: 9_000n,
        over: recycled.bytes,
        capacityBlocks: 3,
      };
      const { decision, error, events } = scan.judge(1, buildSegment(shape).bytes, 'b');
      expect([decision, error?.code, events]).toEqual(['refuse', 'DURABLE_LOST', sealed.length * FULL]);
    }
  });

  test('version 1 without its first id in the header', () => {
    const open = buildSegment({ version: 1, tail: 100, named: false });
    expect(scanLog([open], positionAt(open, 0, 60)).end).toBe('OK');
    const bytes = flip(open.bytes.slice(), 128, 1);
    expect(CORRUPT).toContain(scanLog([{ ...open, bytes }], positionAt(open, 0, 60)).end);
  });

  test('damage in front of a cut is damage', () => {
    const bytes = cut(flip(built.bytes.slice(), blockOffset(0) + 80), at(20));
    expect(judge(bytes).end).toBe('BLOCK_CHECKSUM_MISMATCH');
    const header = cut(built.bytes.slice().fill(0xa5, start, start + 64), at(20));
    expect(judge(header).end).toBe('HEADER_CHECKSUM_MISMATCH');
  });
});

describe('behind a torn tail', () => {
  test('sound blocks are counted, and cannot be reached', () => {
    const built = buildSegment({ sealed: Array(6).fill(FULL), tail: 5, capacityBlocks: 9 });
    const damaged = flip(built.bytes.slice(), blockOffset(2) + 100);
    const { verdicts, delivered } = scanLog([{ ...built, bytes: damaged }], positionAt(built, 0, 3));
    expect(verdicts[0]).toMatchObject({ decision: 'tail', blocks: 2, unreachableBlocks: 3, tailEvents: 0 });
    expect(delivered).toEqual(built.ids.slice(0, 2 * FULL));
    const both = flip(damaged, blockOffset(4) + 5_000);
    expect(scanLog([{ ...built, bytes: both }], NOTHING_DURABLE).verdicts[0].unreachableBlocks).toBe(2);
    const tight = buildSegment({ sealed: [FULL, FULL, FULL] });
    flip(tight.bytes, blockOffset(0) + 100);
    expect(scanLog([tight], NOTHING_DURABLE).verdicts[0].unreachableBlocks).toBe(2);
    const hole = zero(built.bytes.slice(), blockOffset(1), blockOffset(2));
    expect(scanLog([{ ...built, bytes: hole }], NOTHING_DURABLE).verdicts[0]).toMatchObject({
      decision: 'tail',
      blocks: 1,
      unreachableBlocks: 4,
    });
  });

  test('a block in the place of another is not counted, and the last one is where the file is cut behind it', () => {
    const built = buildSegment({ sealed: [...Array<number>(5).fill(FULL), 10] });
    const bytes = flip(built.bytes.slice(), blockOffset(1) + 100);
    bytes.copyWithin(blockOffset(3), blockOffset(4), blockOffset(5));
    expect(scanLog([{ ...built, bytes }], NOTHING_DURABLE).verdicts[0].unreachableBlocks).toBe(3);
    const short = cut(bytes, blockOffset(5) + 64 + 10 * 64);
    expect(scanLog([{ ...built, bytes: short }], NOTHING_DURABLE).verdicts[0].unreachableBlocks).toBe(3);
  });

  test('older blocks of a recycled file are not counted', () => {
    const older = buildSegment({ sealed: Array(4).fill(FULL) });
    const built = buildSegment({
      sealed: [FULL, FULL],
      firstId: 9_000n,
      over: older.bytes,
      capacityBlocks: 4,
    });
    flip(built.bytes, blockOffset(1) + 100);
    expect(scanLog([built], NOTHING_DURABLE).verdicts[0]).toMatchObject({
      decision: 'tail',
      unreachableBlocks: 0,
    });
  });

  test('a verdict on a later segment no longer moves the scan', () => {
    const log = log3();
    flip(log[1].bytes, blockOffset(1) + 100);
    const scan = new LogScan(positionAt(log[0], 0, 5));
    expect(scan.judge(0, log[0].bytes, 'a').decision).toBe('keep');
    expect(scan.judge(1, log[1].bytes, 'b').decision).toBe('tail');
    const { lastEventId, chainedChecksum } = scan;
    expect(scan.judge(2, log[2].bytes, 'c').decision).toBe('tail');
    expect(scan.judge(3, buildSegment({ segmentIndex: 3 }).bytes, 'd').decision).toBe('refuse');
    expect(scan).toMatchObject({ ended: true, lastEventId, chainedChecksum });
  });

  test('appended bytes are a torn tail at worst', () => {
    const log = log3();
    const garbage = new Uint8Array(3 * BLOCK_BYTES).fill(0xe7);
    for (const more of [garbage, new Uint8Array(700), log[0].bytes.subarray(64)]) {
      const longer = [...log.slice(0, 2), { ...log[2], bytes: append(log[2].bytes, more) }];
      const outcome = scanLog(longer, positionAt(log[2], 3, 60));
      expect(outcome.end).toMatch(/^(OK$|tail:)/);
      expect(outcome.delivered).toEqual(allIds(log));
    }
  });
});

test('an unreadable segment above the position is a torn tail without events', () => {
  const log = log3();
  const zeros = { ...log[2], segmentIndex: 3, bytes: new Uint8Array(log[2].bytes.length) };
  const outcome = scanLog([...log, zeros], positionAt(log[2], 3, 60));
  expect(outcome.end).toBe('tail:HEADER_CHECKSUM_MISMATCH');
  expect(outcome.delivered).toEqual(allIds(log));
  expect(outcome.verdicts[3]).toMatchObject({ events: 0, endOffset: 64, blocks: 0 });
  const empty = { ...zeros, bytes: new Uint8Array(0) };
  expect(scanLog([...log, empty], positionAt(log[2], 3, 60)).end).toBe('tail:SEGMENT_CORRUPTED');
});

test('a closed segment without events is no anchor for the next', () => {
  const scan = new LogScan(NOTHING_DURABLE);
  const empty = buildSegment({ capacityBlocks: 2, closed: true, segmentIndex: 4 });
  expect(scan.judge(4, empty.bytes, 'a').decision).toBe('keep');
  const next = buildSegment({ segmentIndex: 5, sealed: [FULL], link: 123n });
  expect(scan.judge(5, next.bytes, 'b')).toMatchObject({ decision: 'keep', events: FULL });
});

test.each([1, 2] as const)('nothing follows a segment that was never written on, version %d', (version) => {
  const before = buildSegment({ version, sealed: [FULL, FULL], closed: true });
  const unused = buildSegment({ version, segmentIndex: 1, capacityBlocks: 2 });
  const shapes = [{ sealed: [FULL] }, { tail: 5 }, { sealed: [FULL], tail: 5 }];
  for (const shape of shapes) {
    const after = buildSegment({ version, segmentIndex: 2, capacityBlocks: 2, firstId: 4000n, ...shape });
    const { delivered, end } = scanLog([before, unused, after], NOTHING_DURABLE);
    expect(delivered).toEqual(before.ids);
    expect(end).toMatch(/^tail:/);
  }
});

test.each([1, 2] as const)('an unsealed block needs a whole segment before it, version %d', (version) => {
  // A power cut took the end of the first segment, but not the first events of the second.
  const cutShort = buildSegment({ version, sealed: [FULL, FULL, FULL], capacityBlocks: 16 });
  const after = buildSegment({ version, segmentIndex: 1, capacityBlocks: 16, firstId: 4097n, tail: 5 });
  const { delivered, end } = scanLog([cutShort, after], positionAt(cutShort, 0, FULL));
  expect(delivered).toEqual(cutShort.ids);
  expect(end).toBe('tail:SEGMENT_GAP');
});

test('a foreign segment with the same index and ids breaks the link', () => {
  for (let salt = 1; salt <= 50; salt++) {
    const log = log3();
    const foreign = log3({ salt })[1];
    const { end, delivered } = scanLog([log[0], foreign, log[2]], positionAt(log[2], 3, 60));
    expect(end).toBe('CHAINED_CHECKSUM_MISMATCH');
    expect(delivered).toEqual(log[0].ids);
  }
});

test('a durable position at the end of an earlier segment, as derived from closed segments', () => {
  const log = log3();
  const derived = { segmentIndex: 2, offset: 64, eventId: log[1].ids.at(-1)!, prefixChecksum: 0n };
  expect(scanLog(log, derived).end).toBe('OK');
  flip(log[2].bytes, blockOffset(0) + 80);
  expect(scanLog(log, derived).end).toBe('tail:BLOCK_CHECKSUM_MISMATCH');
});

test('the durable segment must not be missing with all before it', () => {
  const durable = { segmentIndex: 7, offset: 1000, eventId: 5n, prefixChecksum: 0n };
  expect(durableSegmentMissing(durable, 3, '/log')).toBeUndefined();
  expect(durableSegmentMissing(durable, 7, '/log')).toBeUndefined();
  for (const oldest of [8, undefined]) {
    const error = durableSegmentMissing(durable, oldest, '/log');
    expect(error).toMatchObject({ code: 'DURABLE_LOST', file: '/log/FS.00000007.wal' });
  }
  expect(durableSegmentMissing({ ...durable, eventId: 0n }, undefined, '/log')).toBeUndefined();
  // Derived: nothing of segment 7 itself is known to be durable.
  expect(durableSegmentMissing({ ...durable, offset: SEGMENT_HEADER_BYTES }, 8, '/log')).toBeUndefined();
});

function permutations(items: number[]): number[][] {
  if (items.length <= 1) return [items];
  return items.flatMap((item) =>
    permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
  );
}

test('a scan goes on from where another one stood', () => {
  const log = buildLog([
    { sealed: [FULL, 9], closed: true },
    { sealed: [FULL], closed: true },
    { sealed: [7] },
  ]);
  const [first, second, third] = log as [Built, Built, Built];
  const whole = new LogScan(NOTHING_DURABLE);
  whole.judge(0, first.bytes, 'first');
  const { lastEventId, chainedChecksum } = whole;
  const after = { segmentIndex: 0, previous: { lastEventId, chainedChecksum, complete: true } };
  const verdict = new LogScan(NOTHING_DURABLE, after).judge(1, second.bytes, 'second');
  expect(verdict).toEqual(whole.judge(1, second.bytes, 'second'));
  expect(verdict.decision).toBe('keep');
  const gap = new LogScan(NOTHING_DURABLE, after).judge(2, third.bytes, 'third');
  expect(gap.error?.code).toBe('SEGMENT_GAP');
  const durable = { ...NOTHING_DURABLE, segmentIndex: 1, eventId: lastEventId + 1n };
  expect(new LogScan(durable, after).finish()).toMatchObject({ code: 'DURABLE_LOST', eventId: lastEventId });
});
