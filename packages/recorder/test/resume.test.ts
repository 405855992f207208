/* What opening makes of every state that a log can be found in. */
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  blockOffset,
  checksum,
  decodeSegmentHeader,
  EventView,
  encodeMeta,
  encodeSegmentHeader,
  encodeTailRingHeader,
  eventOffset,
  META_FILE,
  META_TEMP_FILE,
  segmentFileName,
  TAIL_RING_FILE,
  TAIL_RING_HEADER_BYTES,
  tailRingBytes,
  tailRingEventWord,
  WalError,
} from '@fswal/format';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  difference,
  FAST,
  newDir,
  newLogDir,
  restore,
  type Snapshot,
  snapshot,
} from './helpers/directories.js';
import { fillContent } from './helpers/formula.js';
import { type HandOptions, HandRecorder, resumeAndStop } from './helpers/hand-recorder.js';
import { Killed, runUntil } from './helpers/kill-switch.js';
import { range, readLog, readMeta, segmentNames } from './helpers/read-log.js';
import { cut, flip, freshSeed, randomFrom, zero } from './helpers/vandal.js';

const SEGMENT_EVENTS = 16 * 256;
const GOLDEN = fileURLToPath(new URL('golden', import.meta.url));

/** A log after `use` and either a kill or a clean close. */
function makeLog(
  use: (recorder: HandRecorder) => void,
  end: 'kill' | 'close',
  options: Partial<HandOptions> = {},
) {
  const dir = options.dir ?? newLogDir(FAST);
  const recorder = new HandRecorder({ dir, ...options });
  use(recorder);
  recorder[end]();
  return dir;
}

/** Takes the ring away, as a power cut does. */
function losePower(dir: string): void {
  fs.unlinkSync(join(dir, TAIL_RING_FILE));
}

function segment(dir: string, index = 0): string {
  return join(dir, segmentFileName(index));
}

function removeSegments(dir: string, indexes: readonly number[]): void {
  for (const index of indexes) fs.unlinkSync(segment(dir, index));
}

/** Byte of a segment where event `n` of it (from 0) begins, all blocks being full. */
function offsetOf(n: number): number {
  return blockOffset(Math.floor(n / 256)) + eventOffset(n % 256);
}

function brokenFiles(dir: string): string[] {
  return fs.readdirSync(dir).filter((name) => name.endsWith('.broken'));
}

/** Every segment sound, its events those given, each with the right content, and all of it durable. */
function expectLog(dir: string, ids: readonly number[]): void {
  const log = readLog(dir);
  expect(log.ids).toEqual(ids);
  expect(log.wrongContent).toEqual([]);
  expect(log.segments.filter(({ status, tailEvents }) => status !== 'OK' || tailEvents > 0)).toEqual([]);
  if (ids.length > 0) expect(readMeta(dir)?.eventId).toBe(BigInt(ids.at(-1) ?? 0));
}

