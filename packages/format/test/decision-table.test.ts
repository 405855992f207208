import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { knownDurable, listLogDirectory, readDurablePosition, readSegmentFile } from '../src/files/index.js';
import {
  blockOffset,
  DECISIONS,
  type DurablePosition,
  decide,
  type Evidence,
  encodeMeta,
  eventOffset,
  LogScan,
  META_FILE,
  type Place,
  readTailRing,
  segmentFileName,
  WalError,
} from '../src/index.js';
import {
  type Built,
  buildLog,
  buildSegment,
  copyOf,
  FULL,
  NOTHING_DURABLE,
  positionAt,
} from './helpers/build-segment.js';
import { RingModel } from './helpers/ring-model.js';
import { cut, flip, zero } from './helpers/vandal.js';

const CORRUPT = [
  'HEADER_CHECKSUM_MISMATCH',
  'BLOCK_CHECKSUM_MISMATCH',
  'CHAINED_CHECKSUM_MISMATCH',
  'SEGMENT_CORRUPTED',
];
const BOOT = '00112233445566778899aabbccddeeff';

/** What was decided on some bytes: `keep`, or `refuse DURABLE_LOST`. */
type Outcomes = Record<string, string>;

/** One entry for each cell of the table, no more and no fewer: the types see to it, and a test. */
type Cells = { [E in Evidence]: { [P in keyof (typeof DECISIONS)[E]]: () => Outcomes } };

/** Of segment 1. */
const LAST_BLOCK = 2;

/** Four segments; the third is open, with an unsealed block. */
const sound = () =>
  buildLog([
    { sealed: [FULL, 30], closed: true },
    { sealed: [FULL, FULL, FULL], closed: true },
    { sealed: [FULL, FULL, FULL], tail: 100, capacityBlocks: 5 },
    { capacityBlocks: 3 },
  ]);

/**
 * What `LogScan` decides last on a log: on its first segment that is not kept, else on its end.
 * @param behind whether sound blocks lie behind a torn tail
 */
function scan(log: Built[], durable: DurablePosition, behind = false): string {
  const scan = new LogScan(durable);
  for (const { segmentIndex, bytes } of log) {
    const { decision, error, verification, unreachableBlocks } = scan.judge(segmentIndex, bytes, 'x');
    if (decision === 'tail')
      return unreachableBlocks > 0 === behind ? 'tail' : `tail, ${unreachableBlocks} blocks out of reach`;
    if (decision === 'refuse') return outcomeOf(error!.code, verification.status);
  }
  const lost = scan.finish();
  return lost === undefined ? 'keep' : `refuse ${lost.code}`;
}

/** A checksum status that verification gave itself is its own. */
function outcomeOf(code: string, status: string): string {
  return CORRUPT.includes(code) && code === status ? 'refuse its own' : `refuse ${code}`;
}

const ranges = { at: (block: number) => blockOffset(block) + eventOffset(0) };

/** Every kind of damage of block `block` of a segment, or of its header. */
const damages: Record<string, (bytes: Uint8Array, block: number) => void> = {
  'a flipped block header': (bytes, block) => flip(bytes, blockOffset(block) + 17),
  'a flipped event': (bytes, block) => flip(bytes, ranges.at(block) + 700),
  'a zeroed range': (bytes, block) => zero(bytes, ranges.at(block) + 500, ranges.at(block) + 900),
  garbage: (bytes, block) => bytes.fill(0xa5, blockOffset(block), blockOffset(block) + 4_000),
  'another block of the same log': (bytes, block) =>
    bytes.copyWithin(blockOffset(block), blockOffset(block === 0 ? 1 : 0), blockOffset(block === 0 ? 2 : 1)),
  'a block of another log': (bytes, block) => {
    const other = buildLog([{ sealed: [FULL, 30] }, { sealed: [FULL, FULL, FULL] }], { salt: 9 })[1]!;
    bytes.set(other.bytes.subarray(blockOffset(block), blockOffset(block + 1)), blockOffset(block));
  },
};

/** Each kind of damage, of block `block` of segment 1, under a position. */
function damaged(block: number, position: (log: Built[]) => DurablePosition, behind = false): Outcomes {
  const outcomes: Outcomes = {};
  for (const [name, damage] of Object.entries(damages)) {
    // That one verifies by itself, so it counts as one behind the damage.
    if (block === LAST_BLOCK && name === 'a block of another log') continue;
    const log = sound().map(copyOf);
    damage(log[1]!.bytes, block);
    outcomes[name] = scan(log, position(sound()), behind);
  }
  return outcomes;
}

