/* Compression, retention and recycling, step by step, without threads. */
import fs from 'node:fs';
import { join } from 'node:path';
import {
  BLOCK_EVENTS,
  blockOffset,
  decodeSegmentHeader,
  encodeMeta,
  encodeSegmentHeader,
  META_FILE,
  META_TEMP_FILE,
  segmentFileName,
  WalError,
} from '@fswal/format';
import { compressSegment, decompressSegment, readSegmentFile, registerReader } from '@fswal/format/files';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  difference,
  FAST,
  newDir,
  newLogDir,
  restore,
  type Snapshot,
  snapshot,
} from './helpers/directories.js';
import { type HandOptions, HandRecorder, resumeAndStop } from './helpers/hand-recorder.js';
import { Killed, runUntil } from './helpers/kill-switch.js';
import { range, readLog, readMeta } from './helpers/read-log.js';
import { flip } from './helpers/vandal.js';
import { WatchedFiles } from './helpers/watched-files.js';

const SEGMENT_EVENTS = 16 * BLOCK_EVENTS;

function start(options: Partial<HandOptions> = {}): HandRecorder {
  return new HandRecorder({ dir: newLogDir(FAST), ...options });
}

function wals(dir: string): number[] {
  return indexes(dir, /^FS\.(\d{8})\.wal$/);
}
function lz4s(dir: string): number[] {
  return indexes(dir, /^FS\.(\d{8})\.wal\.lz4$/);
}
function indexes(dir: string, pattern: RegExp): number[] {
  return fs
    .readdirSync(dir)
    .flatMap((name) => pattern.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** The log with every compressed segment unpacked beside the plain ones, read by nothing but verification. */
function readAll(dir: string) {
  const copy = newLogDir(FAST);
  fs.mkdirSync(copy);
  for (const name of fs.readdirSync(dir)) {
    const compressed = name.endsWith('.wal.lz4');
    const bytes = compressed ? readSegmentFile(join(dir, name), true) : fs.readFileSync(join(dir, name));
    fs.writeFileSync(join(copy, compressed ? name.slice(0, -4) : name), bytes);
  }
  return readLog(copy);
}

describe('compression', () => {
  const limits = { maxSegments: 2, maxCompressedSegments: 3 };

  test('of the oldest segments: the newest stay plain, what is beyond both goes', () => {
    const recorder = start({ limits });
    recorder.record(8 * SEGMENT_EVENTS + 100);
    recorder.sync();
    recorder.close();
    expect(wals(recorder.dir)).toEqual([7, 8]);
    expect(lz4s(recorder.dir)).toEqual([4, 5, 6]);
    const log = readAll(recorder.dir);
    expect(log.ids).toEqual(range(4 * SEGMENT_EVENTS + 1, 8 * SEGMENT_EVENTS + 100));
    expect(log.wrongContent).toEqual([]);
    expect(recorder.measured).toMatchObject({
      manager: { persistence_hot_segments: 2, persistence_cold_segments: 3 },
      segment_maintainer: {
        maintenance_compression: { count: 7, failures: 0 },
        maintenance_deletion: { count: 4, failures: 0 },
        maintenance_retention: { count: 11, failures: 0 },
        persistence_max_hot_segments: 2,
        persistence_max_cold_segments: 3,
      },
    });
  });

  test('keeps the age of a segment', () => {
    const recorder = start({ limits: { maxSegments: 1, maxCompressedSegments: 100 } });
    recorder.record(SEGMENT_EVENTS);
    const { mtimeMs } = fs.statSync(join(recorder.dir, segmentFileName(0)));
    recorder.record(SEGMENT_EVENTS + 1);
    recorder.sync();
    const packed = fs.statSync(join(recorder.dir, `${segmentFileName(0)}.lz4`));
    expect(Math.abs(packed.mtimeMs - mtimeMs)).toBeLessThan(1);
    expect(packed.mode & 0o777).toBe(0o600);
    recorder.close();
  });

  test('that does not give back what went in keeps the original, and is counted', () => {
    let compressed = 0;
    const codec = {
      compress: (bytes: Uint8Array) => {
        const frame = compressSegment(bytes);
        if (compressed++ === 1) frame[frame.length >> 1]! ^= 1;
        return frame;
      },
      decompress: decompressSegment,
    };
    const recorder = start({ limits: { maxSegments: 1, maxCompressedSegments: 100 }, codec });
    recorder.record(4 * SEGMENT_EVENTS + 1);
    recorder.sync();
    recorder.close();
    expect(lz4s(recorder.dir)).toEqual([0, 2, 3]);
    expect(wals(recorder.dir)).toEqual([1, 4]);
    expect(recorder.measured.segment_maintainer.maintenance_compression.failures).toBe(1);
    expect(readAll(recorder.dir).ids).toEqual(range(1, 4 * SEGMENT_EVENTS + 1));
  });

  test('whose original cannot be removed then: both go when their time comes, and the log opens', async () => {
    const dir = newLogDir(FAST);
    const files = new WatchedFiles(dir);
    const remove = files.remove.bind(files);
    let refusals = 1;
    files.remove = (name) => {
      if (name === segmentFileName(0) && refusals-- > 0)
        throw new WalError('FILE_NOT_DELETED', 'EPERM', { file: name });
      remove(name);
    };
    const recorder = start({
      dir,
      files,
      formatVersion: 1,
      limits: { maxSegments: 2, maxCompressedSegments: 2 },
    });
    recorder.record(3 * SEGMENT_EVENTS + 10);
    recorder.sync();
    expect(recorder.measured.segment_maintainer.maintenance_compression.failures).toBe(1);
    expect(wals(dir)).toContain(0);
    expect(lz4s(dir)).toContain(0);
    recorder.record(9 * SEGMENT_EVENTS + 10);
    recorder.sync();
    recorder.close();
    expect(wals(dir)[0]).toBeGreaterThan(0);
    expect(lz4s(dir)).not.toContain(0);
    expect(resumeAndStop({ dir }).lastEventId).toBe(BigInt(9 * SEGMENT_EVENTS + 10));
  });

  test('by a codec that fails keeps the original, and is counted', () => {
    const compress = () => {
      throw new RangeError('Array buffer allocation failed');
    };
    const recorder = start({ limits, codec: { compress, decompress: decompressSegment } });
    recorder.record(4 * SEGMENT_EVENTS + 10);
    recorder.sync();
    expect(recorder.measured.segment_maintainer.maintenance_compression.failures).toBeGreaterThan(0);
    expect(lz4s(recorder.dir)).toEqual([]);
    recorder.close();
    expect(readLog(recorder.dir).ids).toEqual(range(1, 4 * SEGMENT_EVENTS + 10));
  });

  test('on a full disk keeps the original and leaves no half file', () => {
    const dir = newLogDir(FAST);
    const files = new WatchedFiles(dir);
    const recorder = start({ dir, files, limits: { maxSegments: 1, maxCompressedSegments: 100 } });
    files.before = (call) => (call.what === 'write' && call.file.endsWith('.lz4.tmp') ? 'ENOSPC' : undefined);
    recorder.record(2 * SEGMENT_EVENTS + 1);
    recorder.sync();
    recorder.close();
    expect(wals(dir)).toEqual([0, 1, 2]);
    expect(fs.readdirSync(dir).filter((name) => name.includes('lz4'))).toEqual([]);
    expect(recorder.measured.segment_maintainer.maintenance_compression.failures).toBe(2);
  });

  test('on a device that fails is a failure of the recorder', () => {
    const dir = newLogDir(FAST);
    const files = new WatchedFiles(dir);
    const recorder = start({ dir, files, limits: { maxSegments: 1, maxCompressedSegments: 100 } });
    files.before = (call) => (call.what === 'sync' && call.file.endsWith('.lz4.tmp') ? 'EIO' : undefined);
    expect(() => recorder.record(2 * SEGMENT_EVENTS + 1)).toThrow(/FSYNC_FAILED/);
    expect(wals(dir)).toContain(0);
    expect(lz4s(dir)).toEqual([]);
    recorder.kill();
  });
});

describe('retention', () => {
  test('never takes what is not durable', () => {
    const recorder = start({ limits: { maxSegments: 1 } });
    const all = [recorder.preparer, recorder.writer, recorder.coordinator];
    recorder.appendTo(1000);
    recorder.settle(all);
    // Segments fill, but no maintainer makes them durable.
    for (let id = 1000; id < 3 * SEGMENT_EVENTS; id += 500) {
      recorder.appendTo(id);
      recorder.settle(all);
    }
    expect(wals(recorder.dir)).toContain(0);
    recorder.settle();
    expect(wals(recorder.dir)).not.toContain(0);
    recorder.close();
  });

  test('never takes what could not be made durable for lack of room, though there is room a moment later', () => {
    const dir = newLogDir(FAST);
    const files = new WatchedFiles(dir);
    const recorder = start({ dir, files, limits: { maxSegments: 1 } });
    recorder.appendTo(1000);
    recorder.sync();
    let isFull = true;
    files.before = (call) => {
      if (call.what !== 'write' || call.file !== META_TEMP_FILE) return undefined;
      // Full whenever the position is stored, and not when retention asks.
      isFull = !isFull;
      return isFull ? undefined : 'ENOSPC';
    };
    for (let id = 1500; id < 3 * SEGMENT_EVENTS; id += 500) {
      recorder.appendTo(id);
      recorder.settle([recorder.preparer, recorder.writer, recorder.maintainer]);
      isFull = true;
      recorder.coordinator.doWork();
      recorder.settle([recorder.maintainer]);
    }
    expect(recorder.control.written.segmentIndex).toBe(2);
    expect(readMeta(dir)).toMatchObject({ segmentIndex: 0, eventId: 1000n });
    expect(wals(dir)).toContain(0);
    files.before = () => undefined;
    recorder.settle();
    expect(wals(dir)).not.toContain(0);
    recorder.close();
  });

  test('never takes what a reader of this process may still read', () => {
    const recorder = start({ limits: { maxSegments: 2 } });
    const reader = registerReader(recorder.dir);
    onTestFinished(() => reader.release());
    recorder.record(5 * SEGMENT_EVENTS);
    expect(wals(recorder.dir).slice(0, 5)).toEqual([0, 1, 2, 3, 4]);
    reader.moveTo(2);
    recorder.record(6 * SEGMENT_EVENTS);
    expect(wals(recorder.dir)[0]).toBe(2);
    reader.release();
    recorder.record(7 * SEGMENT_EVENTS);
    expect(wals(recorder.dir)[0]).toBeGreaterThan(4);
    recorder.close();
  });

  test('goes on with what was there when the log was opened', () => {
    const dir = newLogDir(FAST);
    const first = start({ dir });
    first.record(6 * SEGMENT_EVENTS);
    first.close();
    expect(wals(dir)).toEqual([0, 1, 2, 3, 4, 5]);
    const second = start({ dir, limits: { maxSegments: 2 } });
    second.settle();
    second.close();
    expect(wals(dir)).toEqual([4, 5]);
    expect(resumeAndStop({ dir }).lastEventId).toBe(BigInt(6 * SEGMENT_EVENTS));
  });
});

describe('recycling', () => {
  test('makes the next segments of those that are freed: in steady state none is created', () => {
    const recorder = start({ limits: { maxSegments: 3 } });
    recorder.record(8 * SEGMENT_EVENTS);
    const inodes = () =>
      new Set(wals(recorder.dir).map((i) => fs.statSync(join(recorder.dir, segmentFileName(i))).ino));
    const before = inodes();
    recorder.record(30 * SEGMENT_EVENTS);
    expect([...inodes()].filter((inode) => !before.has(inode)).length).toBeLessThanOrEqual(1);
    expect(recorder.measured.segment_preparer.recycled_segments).toBeGreaterThan(20);
    recorder.close();
    expect(readLog(recorder.dir).ids).toEqual(range(27 * SEGMENT_EVENTS + 1, 30 * SEGMENT_EVENTS));
    expect(fs.readdirSync(recorder.dir).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('leaves alone what somebody has linked to, and makes a new file instead', () => {
    const recorder = start({ limits: { maxSegments: 3 } });
    recorder.record(8 * SEGMENT_EVENTS);
    const oldest = join(recorder.dir, segmentFileName(wals(recorder.dir)[0]!));
    const backup = join(newDir(FAST), 'backup');
    fs.linkSync(oldest, backup);
    const before = fs.readFileSync(backup);
    recorder.record(30 * SEGMENT_EVENTS);
    recorder.close();
    expect(fs.readFileSync(backup).equals(before)).toBe(true);
    expect(fs.statSync(backup).nlink).toBe(1);
    expect(readLog(recorder.dir).ids).toEqual(range(27 * SEGMENT_EVENTS + 1, 30 * SEGMENT_EVENTS));
    expect(fs.readdirSync(recorder.dir).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('version 1 does not: its readers know nothing of older content', () => {
    const recorder = start({ limits: { maxSegments: 3 }, formatVersion: 1 });
    recorder.record(8 * SEGMENT_EVENTS);
    recorder.close();
    expect(recorder.measured.segment_preparer.recycled_segments).toBe(0);
    expect(readLog(recorder.dir).ids).toEqual(range(5 * SEGMENT_EVENTS + 1, 8 * SEGMENT_EVENTS));
  });

  test.each([1, 255, 256, 1000, SEGMENT_EVENTS - 1, SEGMENT_EVENTS])(
    'nothing of what a used file held before comes back, killed %i events into it',
    (events) => {
      for (const durability of ['none', 'interval'] as const) {
        const recorder = start({ limits: { maxSegments: 2 }, durability });
        recorder.record(7 * SEGMENT_EVENTS + events);
        const { dir } = recorder;
        const first = Number(readLog(dir).ids[0]);
        recorder.kill();
        expect(resumeAndStop({ dir })).toMatchObject({
          lastEventId: BigInt(7 * SEGMENT_EVENTS + events),
          tornTail: undefined,
          movedAside: [],
        });
        const log = readLog(dir);
        expect(log.ids).toEqual(range(first, 7 * SEGMENT_EVENTS + events));
        expect(log.wrongContent).toEqual([]);
      }
    },
  );

  test('a used file that no event went to is removed by opening, not taken for damage', () => {
    const recorder = start({ limits: { maxSegments: 2 }, preparedSegments: 4 });
    recorder.record(7 * SEGMENT_EVENTS + 10);
    const { dir } = recorder;
    expect(Math.max(...wals(dir))).toBeGreaterThan(8);
    recorder.kill();
    resumeAndStop({ dir });
    expect(Math.max(...wals(dir))).toBe(7);
    expect(fs.readdirSync(dir).filter((name) => name.includes('broken'))).toEqual([]);
  });
});

describe('durability none', () => {
  test('retention needs no device: the log then begins where the metadata file says', () => {
    const recorder = start({ limits: { maxSegments: 3 }, durability: 'none' });
    recorder.record(1);
    expect(recorder.sync()).toBe(1);
    recorder.record(9 * SEGMENT_EVENTS + 5);
    const oldest = wals(recorder.dir)[0]!;
    expect(oldest).toBeGreaterThan(5);
    expect(readMeta(recorder.dir)).toMatchObject({
      segmentIndex: oldest,
      offset: 0,
      eventId: BigInt(oldest * SEGMENT_EVENTS),
    });
    expect(recorder.durableId).toBe(1);
    expect(recorder.sync()).toBe(9 * SEGMENT_EVENTS + 5);
    recorder.kill();
    expect(resumeAndStop({ dir: recorder.dir }).lastEventId).toBe(BigInt(9 * SEGMENT_EVENTS + 5));
  });

  test('after a power cut that left nothing of it, the log is empty and its ids go on', () => {
    const recorder = start({ limits: { maxSegments: 3 }, durability: 'none' });
    recorder.record(9 * SEGMENT_EVENTS + 5);
    const { dir } = recorder;
    recorder.kill();
    const { eventId, segmentIndex } = readMeta(dir)!;
    for (const name of fs.readdirSync(dir)) if (name !== META_FILE) fs.rmSync(join(dir, name));
    expect(resumeAndStop({ dir }).position).toEqual({ segmentIndex, offset: 64, eventId });
    const again = start({ dir });
    expect(again.sync()).toBe(Number(eventId));
    expect(() => again.append(Number(eventId))).toThrow(/EVENT_OUT_OF_ORDER/);
    again.record(Number(eventId) + 300);
    again.close();
    expect(readLog(dir).ids).toEqual(range(Number(eventId) + 1, Number(eventId) + 300));
  });

  test('a sync brings every segment that is not on the device there, oldest first, then the active one', () => {
    const dir = newLogDir(FAST);
    const files = new WatchedFiles(dir);
    const recorder = start({ dir, files, durability: 'none' });
    recorder.record(3 * SEGMENT_EVENTS + 5);
    files.calls.length = 0;
    recorder.sync();
    const synced = files.calls.flatMap((call) => (call.what === 'sync' ? call.file : []));
    expect(synced).toEqual([0, 1, 2, 3].map(segmentFileName).concat('wal_meta.dat.tmp'));
    recorder.close();
  });

  test('a position that met a full disk is not stored after its segment has gone', () => {
    const dir = newLogDir(FAST);
    const files = new WatchedFiles(dir);
    const recorder = start({ dir, files, durability: 'none', limits: { maxSegments: 2 } });
    const { coordinator, preparer, writer, maintainer } = recorder;
    let refusals = 0;
    files.before = (call) =>
      call.what === 'write' && call.file === META_TEMP_FILE && refusals-- > 0 ? 'ENOSPC' : undefined;
    recorder.settle([preparer]);
    recorder.appendTo(300);
    recorder.control.requestSync();
    recorder.settle([writer]);
    refusals = Number.POSITIVE_INFINITY;
    coordinator.doWork();
    expect(recorder.control.diskFull).toBe(true);
    while (recorder.lastId < 2 * SEGMENT_EVENTS + 10) {
      recorder.appendTo(Math.min(2 * SEGMENT_EVENTS + 10, recorder.lastId + 512));
      recorder.settle([preparer, writer, maintainer]);
    }
    // Full when the position is stored, and no longer when retention looks.
    refusals = 1;
    for (let step = 0; step < 3; step++) coordinator.doWork();
    recorder.settle();
    expect(readMeta(dir)!.segmentIndex).toBeGreaterThanOrEqual(wals(dir)[0]!);
    recorder.kill();
    expect(resumeAndStop({ dir }).lastEventId).toBe(BigInt(2 * SEGMENT_EVENTS + 10));
  });

  test('no more than 64 full segments, and those that wait for it, are not on the device', () => {
    const recorder = start({ durability: 'none' });
    const { coordinator, preparer, writer, maintainer, rings } = recorder;
    const recordSegments = (until: number) => {
      while (recorder.lastId < until * SEGMENT_EVENTS) {
        recorder.appendTo(recorder.lastId + 512);
        recorder.settle([preparer, writer, maintainer]);
      }
    };
    recordSegments(60);
    coordinator.doWork();
    expect(rings.durability.size).toBe(0);
    recordSegments(120);
    coordinator.doWork();
    // The writer waits when there are more.
    expect(rings.durability.size).toBe(120 - 64 - 1);
    recorder.settle();
    expect(rings.durability.size).toBe(0);
    const open = [...recorder.openSegments.descriptors()];
    expect(open.length).toBeLessThanOrEqual(64 + 6);
    for (const fd of open) fs.closeSync(fd);
    expect(readMeta(recorder.dir)!.segmentIndex).toBeGreaterThanOrEqual(120 - 64 - 1);
  });

  test('without wal_meta.dat all of a log is brought to the device before it is told durable', () => {
    const recorder = start({ durability: 'none' });
    recorder.record(8 * SEGMENT_EVENTS + 10);
    recorder.kill();
    fs.rmSync(join(recorder.dir, META_FILE), { force: true });
    const files = new WatchedFiles(recorder.dir);
    resumeAndStop({ dir: recorder.dir, files });
    const synced = new Set(files.calls.flatMap((call) => (call.what === 'sync' ? call.file : [])));
    for (let segment = 0; segment <= 8; segment++) expect(synced).toContain(segmentFileName(segment));
  });

  test('what is behind an anchor is not part of the log', () => {
    const recorder = start({ durability: 'interval' });
    recorder.record(3 * SEGMENT_EVENTS + 5);
    recorder.close();
    const { dir } = recorder;
    const anchor = { segmentIndex: 2, offset: 0, eventId: BigInt(2 * SEGMENT_EVENTS), prefixChecksum: 0n };
    fs.writeFileSync(join(dir, META_FILE), encodeMeta(anchor));
    flip(join(dir, segmentFileName(0)), 5000);
    resumeAndStop({ dir });
    expect(wals(dir)).toEqual([2, 3]);
    expect(readLog(dir).ids).toEqual(range(2 * SEGMENT_EVENTS + 1, 3 * SEGMENT_EVENTS + 5));
    fs.writeFileSync(join(dir, META_FILE), encodeMeta(anchor));
    fs.rmSync(join(dir, segmentFileName(2)));
    expect(() => resumeAndStop({ dir })).toThrow(/SEGMENT_GAP/);
  });
});

describe('interrupted maintenance', () => {
  /** Records with limits, kills at every change of a file, and opens: everything that retention had not taken is there. */
  test.each([
    ['compression', { maxSegments: 1, maxCompressedSegments: 2 }, 'interval'],
    ['retention and recycling', { maxSegments: 2 }, 'interval'],
    ['retention without a device', { maxSegments: 2 }, 'none'],
  ] as const)('killed at each step of %s', (_name, limits, durability) => {
    const dir = newLogDir(FAST);
    const before = new HandRecorder({ dir, durability: 'interval' });
    before.record(3 * SEGMENT_EVENTS + 7);
    before.close();
    const from: Snapshot = snapshot(dir);
    const last = 5 * SEGMENT_EVENTS + 300;
    let recorder: HandRecorder | undefined;
    const life = () => {
      recorder = undefined;
      recorder = new HandRecorder({ dir, limits, durability });
      recorder.record(last);
      recorder.sync();
      recorder.close();
    };
    const { steps, error } = runUntil(Number.POSITIVE_INFINITY, life);
    expect(error).toBeUndefined();
    expect(steps).toBeGreaterThan(50);
    for (let step = 0; step < steps; step++) {
      restore(dir, from);
      const killed = runUntil(step, life).error;
      // Killed while it compressed the last segment it has nothing else to do, and notices nothing.
      if (killed !== undefined && !isKilled(killed)) throw killed;
      recorder?.kill();
      const appended = recorder?.lastId ?? 3 * SEGMENT_EVENTS + 7;
      const report = resumeAndStop({ dir });
      const log = readAll(dir);
      const context = `killed before step ${step} of ${steps}`;
      expect(Number(report.lastEventId), context).toBe(appended);
      expect(log.ids, context).toEqual(range(log.ids[0]!, appended));
      expect(log.ids.length, context).toBeGreaterThanOrEqual(SEGMENT_EVENTS);
      expect(log.wrongContent, context).toEqual([]);
      expect(report.movedAside, context).toEqual([]);
      const twice = lz4s(dir).filter((index) => wals(dir).includes(index));
      expect(twice, context).toEqual([]);
    }
  });

  function isKilled(error: unknown): boolean {
    return error instanceof Killed || (error instanceof Error && isKilled(error.cause));
  }
});

describe('both forms of a segment', () => {
  function bothForms() {
    const recorder = start();
    recorder.record(3 * SEGMENT_EVENTS + 5);
    recorder.close();
    const wal = join(recorder.dir, segmentFileName(2));
    fs.writeFileSync(`${wal}.lz4`, compressSegment(fs.readFileSync(wal)));
    return { dir: recorder.dir, wal, lz4: `${wal}.lz4` };
  }
  const whole = range(1, 3 * SEGMENT_EVENTS + 5);

  test('both sound: the plain one stays, the other goes', () => {
    const { dir, lz4 } = bothForms();
    expect(resumeAndStop({ dir }).movedAside).toEqual([]);
    expect(fs.existsSync(lz4)).toBe(false);
    expect(readAll(dir).ids).toEqual(whole);
  });

  test('the compressed one damaged: it is moved aside', () => {
    const { dir, lz4 } = bothForms();
    flip(lz4, 5000);
    expect(resumeAndStop({ dir }).movedAside).toEqual([`${lz4}.broken`]);
    expect(readAll(dir).ids).toEqual(whole);
  });

  test('the plain one damaged: the compressed one is used, the plain one moved aside', () => {
    const { dir, wal } = bothForms();
    flip(wal, 5000);
    expect(resumeAndStop({ dir }).movedAside).toEqual([`${wal}.broken`]);
    expect(readAll(dir).ids).toEqual(whole);
  });

  test('the plain one not written yet, as a power cut leaves it: the compressed one is used', () => {
    const { dir, wal } = bothForms();
    const header = fs.readFileSync(wal).subarray(0, blockOffset(0));
    const unwritten = Buffer.alloc(fs.statSync(wal).size);
    encodeSegmentHeader({ ...decodeSegmentHeader(header)!, eventCount: 0, closedNs: 0n }, unwritten);
    fs.writeFileSync(wal, unwritten);
    expect(resumeAndStop({ dir }).movedAside).toEqual([`${wal}.broken`]);
    expect(readAll(dir).ids).toEqual(whole);
  });

  test('the compressed one of another log: it is moved aside', () => {
    const { dir, wal, lz4 } = bothForms();
    const other = start();
    for (let id = 10; other.lastId < 20 * SEGMENT_EVENTS; id += 5) {
      other.append(id);
      if (id % 500 === 0) other.settle();
    }
    other.close();
    fs.writeFileSync(lz4, compressSegment(fs.readFileSync(join(other.dir, segmentFileName(2)))));
    expect(resumeAndStop({ dir }).movedAside).toEqual([`${lz4}.broken`]);
    expect(fs.existsSync(wal)).toBe(true);
    expect(readAll(dir).ids).toEqual(whole);
  });

  test('both damaged: refused where it matters, and nothing is changed', () => {
    const { dir, wal, lz4 } = bothForms();
    flip(wal, 5000);
    flip(lz4, 5000);
    const before = snapshot(dir);
    let error: unknown;
    try {
      resumeAndStop({ dir });
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(WalError);
    expect(error).toMatchObject({ code: 'BLOCK_CHECKSUM_MISMATCH', file: wal });
    expect(difference(snapshot(dir), before)).toBe('');
  });

  test('a log whose segments are all compressed goes on in a new one', () => {
    const { dir } = bothForms();
    for (const index of wals(dir)) {
      const wal = join(dir, segmentFileName(index));
      fs.writeFileSync(`${wal}.lz4`, compressSegment(fs.readFileSync(wal)));
      fs.rmSync(wal);
    }
    const again = start({ dir });
    again.record(4 * SEGMENT_EVENTS);
    again.close();
    expect(wals(dir)).toEqual([4]);
    expect(readAll(dir).ids).toEqual(range(1, 4 * SEGMENT_EVENTS));
    expect(readAll(dir).segments.every(({ status }) => status === 'OK')).toBe(true);
  });
});