function expectRefusal(dir: string, code: string): WalError {
  const before = snapshot(dir);
  let error: unknown;
  try {
    resumeAndStop({ dir });
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(WalError);
  expect((error as WalError).code).toBe(code);
  expect(difference(before, snapshot(dir))).toBe('');
  return error as WalError;
}

describe('a log that was closed', () => {
  test.each([1, 100, 256, 300, SEGMENT_EVENTS - 1, SEGMENT_EVENTS, SEGMENT_EVENTS + 1])(
    'goes on in the next block after %i events',
    (count) => {
      const dir = makeLog((recorder) => recorder.record(count), 'close');
      const report = resumeAndStop({ dir });
      expect(report).toMatchObject({
        lastEventId: BigInt(count),
        durableSource: 'wal_meta.dat',
        eventsFromTailRing: 0,
        eventsSealed: 0,
        tornTail: undefined,
        movedAside: [],
        notes: [],
      });
      makeLog((recorder) => recorder.record(count + 300), 'close', { dir });
      expectLog(dir, range(1, count + 300));
      const blocks = readLog(dir).segments.flatMap((read) => read.blocks);
      const full = Math.floor(count / 256);
      expect(blocks).toEqual([...new Array(full).fill(256), ...(count % 256 ? [count % 256] : []), 256, 44]);
    },
  );

  test('can be opened and closed without an event, again and again', () => {
    const dir = newLogDir(FAST);
    for (let i = 0; i < 3; i++) makeLog(() => {}, 'close', { dir });
    expect(segmentNames(dir)).toEqual([]);
    makeLog((recorder) => recorder.record(300), 'close', { dir });
    for (let i = 0; i < 3; i++) makeLog(() => {}, 'close', { dir });
    expectLog(dir, range(1, 300));
    expect(fs.readdirSync(dir)).toEqual(['FS.00000000.wal', META_FILE]);
  });

  test('goes on in the next segment where the file ends with the last event', () => {
    for (const count of [300, 512]) {
      const dir = makeLog((recorder) => recorder.record(count), 'close');
      cut(segment(dir), offsetOf(count - 1) + 64);
      makeLog((recorder) => recorder.record(1000), 'close', { dir });
      expectLog(dir, range(1, 1000));
      expect(readLog(dir).segments.map(({ blocks }) => blocks.length)).toEqual([
        2,
        Math.ceil((1000 - count) / 256),
      ]);
    }
  });

  test('goes on over many lives, whatever the number of events in each', () => {
    const seed = freshSeed();
    const random = randomFrom(seed);
    const dir = newLogDir(FAST);
    let last = 0;
    for (let life = 0; life < 25; life++) {
      const version = random(2) === 0 ? 1 : 2;
      const end = random(2) === 0 ? 'kill' : 'close';
      last += random(2000);
      const use = (recorder: HandRecorder) => {
        recorder.record(last - random(3) * 100);
        recorder.appendTo(last);
        if (random(3) === 0) recorder.settle([recorder.writer]);
      };
      makeLog(use, end, { dir, formatVersion: version });
      const report = resumeAndStop({ dir, formatVersion: version });
      expect([report.lastEventId, report.movedAside, report.tornTail], `seed ${seed}`).toEqual([
        BigInt(last),
        [],
        undefined,
      ]);
    }
    expectLog(dir, range(1, last));
  });
});

describe('a log whose recorder was killed', () => {
  test('keeps every appended event that the segments have not', () => {
    const dir = makeLog((recorder) => recorder.appendTo(700), 'kill');
    expect(readLog(dir).ids).toEqual([]);
    expect(resumeAndStop({ dir })).toMatchObject({
      lastEventId: 700n,
      eventsFromTailRing: 700,
      eventsSealed: 0,
    });
    expectLog(dir, range(1, 700));
    expect(fs.readdirSync(dir)).toEqual(['FS.00000000.wal', META_FILE]);
  });

  test('has its unsealed block sealed, and the rest of the block in the next one', () => {
    const use = (recorder: HandRecorder) => {
      recorder.appendTo(300);
      recorder.settle();
      recorder.appendTo(600);
    };
    const dir = makeLog(use, 'kill');
    expect(resumeAndStop({ dir })).toMatchObject({
      eventsFromTailRing: 300,
      eventsSealed: 44,
      tornTail: undefined,
    });
    expectLog(dir, range(1, 600));
    expect(readLog(dir).segments[0].blocks).toEqual([256, 44, 212, 88]);
  });

  test('drains a ring of several segments, and closes those that it fills', () => {
    const dir = makeLog((recorder) => recorder.appendTo(3 * SEGMENT_EVENTS - 300), 'kill', {
      tailBlocks: 64,
    });
    expect(resumeAndStop({ dir }).eventsFromTailRing).toBe(3 * SEGMENT_EVENTS - 300);
    expectLog(dir, range(1, 3 * SEGMENT_EVENTS - 300));
    expect(readLog(dir).segments.map(({ state }) => state)).toEqual(['sealed', 'sealed', 'open']);
  });

  test('drains a ring into whole segments', () => {
    const dir = makeLog((recorder) => recorder.appendTo(2 * SEGMENT_EVENTS), 'kill', { tailBlocks: 64 });
    const { position } = resumeAndStop({ dir });
    expect(position).toEqual({
      segmentIndex: 1,
      offset: blockOffset(16),
      eventId: BigInt(2 * SEGMENT_EVENTS),
    });
    expect(readLog(dir).segments.map(({ state }) => state)).toEqual(['sealed', 'sealed']);
    makeLog((recorder) => recorder.record(2 * SEGMENT_EVENTS + 1), 'close', { dir });
    expectLog(dir, range(1, 2 * SEGMENT_EVENTS + 1));
  });

  test('has its full segments closed that no maintainer had come to', () => {
    const use = (recorder: HandRecorder) => {
      while (recorder.lastId < 3 * SEGMENT_EVENTS + 100) {
        recorder.appendTo(Math.min(recorder.lastId + 1024, 3 * SEGMENT_EVENTS + 100));
        recorder.settle([recorder.preparer, recorder.writer]);
      }
    };
    const dir = makeLog(use, 'kill');
    expect(readLog(dir).segments.map(({ state }) => state)).toEqual([
      'open',
      'open',
      'open',
      'open',
      'prepared',
      'prepared',
    ]);
    resumeAndStop({ dir });
    expectLog(dir, range(1, 3 * SEGMENT_EVENTS + 100));
    expect(readLog(dir).segments.map(({ state }) => state)).toEqual(['sealed', 'sealed', 'sealed', 'open']);
  });

  test('is whole wherever the writer was killed within a write', () => {
    // A killed process leaves a write half done, at any page. The ring still has what was not finished.
    const seed = freshSeed();
    const random = randomFrom(seed);
    for (let round = 0; round < 20; round++) {
      const dir = newLogDir(FAST);
      const first = 256 * random(6) + random(256);
      const recorder = new HandRecorder({ dir, tailBlocks: 16 });
      recorder.record(first);
      recorder.appendTo(first + 5 * 256);
      const before = snapshot(dir);
      recorder.settle([recorder.writer]);
      const [name] = segmentNames(dir);
      const [old, written] = [before.get(name), fs.readFileSync(join(dir, name))];
      const page = (first * 64 + 4096 * random(25)) & ~4095;
      if (old !== undefined && page > 0) {
        fs.writeFileSync(join(dir, name), Buffer.concat([written.subarray(0, page), old.subarray(page)]));
      }
      recorder.kill();
      resumeAndStop({ dir });
      const log = readLog(dir);
      expect(
        [log.ids.length, log.wrongContent, log.segments[0].status],
        `seed ${seed}, ${first}, ${page}`,
      ).toEqual([first + 5 * 256, [], 'OK']);
    }
  });

  test('of version 1 goes on in version 1 within a segment, and in either one after it', () => {
    for (const formatVersion of [1, 2] as const) {
      const dir = makeLog((recorder) => recorder.record(100), 'kill', { formatVersion: 1 });
      makeLog((recorder) => recorder.record(2 * SEGMENT_EVENTS), 'close', { dir, formatVersion });
      expectLog(dir, range(1, 2 * SEGMENT_EVENTS));
      expect(readLog(dir).segments.map(({ version }) => version)).toEqual([1, formatVersion, formatVersion]);
    }
  });

  test('has prepared segments and temporary files removed', () => {
    const dir = makeLog((recorder) => recorder.record(10), 'kill', { preparedSegments: 4 });
    fs.writeFileSync(join(dir, META_TEMP_FILE), 'half');
    fs.writeFileSync(join(dir, `${segmentFileName(5)}.tmp`), 'half');
    fs.writeFileSync(join(dir, `${segmentFileName(0)}.at-99.1.broken.tmp`), 'half');
    fs.writeFileSync(join(dir, 'notes.tmp'), 'not ours');
    expect(segmentNames(dir)).toHaveLength(5);
    resumeAndStop({ dir });
    expect(fs.readdirSync(dir)).toEqual(['FS.00000000.wal', 'notes.tmp', META_FILE]);
  });
});

describe('killed while it was opening', () => {
  /** Kills at every step, opens again, and compares with opening once. @returns the number of steps */
  function expectSameEnd(dir: string, options: Partial<HandOptions> = {}, depth = 1): number {
    const now = vi.spyOn(Date, 'now').mockReturnValue(1_700_000_000_000);
    onTestFinished(() => now.mockRestore());
    const start = snapshot(dir);
    const { steps, error } = runUntil(Number.POSITIVE_INFINITY, () => resumeAndStop({ dir, ...options }));
    expect(error).toBeUndefined();
    const end = snapshot(dir);
    killAtEach(start, steps, depth);
    return steps;

    function killAtEach(from: Snapshot, steps: number, depth: number): void {
      for (let step = 0; step < steps; step++) {
        restore(dir, from);
        const { error } = runUntil(step, () => resumeAndStop({ dir, ...options }));
        expect((error as Error).cause ?? error).toBeInstanceOf(Killed);
        if (depth > 1) {
          const again = snapshot(dir);
          const second = runUntil(Number.POSITIVE_INFINITY, () => resumeAndStop({ dir, ...options }));
          killAtEach(again, second.steps, depth - 1);
          continue;
        }
        resumeAndStop({ dir, ...options });
        expect(difference(end, snapshot(dir)), `killed before step ${step} of ${steps}`).toBe('');
      }
    }
  }

  test('after a kill: an unsealed block, and a ring of several segments', () => {
    const use = (recorder: HandRecorder) => {
      recorder.record(100);
      recorder.appendTo(100 + 2 * SEGMENT_EVENTS);
    };
    const dir = makeLog(use, 'kill', { tailBlocks: 64 });
    expect(expectSameEnd(dir)).toBeGreaterThan(50);
    expectLog(dir, range(1, 100 + 2 * SEGMENT_EVENTS));
  });

  test('after a kill: full segments that were not closed', () => {
    const use = (recorder: HandRecorder) => {
      while (recorder.lastId < 2 * SEGMENT_EVENTS + 1024) {
        recorder.appendTo(recorder.lastId + 1024);
        recorder.settle([recorder.preparer, recorder.writer]);
      }
    };
    const dir = makeLog(use, 'kill', { preparedSegments: 4 });
    expect(expectSameEnd(dir)).toBeGreaterThan(15);
    expectLog(dir, range(1, 2 * SEGMENT_EVENTS + 1024));
  });

  test("after a power cut: a torn tail, segments behind it, another log's ring, temporary files", () => {
    const dir = makeLog((recorder) => recorder.record(SEGMENT_EVENTS + 1000), 'kill');
    fs.writeFileSync(
      join(dir, META_FILE),
      encodeMeta({
        segmentIndex: 0,
        offset: offsetOf(300),
        eventId: 300n,
        prefixChecksum: prefixOf(dir, 300),
      }),
    );
    flip(segment(dir), offsetOf(400));
    makeLog((recorder) => recorder.appendTo(50), 'kill', { dir: `${dir}-other` });
    fs.renameSync(join(`${dir}-other`, TAIL_RING_FILE), join(dir, TAIL_RING_FILE));
    fs.writeFileSync(join(dir, META_TEMP_FILE), 'half');
    expectSameEnd(dir);
    expectLog(dir, range(1, 300));
    expect(brokenFiles(dir).length).toBeGreaterThan(1);
  });

  test('killed again while opening after that', () => {
    const dir = makeLog((recorder) => recorder.record(300), 'kill');
    flip(segment(dir), offsetOf(10));
    fs.rmSync(join(dir, META_FILE), { force: true });
    expectSameEnd(dir, {}, 2);
    expectLog(dir, range(1, 300));
  });
});

describe('a torn tail', () => {
  /** 300 events durable, `total` in the segments, then the power is cut and event 401 is damaged. */
  function tornLog(total: number, options: Partial<HandOptions> = {}): string {
    const use = (recorder: HandRecorder) => {
      recorder.record(300);
      recorder.sync();
      recorder.record(total);
    };
    const dir = makeLog(use, 'kill', { tailBlocks: 64, ...options });
    // Rotation would have moved the durable position.
    fs.writeFileSync(
      join(dir, META_FILE),
      encodeMeta({
        segmentIndex: 0,
        offset: offsetOf(300),
        eventId: 300n,
        prefixChecksum: prefixOf(dir, 300),
      }),
    );
    losePower(dir);
    flip(segment(dir), offsetOf(400) + 20);
    return dir;
  }

  test('is cut behind the durable position; what was there is kept and told', () => {
    const dir = tornLog(1000);
    const old = fs.readFileSync(segment(dir)).subarray(offsetOf(300));
    const report = resumeAndStop({ dir });
    const kept = `${segment(dir)}.at-${offsetOf(300)}.broken`;
    expect(report.lastEventId).toBe(300n);
    expect(report.tornTail).toMatchObject({ file: segment(dir), offset: offsetOf(300) });
    expect(report.movedAside).toEqual([kept]);
    expect(report.notes.join()).toMatch(/sound blocks behind/);
    const content = fs.readFileSync(kept);
    expect(content.equals(old.subarray(0, content.length))).toBe(true);
    expect(old.subarray(content.length).every((byte) => byte === 0)).toBe(true);
    const rest = fs.readFileSync(segment(dir)).subarray(offsetOf(300));
    expect(rest.every((byte) => byte === 0)).toBe(true);
    expectLog(dir, range(1, 300));
  });

  test('never comes back, three times over', () => {
    const dir = tornLog(3000);
    let last = 300;
    for (let life = 0; life < 3; life++) {
      const more = [10, 256, 700][life];
      makeLog(
        (recorder) => {
          recorder.record(last + more);
          recorder.settle();
        },
        'kill',
        { dir },
      );
      last += more;
      losePower(dir);
      expect(readLog(dir).ids).toEqual(range(1, last));
      resumeAndStop({ dir });
      expectLog(dir, range(1, last));
    }
  });

  test('takes the segments behind it along', () => {
    const dir = tornLog(2 * SEGMENT_EVENTS + 100);
    const report = resumeAndStop({ dir });
    expect(report.movedAside.map((file) => file.slice(dir.length + 1)).sort()).toEqual([
      `FS.00000000.wal.at-${offsetOf(300)}.broken`,
      'FS.00000001.wal.broken',
      'FS.00000002.wal.broken',
    ]);
    expect(segmentNames(dir)).toEqual(['FS.00000000.wal']);
    makeLog((recorder) => recorder.record(SEGMENT_EVENTS + 10), 'close', { dir });
    expectLog(dir, range(1, SEGMENT_EVENTS + 10));
  });

  test('may be the whole of the last segment', () => {
    const dir = makeLog((recorder) => {
      recorder.record(SEGMENT_EVENTS);
      recorder.sync();
      recorder.record(SEGMENT_EVENTS + 300);
    }, 'kill');
    losePower(dir);
    zero(segment(dir, 1), 0, 64);
    expect(resumeAndStop({ dir }).movedAside).toEqual([`${segment(dir, 1)}.broken`]);
    expectLog(dir, range(1, SEGMENT_EVENTS));
  });

  test('in version 1 nothing follows a segment that lost all it had', () => {
    const dir = makeLog(
      (recorder) => {
        recorder.record(SEGMENT_EVENTS);
        recorder.sync();
        recorder.record(3 * SEGMENT_EVENTS - 10);
      },
      'kill',
      { formatVersion: 1 },
    );
    losePower(dir);
    fs.writeFileSync(
      join(dir, META_FILE),
      encodeMeta({
        segmentIndex: 0,
        offset: blockOffset(16),
        eventId: BigInt(SEGMENT_EVENTS),
        prefixChecksum: 0n,
      }),
    );
    const header = fs.readFileSync(segment(dir, 3)).subarray(0, 64);
    fs.writeFileSync(
      segment(dir, 1),
      Buffer.concat([withIndex(header, 1), Buffer.alloc(blockOffset(16) - 64)]),
    );
    const report = resumeAndStop({ dir, formatVersion: 1 });
    expect(report.lastEventId).toBe(BigInt(SEGMENT_EVENTS));
    expect(report.movedAside).toEqual([`${segment(dir, 2)}.broken`]);
    expectLog(dir, range(1, SEGMENT_EVENTS));
    resumeAndStop({ dir, formatVersion: 1 });
    expectLog(dir, range(1, SEGMENT_EVENTS));
  });

  test('damage that the ring covers costs nothing', () => {
    const dir = makeLog((recorder) => recorder.record(1000), 'kill');
    flip(segment(dir), offsetOf(600));
    const report = resumeAndStop({ dir });
    expect(report.tornTail?.offset).toBe(blockOffset(2));
    expect(report.movedAside).toHaveLength(1);
    expectLog(dir, range(1, 1000));
  });
});

describe('damage at or before the durable position is refused, and nothing is changed', () => {
  function durableLog(events = SEGMENT_EVENTS + 300, options: Partial<HandOptions> = {}): string {
    return makeLog(
      (recorder) => {
        recorder.record(events);
        recorder.sync();
      },
      'kill',
      options,
    );
  }

  const cases: [string, string, (dir: string) => void][] = [
    [
      'an event of a sealed block',
      'BLOCK_CHECKSUM_MISMATCH',
      (dir) => flip(segment(dir, 1), offsetOf(5) + 9),
    ],
    [
      'an event of the segment before',
      'BLOCK_CHECKSUM_MISMATCH',
      (dir) => flip(segment(dir), offsetOf(5) + 9),
    ],
    [
      'an event of the unsealed block',
      'BLOCK_CHECKSUM_MISMATCH',
      (dir) => flip(segment(dir, 1), offsetOf(290) + 9),
    ],
    ['the last durable event', 'BLOCK_CHECKSUM_MISMATCH', (dir) => flip(segment(dir, 1), offsetOf(299) + 63)],
    ['a block header', 'HEADER_CHECKSUM_MISMATCH', (dir) => flip(segment(dir, 1), blockOffset(0) + 17)],
    ['the segment header', 'HEADER_CHECKSUM_MISMATCH', (dir) => flip(segment(dir, 1), 20)],
    ['a final segment header', 'HEADER_CHECKSUM_MISMATCH', (dir) => flip(segment(dir), 20)],
    ['a zeroed page', 'BLOCK_CHECKSUM_MISMATCH', (dir) => zero(segment(dir, 1), 4096, 8192)],
    ['a segment cut short', 'DURABLE_LOST', (dir) => cut(segment(dir, 1), offsetOf(200))],
    ['a segment cut to nothing', 'DURABLE_LOST', (dir) => cut(segment(dir, 1), 0)],
    ['the segment before cut short', 'DURABLE_LOST', (dir) => cut(segment(dir), blockOffset(10))],
    [
      'zeros instead of the last events',
      'DURABLE_LOST',
      (dir) => zero(segment(dir, 1), offsetOf(280), offsetOf(300)),
    ],
    ['the last segment gone', 'DURABLE_LOST', (dir) => removeSegments(dir, [1, 2, 3])],
    ['all segments gone', 'DURABLE_LOST', (dir) => removeSegments(dir, [0, 1, 2, 3])],
    ['a segment in the midst gone', 'SEGMENT_GAP', (dir) => fs.unlinkSync(segment(dir, 1))],
    [
      'two segments swapped',
      'SEGMENT_CORRUPTED',
      (dir) => {
        fs.renameSync(segment(dir, 0), `${dir}/x`);
        fs.renameSync(segment(dir, 1), segment(dir, 0));
        fs.renameSync(`${dir}/x`, segment(dir, 1));
      },
    ],
    [
      'a metadata file ahead of the log',
      'DURABLE_LOST',
      (dir) => writeMeta(dir, { eventId: 9000n, offset: offsetOf(340) }),
    ],
    [
      'a metadata file of a later segment',
      'DURABLE_LOST',
      (dir) => writeMeta(dir, { segmentIndex: 7, eventId: 90_000n }),
    ],
    ['a metadata file of another event', 'SEGMENT_CORRUPTED', (dir) => writeMeta(dir, { eventId: 4397n })],
    [
      "a metadata file of no event's end",
      'SEGMENT_CORRUPTED',
      (dir) => writeMeta(dir, { offset: offsetOf(300) - 1 }),
    ],
  ];
  test.each(cases)('%s: %s', (_, code, damage) => {
    const dir = durableLog();
    damage(dir);
    const error = expectRefusal(dir, code);
    expect(error.file ?? error.message).toMatch(/FS\.|event/);
  });

  test('a segment that is missing long before the durable position', () => {
    const dir = durableLog(5 * SEGMENT_EVENTS + 300);
    fs.unlinkSync(segment(dir, 1));
    expect(expectRefusal(dir, 'SEGMENT_GAP').file).toBe(segment(dir, 2));
  });

  test('damage in the segment after a lost one does not hide the loss', () => {
    const dir = durableLog(2 * SEGMENT_EVENTS + 300, { formatVersion: 1 });
    const header = fs.readFileSync(segment(dir, 3)).subarray(0, 64);
    fs.writeFileSync(
      segment(dir, 1),
      Buffer.concat([withIndex(header, 1), Buffer.alloc(blockOffset(16) - 64)]),
    );
    expectRefusal(dir, 'DURABLE_LOST');
  });

  test('every cut of the last segment is judged right', () => {
    const dir = durableLog(SEGMENT_EVENTS + 300);
    losePower(dir);
    const start = snapshot(dir);
    for (const length of [
      63,
      64,
      65,
      blockOffset(1) - 1,
      blockOffset(1),
      offsetOf(256),
      offsetOf(299),
      offsetOf(300) - 1,
    ]) {
      restore(dir, start);
      cut(segment(dir, 1), length);
      expectRefusal(dir, 'DURABLE_LOST');
    }
    for (const length of [
      offsetOf(300),
      offsetOf(301),
      blockOffset(2),
      blockOffset(2) + 7,
      blockOffset(15),
    ]) {
      restore(dir, start);
      cut(segment(dir, 1), length);
      expect(resumeAndStop({ dir }).lastEventId).toBe(BigInt(SEGMENT_EVENTS + 300));
      expectLog(dir, range(1, SEGMENT_EVENTS + 300));
      makeLog((recorder) => recorder.record(SEGMENT_EVENTS + 1000), 'close', { dir });
      expectLog(dir, range(1, SEGMENT_EVENTS + 1000));
    }
  });

  function writeMeta(dir: string, change: object): void {
    const position = readMeta(dir);
    if (position === undefined) throw new Error('no position');
    fs.writeFileSync(join(dir, META_FILE), encodeMeta({ ...position, ...change }));
  }
});

describe('wal_meta.dat', () => {
  test.each([
    ['missing', (file: string) => fs.unlinkSync(file), /is missing/],
    ['empty', (file: string) => cut(file, 0), /has 0 bytes/],
    ['the 16 bytes of a version 1 writer', (file: string) => cut(file, 16), /has 16 bytes/],
    ['longer', (file: string) => fs.appendFileSync(file, 'x'), /has over 32 bytes/],
    ['damaged', (file: string) => flip(file, 5), /does not match its checksum/],
  ])('%s: the position is derived from the newest closed segment, and that is told', (_, damage, reason) => {
    const dir = makeLog((recorder) => {
      recorder.record(SEGMENT_EVENTS + 300);
      recorder.sync();
    }, 'kill');
    damage(join(dir, META_FILE));
    const { durableSource } = resumeAndStop({ dir });
    expect(durableSource).toMatch(reason);
    expect(durableSource).toMatch(/taken from the end of FS\.00000000\.wal/);
    expectLog(dir, range(1, SEGMENT_EVENTS + 300));
  });

  test('a flipped bit anywhere is found', () => {
    const dir = makeLog((recorder) => recorder.record(300), 'close');
    const meta = fs.readFileSync(join(dir, META_FILE));
    const start = snapshot(dir);
    for (let bit = 0; bit < 256; bit += 13) {
      restore(dir, start);
      const damaged = Buffer.from(meta);
      damaged[bit >> 3] ^= 1 << (bit & 7);
      fs.writeFileSync(join(dir, META_FILE), damaged);
      const { durableSource, lastEventId } = resumeAndStop({ dir });
      expect([durableSource, lastEventId]).toEqual([expect.stringContaining('does not match'), 300n]);
    }
  });

  test('without it, damage in a closed segment is refused, in an open one it is a torn tail', () => {
    const dir = makeLog((recorder) => recorder.record(SEGMENT_EVENTS + 300), 'kill');
    losePower(dir);
    fs.unlinkSync(join(dir, META_FILE));
    const start = snapshot(dir);
    flip(segment(dir), offsetOf(7));
    expectRefusal(dir, 'BLOCK_CHECKSUM_MISMATCH');
    restore(dir, start);
    flip(segment(dir, 1), offsetOf(7));
    expect(resumeAndStop({ dir })).toMatchObject({
      lastEventId: BigInt(SEGMENT_EVENTS),
      durableSource: expect.stringContaining('is missing'),
    });
  });

  test('behind the log it is moved on', () => {
    const dir = makeLog((recorder) => {
      recorder.record(10);
      recorder.sync();
      recorder.record(400);
    }, 'kill');
    losePower(dir);
    expect(readMeta(dir)?.eventId).toBe(10n);
    resumeAndStop({ dir });
    expectLog(dir, range(1, 400));
  });
});

describe('the tail ring', () => {
  function killed(): string {
    return makeLog((recorder) => {
      recorder.record(300);
      recorder.appendTo(400);
    }, 'kill');
  }

  test('of zeros, or empty, was never used', () => {
    for (const ring of [new Uint8Array(tailRingBytes(8)), new Uint8Array(0), new Uint8Array(5000)]) {
      const dir = killed();
      fs.writeFileSync(join(dir, TAIL_RING_FILE), ring);
      expect(resumeAndStop({ dir })).toMatchObject({ lastEventId: 300n, movedAside: [], notes: [] });
      expectLog(dir, range(1, 300));
    }
  });

  test.each([
    ['a damaged header', (ring: string) => flip(ring, 9)],
    ['another size than it says', (ring: string) => cut(ring, tailRingBytes(8) - 1)],
    ['half of it missing', (ring: string) => cut(ring, tailRingBytes(4))],
    ['a header cut off', (ring: string) => cut(ring, 100)],
    [
      'events that differ from those in the segments',
      (ring: string) => flip(ring, tailRingEventWord(1, 40) * 4 + 8),
    ],
    [
      'a hole at the end of the segments',
      (ring: string) => zero(ring, tailRingEventWord(1, 0) * 4, tailRingEventWord(1, 60) * 4),
    ],
  ])('with %s is moved aside and told; the log opens from its segments', (_, damage) => {
    const dir = killed();
    damage(join(dir, TAIL_RING_FILE));
    const content = fs.readFileSync(join(dir, TAIL_RING_FILE));
    const report = resumeAndStop({ dir });
    expect(report.movedAside).toEqual([join(dir, `${TAIL_RING_FILE}.broken`)]);
    expect(report.notes.join()).toMatch(/tail ring: /);
    expect(fs.readFileSync(report.movedAside[0]).equals(content)).toBe(true);
    expectLog(dir, range(1, 300));
  });

  test('of another log is moved aside', () => {
    const other = makeLog((recorder) => {
      for (let id = 2; id <= 900; id += 2) recorder.append(id);
    }, 'kill');
    const dir = makeLog((recorder) => recorder.record(300), 'close');
    fs.copyFileSync(join(other, TAIL_RING_FILE), join(dir, TAIL_RING_FILE));
    expect(resumeAndStop({ dir }).movedAside).toHaveLength(1);
    expectLog(dir, range(1, 300));
  });

  test('of another log that came exactly as far is moved aside', () => {
    const other = makeLog((recorder) => recorder.record(300), 'close');
    const dir = makeLog((recorder) => {
      for (let id = 2; id <= 300; id += 2) recorder.append(id);
    }, 'close');
    makeLog((recorder) => recorder.appendTo(400), 'kill', { dir: other });
    const file = join(other, TAIL_RING_FILE);
    fs.copyFileSync(file, join(dir, TAIL_RING_FILE));
    const report = resumeAndStop({ dir });
    expect(report).toMatchObject({ lastEventId: 300n, eventsFromTailRing: 0 });
    expect(report.movedAside).toHaveLength(1);
    expect(resumeAndStop({ dir: other })).toMatchObject({ lastEventId: 400n, eventsFromTailRing: 100 });
  });

  test('of an earlier life of this log has nothing that the segments have not', () => {
    const dir = killed();
    const ring = fs.readFileSync(join(dir, TAIL_RING_FILE));
    makeLog((recorder) => recorder.record(900), 'close', { dir });
    fs.writeFileSync(join(dir, TAIL_RING_FILE), ring);
    expect(resumeAndStop({ dir })).toMatchObject({
      lastEventId: 900n,
      movedAside: [],
      eventsFromTailRing: 0,
    });
    expectLog(dir, range(1, 900));
    expect(fs.readdirSync(dir)).not.toContain(TAIL_RING_FILE);
  });

  test('that was used round and round gives what is new in it, at every length', () => {
    for (let more = 0; more <= 5 * 256; more += 123) {
      const dir = makeLog((recorder) => {
        recorder.record(21 * 256 + 100);
        recorder.appendTo(21 * 256 + 100 + more);
      }, 'kill');
      expect(resumeAndStop({ dir }).eventsFromTailRing).toBe(more);
      expectLog(dir, range(1, 21 * 256 + 100 + more));
    }
  });

  test('gives an event that was half stored never', () => {
    const dir = makeLog((recorder) => {
      recorder.record(300);
      recorder.appendTo(310);
      // The appender was killed before it stored the id.
      const at = tailRingEventWord(1, 310 - 256);
      const words = new Int32Array(recorder.ring);
      fillContent(words, at, 311);
    }, 'kill');
    resumeAndStop({ dir });
    expectLog(dir, range(1, 310));
  });

  test('of another boot gives only ids without a step', () => {
    const dir = killed();
    const file = join(dir, TAIL_RING_FILE);
    const ring = new Uint8Array(fs.readFileSync(file));
    const view = new EventView(new Int32Array(ring.buffer), tailRingEventWord(1, 350 - 256));
    for (let id = 351; id <= 400; id++, view.base += 16) view.eventId = id + 7;
    encodeTailRingHeader(
      { tailBlocks: 8, afterEventId: 0n, link: 0n, bootId: 'ab'.repeat(16) },
      ring.subarray(0, TAIL_RING_HEADER_BYTES),
    );
    fs.writeFileSync(file, ring);
    const report = resumeAndStop({ dir });
    expect(report).toMatchObject({ lastEventId: 350n, eventsFromTailRing: 50 });
    expect(report.movedAside).toHaveLength(1);
    expectLog(dir, range(1, 350));
  });

  test('keeps gaps in the ids', () => {
    const ids = Array.from({ length: 900 }, (_, i) => 5 * i + 1 + (i % 3));
    const dir = makeLog((recorder) => {
      for (const id of ids.slice(0, 300)) recorder.append(id);
      recorder.settle();
      for (const id of ids.slice(300)) recorder.append(id);
    }, 'kill');
    resumeAndStop({ dir });
    expectLog(dir, ids);
  });
});

describe('a log of the C++ system', () => {
  test.each([1, 2] as const)('goes on in version %i', (formatVersion) => {
    const dir = newDir(FAST);
    for (const name of fs.readdirSync(GOLDEN)) fs.copyFileSync(join(GOLDEN, name), join(dir, name));
    const golden = readLog(GOLDEN, () => true);
    expect(golden.ids).toEqual(range(1, 9000));
    const report = resumeAndStop({ dir, formatVersion });
    expect(report).toMatchObject({ lastEventId: 9000n, movedAside: [], tornTail: undefined });
    expect(report.durableSource).toMatch(/16 bytes.*FS\.00000002\.wal/);
    makeLog((recorder) => recorder.record(15_000), 'kill', { dir, formatVersion });
    makeLog((recorder) => recorder.record(20_000), 'close', { dir, formatVersion });
    const log = readLog(dir, (words, at, id) => id <= 9000 || sameAsFormula(words, at, id));
    expect(log.ids).toEqual(range(1, 20_000));
    expect(log.wrongContent).toEqual([]);
    expect(log.segments.map(({ status, state }) => `${status} ${state}`)).toEqual(
      new Array(log.segments.length).fill('OK sealed'),
    );
    expect(log.segments.map(({ version }) => version)).toEqual([
      1,
      1,
      1,
      ...new Array(log.segments.length - 3).fill(formatVersion),
    ]);
    for (const i of [0, 1])
      expect(fs.readFileSync(segment(dir, i)).equals(fs.readFileSync(segment(GOLDEN, i)))).toBe(true);
  });

  function sameAsFormula(words: Int32Array, at: number, id: number): boolean {
    const expected = new Int32Array(16);
    fillContent(expected, 0, id);
    return expected.subarray(2).every((word, i) => words[at + 2 + i] === word);
  }
});

/** XXH64 of the events of the block that holds event `count` of segment 0, up to it. */
function prefixOf(dir: string, count: number): bigint {
  const bytes = fs.readFileSync(segment(dir));
  const start = blockOffset(Math.floor(count / 256)) + eventOffset(0);
  return checksum(bytes.subarray(start, offsetOf(count)), 0n);
}

/** A prepared segment's header for another index. */
function withIndex(header: Uint8Array, segmentIndex: number): Uint8Array {
  const bytes = header.slice();
  encodeSegmentHeader({ ...decodeSegmentHeader(header), segmentIndex }, bytes);
  return bytes;
}

test('a file of the ring’s name that is larger than any ring is moved aside, not read', () => {
  const dir = newLogDir();
  const recorder = new HandRecorder({ dir });
  recorder.record(300);
  recorder.close();
  const ring = join(dir, TAIL_RING_FILE);
  fs.writeFileSync(ring, 'no ring');
  fs.truncateSync(ring, 2 ** 32);
  const { lastEventId, notes, movedAside } = resumeAndStop({ dir });
  expect(lastEventId).toBe(300n);
  expect(notes.join()).toMatch(/tail ring: its header is damaged/);
  expect(movedAside).toEqual([`${ring}.broken`]);
  expect(fs.existsSync(ring)).toBe(false);
});

test('a read that the device refuses is an error, whichever it is: nothing is taken for the end of the log, or changed', () => {
  const dir = makeLog((recorder) => recorder.record(2 * SEGMENT_EVENTS + 700), 'kill');
  const before = snapshot(dir);
  const { readSync } = fs;
  onTestFinished(() => void vi.restoreAllMocks());
  let reads = 0;
  let refused = Number.POSITIVE_INFINITY;
  vi.spyOn(fs, 'readSync').mockImplementation((...args: unknown[]) => {
    const isOfLog = fs.readlinkSync(`/proc/self/fd/${args[0]}`).startsWith(dir);
    if (!isOfLog || ++reads !== refused) return (readSync as (...args: unknown[]) => number)(...args);
    throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO', errno: -5, syscall: 'read' });
  });
  resumeAndStop({ dir });
  const all = reads;
  expect(all).toBeGreaterThan(4);
  for (refused = 1; refused <= all; refused++) {
    restore(dir, before);
    reads = 0;
    let error: unknown;
    try {
      resumeAndStop({ dir });
    } catch (caught) {
      error = caught;
    }
    expect(error, `read ${refused} of ${all}`).toMatchObject({ code: 'READ_FAILED' });
    expect(difference(snapshot(dir), before), `read ${refused} of ${all}`).toBe('');
  }
});