/** Segment 1 cut to these lengths, under a position. */
function cutTo(lengths: number[], position: (log: Built[]) => DurablePosition, last = true): Outcomes {
  const outcomes: Outcomes = {};
  for (const length of lengths) {
    const log = sound().map(copyOf);
    log[1]!.bytes = cut(log[1]!.bytes, length);
    outcomes[`${length} bytes`] = scan(last ? log.slice(0, 2) : log, position(sound()));
  }
  return outcomes;
}

const endOf = (segment: number, block: number, count: number) => (log: Built[]) =>
  positionAt(log[segment]!, block, count);

/** A log without one of its segments. */
function without(missing: number, position: (log: Built[]) => DurablePosition): Outcomes {
  const log = sound();
  return { [`segment ${missing}`]: scan(log.toSpliced(missing, 1), position(log)) };
}

/** What reading a segment that the device does not give comes to. */
function unreadable(): Outcomes {
  const dir = tempDir();
  const file = join(dir, segmentFileName(0));
  fs.writeFileSync(file, sound()[0]!.bytes);
  const outcomes: Outcomes = {};
  for (const code of ['EIO', 'EBADMSG']) {
    const spy = vi.spyOn(fs, 'readSync').mockImplementation(() => {
      throw Object.assign(new Error(code), { code });
    });
    try {
      readSegmentFile(file, false);
      outcomes[code] = 'keep';
    } catch (error) {
      outcomes[code] = `refuse ${error instanceof WalError ? error.code : error}`;
    } finally {
      spy.mockRestore();
    }
  }
  return outcomes;
}

/** Where the position is from that stands for a `wal_meta.dat`. */
function derived(): Outcomes {
  const outcomes: Outcomes = {};
  const whole = encodeMeta(positionAt(sound()[0]!, 0, 5));
  const files: Record<string, Uint8Array | undefined> = {
    missing: undefined,
    empty: new Uint8Array(0),
    'of version 1': whole.subarray(0, 16),
    'too long': new Uint8Array(33),
    flipped: flip(whole.slice(), 9),
  };
  for (const [name, bytes] of Object.entries(files)) {
    const dir = tempDir();
    for (const { segmentIndex, bytes } of sound())
      fs.writeFileSync(join(dir, segmentFileName(segmentIndex)), bytes);
    if (bytes !== undefined) fs.writeFileSync(join(dir, META_FILE), bytes);
    const { position, report } = knownDurable(dir, readDurablePosition(dir), listLogDirectory(dir).segments);
    const atNewestClosed = position.eventId === sound()[1]!.ids.at(-1) && position.segmentIndex === 2;
    outcomes[name] = report.source === 'derived' && atNewestClosed ? 'derive' : `took ${position.eventId}`;
  }
  return outcomes;
}

/** What is taken of a ring, by how it was changed. */
function ring(changes: Record<string, (model: RingModel) => Uint8Array>): Outcomes {
  const outcomes: Outcomes = {};
  for (const [name, change] of Object.entries(changes)) {
    const model = new RingModel({ tailBlocks: 8, afterEventId: 0n, bootId: BOOT });
    for (let i = 0; i < 700; i++) model.append();
    model.write(300);
    const { state, events } = readTailRing(change(model), model.end(), BOOT);
    outcomes[name] = state === 'events' ? `keep` : state === 'foreign' ? 'leave out' : `${state} ${events}`;
  }
  return outcomes;
}

function tempDir(): string {
  const dir = fs.mkdtempSync(join(tmpdir(), 'fswal-format-'));
  onTestFinished(() => fs.rmSync(dir, { recursive: true }));
  return dir;
}

const cells: Cells = {
  sound: {
    durable: () => ({
      'in a closed segment': scan(sound(), endOf(1, 2, FULL)(sound())),
      'in an open one': scan(sound(), endOf(2, 1, 77)(sound())),
      'in the unsealed block': scan(sound(), endOf(2, 3, 60)(sound())),
    }),
    beyond: () => ({
      'with a position before it': scan(sound(), endOf(0, 1, 30)(sound())),
      'without one': scan(sound(), NOTHING_DURABLE),
    }),
  },
  damaged: {
    durable: () => ({
      ...damaged(0, endOf(1, 2, 200)),
      ...damaged(1, endOf(2, 0, 7)),
      'a flipped segment header': (() => {
        const log = sound().map(copyOf);
        flip(log[1]!.bytes, 20);
        return scan(log, endOf(2, 0, 7)(sound()));
      })(),
    }),
    beyond: () => damaged(LAST_BLOCK, endOf(1, 0, 9)),
    'beyond, with sound blocks behind': () => damaged(1, endOf(0, 1, 30), true),
  },
  'ends too early': {
    durable: () => ({
      ...cutTo([0, 63, 64, 5_000, blockOffset(2), blockOffset(2) + 900], endOf(1, 2, 200)),
      ...cutTo([0, 64, 65, blockOffset(1), blockOffset(3) - 64], endOf(2, 0, 7), false),
    }),
    beyond: () => cutTo([0, 63, 5_000, blockOffset(2) + 900, blockOffset(3) - 1], endOf(0, 1, 30)),
  },
  'other event at W': {
    durable: () => {
      const at = endOf(1, 1, 20)(sound());
      return {
        'another id': scan(sound(), { ...at, eventId: at.eventId + 1n }),
        'not at the end of an event': scan(sound(), { ...at, offset: at.offset - 8 }),
        'inside a block header': scan(sound(), { ...at, offset: blockOffset(1) + 64 }),
      };
    },
  },
  'segment missing': {
    durable: () => without(1, endOf(2, 1, 20)),
    beyond: () => ({ ...without(1, endOf(0, 1, 20)), ...without(2, endOf(0, 1, 20)) }),
    'beyond, with sound blocks behind': () => without(1, () => NOTHING_DURABLE),
  },
  unused: {
    durable: () => {
      const log = sound();
      const empty = buildSegment({ segmentIndex: 2, capacityBlocks: 5 });
      const recycled = buildSegment({ segmentIndex: 2, capacityBlocks: 3, over: log[1]!.bytes });
      const durable = endOf(2, 1, 20)(log);
      return {
        'of zeros': scan([...log.slice(0, 2), empty], durable),
        'of a used file': scan([...log.slice(0, 2), recycled], durable),
      };
    },
    beyond: () => {
      const log = sound().slice(0, 3);
      const recycled = buildSegment({ segmentIndex: 3, capacityBlocks: 3, over: log[1]!.bytes });
      const outcomes: Outcomes = {};
      for (const [name, last] of [
        ['of zeros', sound()[3]!] as const,
        ['of a used file', recycled] as const,
      ]) {
        const scan = new LogScan(endOf(2, 1, 20)(log));
        for (const { segmentIndex, bytes } of log) scan.judge(segmentIndex, bytes, 'x');
        const { decision, events } = scan.judge(3, last.bytes, 'x');
        const left = decision === 'keep' && events === 0 && !scan.ended && scan.finish() === undefined;
        outcomes[name] = left ? 'leave out' : decision;
      }
      return outcomes;
    },
  },
  unreadable: {
    durable: unreadable,
    beyond: unreadable,
    'beyond, with sound blocks behind': unreadable,
  },
  'no W': { durable: derived },
  'ring goes on': {
    beyond: () =>
      ring({
        'as it was': ({ image }) => image,
        'with an event half appended': (model) => {
          model.beginAppend(5);
          return model.image;
        },
      }),
  },
  'ring is foreign': {
    beyond: () =>
      ring({
        'a damaged header': ({ image }) => flip(image, 20),
        'a cut file': ({ image }) => image.subarray(0, image.length - 64),
        'other events where they meet': ({ image, words }) => {
          const at = 299 * 16 + (4096 + 64) / 4 + 16;
          words[at + 5]! ^= 1;
          return image;
        },
        'no event in common': () => {
          const other = new RingModel({ tailBlocks: 8, afterEventId: 90_000n, bootId: BOOT });
          for (let i = 0; i < 300; i++) other.append();
          return other.image;
        },
      }),
  },
};

const rows = Object.entries(DECISIONS) as [Evidence, Partial<Record<Place, unknown>>][];

describe('the decision table', () => {
  test('has bytes for each of its cells here', () => {
    const places = (row: object) => Object.keys(row).sort();
    expect(Object.keys(cells).sort()).toEqual(Object.keys(DECISIONS).sort());
    for (const [evidence, row] of rows) expect(places(cells[evidence]), evidence).toEqual(places(row));
  });

  test.each(
    rows.flatMap(([evidence, row]) => Object.keys(row).map((place) => [evidence, place as Place] as const)),
  )('is what is decided on %s, %s', (evidence, place) => {
    const decision = decide(evidence, place);
    const expected = decision.do === 'refuse' ? `refuse ${decision.code}` : decision.do;
    const build = (cells[evidence] as Partial<Record<Place, () => Outcomes>>)[place]!;
    const outcomes = build();
    expect(Object.keys(outcomes).length).toBeGreaterThan(0);
    expect(outcomes).toEqual(Object.fromEntries(Object.keys(outcomes).map((name) => [name, expected])));
  });

  test('has no decision where something cannot be', () => {
    expect(() => decide('other event at W', 'beyond')).toThrow(/no decision/);
  });
});
