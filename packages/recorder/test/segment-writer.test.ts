import fs from 'node:fs';
import { join } from 'node:path';
import {
  BLOCK_BYTES,
  BLOCK_EVENTS,
  BLOCK_HEADER_BYTES,
  blockOffset,
  EVENT_BYTES,
  EventView,
  eventOffset,
  type FormatVersion,
  SEGMENT_HEADER_BYTES,
  segmentBytes,
  verifySegment,
  type WalError,
} from '@fswal/format';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { progressOf, SegmentWriter } from '../src/segment-writer.js';
import { newDir } from './helpers/directories.js';
import { fillContent } from './helpers/formula.js';
import { range, readLog } from './helpers/read-log.js';
import { WatchedFiles } from './helpers/watched-files.js';

const BLOCKS = 16;

/** Segments are compared byte for byte, and they hold the time. */
beforeEach(() => {
  const now = vi.spyOn(Date, 'now').mockReturnValue(1_700_000_000_000);
  onTestFinished(() => now.mockRestore());
});

/** Blocks as they lie in the tail ring: full ones with growing ids from `from` on. */
function blocksFrom(from: number, count: number): Uint8Array {
  const memory = new Uint8Array(count * BLOCK_BYTES);
  const words = new Int32Array(memory.buffer);
  const event = new EventView(words);
  for (let block = 0; block < count; block++) {
    for (let i = 0; i < BLOCK_EVENTS; i++) {
      event.base = (block * BLOCK_BYTES + eventOffset(i)) / 4;
      event.eventId = from + block * BLOCK_EVENTS + i;
      fillContent(words, event.base, event.eventId);
    }
  }
  return memory;
}

function setUp(formatVersion: FormatVersion = 2, link = 0n) {
  const dir = newDir();
  const files = new WatchedFiles(dir);
  const segment = files.create(0, BLOCKS, formatVersion);
  onTestFinished(() => {
    fs.closeSync(segment.fd);
    fs.closeSync(segment.syncFd);
  });
  files.calls.length = 0;
  const writer = SegmentWriter.start(segment, files, link);
  const bytes = () => new Uint8Array(fs.readFileSync(segment.file));
  const close = () => files.writeHeader(segment, writer.closedHeader());
  return { dir, files, segment, writer, bytes, close };
}

/** The byte ranges written, in order, without the segment header. */
function written(files: WatchedFiles): [number, number][] {
  return files.calls.flatMap((call) =>
    call.what === 'write' && call.from > 0 ? [[call.from, call.to]] : [],
  );
}

describe.each([1, 2] as const)('version %i', (version) => {
  test('parts, then a seal, make the same file as one write', () => {
    const whole = setUp(version, 99n);
    whole.writer.writeBlocks(blocksFrom(1, 3), 3);
    whole.close();

    const parts = setUp(version, 99n);
    const memory = blocksFrom(1, 3);
    for (let block = 0; block < 3; block++) {
      const rest = memory.subarray(block * BLOCK_BYTES);
      for (const count of [1, 2, 7, 100, 255].slice(block)) parts.writer.writeEvents(rest, count);
      parts.writer.seal(rest, BLOCK_EVENTS);
    }
    parts.close();
    expect(Buffer.compare(parts.bytes(), whole.bytes())).toBe(0);
    expect(parts.writer.chained).toBe(whole.writer.chained);
    expect(parts.writer.progress).toEqual(whole.writer.progress);
  });

  test('what it writes verifies, open and closed', () => {
    const { writer, bytes, close, dir, files } = setUp(version);
    const memory = blocksFrom(1, 4);
    writer.writeBlocks(memory, 2);
    writer.writeEvents(memory.subarray(2 * BLOCK_BYTES), 10);
    expect(verifySegment(bytes(), { segmentIndex: 0 })).toMatchObject({
      status: 'OK',
      state: 'open',
      blocks: 2,
      tailEvents: 10,
      lastEventId: 522n,
      endOffset: writer.position.offset,
    });
    writer.seal(memory.subarray(2 * BLOCK_BYTES), 30);
    writer.seal(blocksFrom(1000, 1), 1);
    close();
    expect(verifySegment(bytes())).toMatchObject({
      status: 'OK',
      state: 'sealed',
      blocks: 4,
      events: 543,
      lastEventId: 1000n,
      chainedChecksum: writer.chained,
    });
    expect(readLog(dir)).toMatchObject({ ids: [...range(1, 542), 1000], wrongContent: [] });
    expect(files.calls.filter((call) => call.what === 'write' && call.from === 0)).toHaveLength(2);
  });

  test('fills a segment to the last byte', () => {
    const { writer, bytes, close } = setUp(version);
    writer.writeBlocks(blocksFrom(1, BLOCKS), BLOCKS);
    expect(writer.roomBlocks).toBe(0);
    expect(writer.position).toEqual({ segmentIndex: 0, offset: segmentBytes(BLOCKS), eventId: 4096n });
    close();
    expect(verifySegment(bytes())).toMatchObject({ status: 'OK', blocks: BLOCKS });
  });
});

test('every byte is written once, the header of a block after its events', () => {
  const { writer, files } = setUp();
  const memory = blocksFrom(1, 4);
  writer.writeEvents(memory, 5);
  writer.writeEvents(memory, 5);
  writer.writeEvents(memory, 200);
  writer.seal(memory, BLOCK_EVENTS);
  writer.writeBlocks(memory.subarray(BLOCK_BYTES), 2);
  writer.writeEvents(memory.subarray(3 * BLOCK_BYTES), 3);
  writer.seal(memory.subarray(3 * BLOCK_BYTES), 3);
  const last = blockOffset(3);
  expect(written(files)).toEqual([
    [blockOffset(0) + eventOffset(0), blockOffset(0) + eventOffset(5)],
    [blockOffset(0) + eventOffset(5), blockOffset(0) + eventOffset(200)],
    [blockOffset(0) + eventOffset(200), blockOffset(1)],
    [blockOffset(0), blockOffset(0) + BLOCK_HEADER_BYTES],
    [blockOffset(1), blockOffset(3)],
    [last + eventOffset(0), last + eventOffset(3)],
    [last, last + BLOCK_HEADER_BYTES],
  ]);
  const sorted = written(files).sort(([a], [b]) => a - b);
  for (let i = 1; i < sorted.length; i++) expect(sorted[i][0]).toBeGreaterThanOrEqual(sorted[i - 1][1]);
});

test('the segment header with the first id is written before the first event', () => {
  const { writer, files, bytes } = setUp();
  writer.writeEvents(blocksFrom(77, 1), 1);
  expect(files.calls[0]).toEqual({
    what: 'write',
    file: 'FS.00000000.wal',
    from: 0,
    to: SEGMENT_HEADER_BYTES,
  });
  expect(verifySegment(bytes()).header?.firstEventId).toBe(77n);
});

test('a call that met a full disk can be made again, with the same bytes at the end', () => {
  const smooth = setUp();
  const rough = setUp();
  const attempts: number[] = [];
  for (const { writer, files } of [smooth, rough]) {
    const memory = blocksFrom(1, 4);
    const failing = files === rough.files;
    const failed = new Set<string>();
    files.before = (call) => {
      const place = JSON.stringify(call);
      if (call.what !== 'write' || !failing || failed.has(place)) return undefined;
      failed.add(place);
      return 'ENOSPC';
    };
    const again = (action: () => void) => {
      for (let tries = 1; ; tries++) {
        try {
          action();
          if (failing) attempts.push(tries);
          return;
        } catch (error) {
          expect((error as WalError).code).toBe('DISK_FULL');
        }
      }
    };
    again(() => writer.writeEvents(memory, 5));
    again(() => writer.writeEvents(memory, 9));
    again(() => writer.seal(memory, BLOCK_EVENTS));
    again(() => writer.writeBlocks(memory.subarray(BLOCK_BYTES), 2));
    again(() => writer.seal(memory.subarray(3 * BLOCK_BYTES), 17));
    files.before = () => undefined;
  }
  smooth.close();
  rough.close();
  expect(Math.min(...attempts)).toBe(2);
  expect(Buffer.compare(rough.bytes(), smooth.bytes())).toBe(0);
  expect(rough.writer.progress).toEqual(smooth.writer.progress);
});

test('writing on in another writer goes on where the first stopped', () => {
  const { writer, files, segment, close: _, bytes, dir } = setUp();
  const memory = blocksFrom(1, 2);
  writer.writeBlocks(memory, 1);
  writer.seal(memory.subarray(BLOCK_BYTES), 100);
  const second = new SegmentWriter(segment, files, writer.progress);
  expect(second.position).toEqual(writer.position);
  expect(second.prefixChecksum(memory)).toBe(writer.sealedPrefix);
  second.seal(blocksFrom(357, 1), 50);
  const found = { blocks: 3, tailEvents: 0, events: 406, chained: second.chained };
  const third = new SegmentWriter(segment, files, progressOf(bytes(), found));
  expect(third.progress).toEqual(second.progress);
  files.writeHeader(segment, third.closedHeader());
  expect(readLog(dir)).toMatchObject({
    ids: range(1, 406),
    segments: [{ status: 'OK', blocks: [256, 100, 50] }],
  });
});

test('a block that was begun cannot be passed over', () => {
  const { writer } = setUp();
  const memory = blocksFrom(1, 2);
  writer.writeEvents(memory, 1);
  expect(() => writer.writeBlocks(memory, 1)).toThrow(/sealed first/);
});

describe('segment files', () => {
  test('a new segment has its size, its header and its mode, whatever the umask', () => {
    const { files } = setUp();
    const umask = process.umask(0o777);
    onTestFinished(() => void process.umask(umask));
    const segment = files.create(1, BLOCKS, 2);
    fs.closeSync(segment.fd);
    fs.closeSync(segment.syncFd);
    const bytes = new Uint8Array(fs.readFileSync(segment.file));
    expect(fs.statSync(segment.file).mode & 0o777).toBe(0o600);
    expect(bytes).toHaveLength(segmentBytes(BLOCKS));
    expect(verifySegment(bytes, { segmentIndex: 1 })).toMatchObject({ status: 'OK', state: 'prepared' });
    expect(fs.statSync(segment.file).blocks * 512).toBeGreaterThanOrEqual(segmentBytes(BLOCKS));
  });

  test('no segment is made over another file, and none is left where that fails', () => {
    const { dir, files } = setUp();
    const codeOf = (action: () => void) => {
      try {
        action();
      } catch (error) {
        return (error as WalError).code;
      }
      return 'OK';
    };
    expect(codeOf(() => files.create(0, BLOCKS, 2))).toBe('FILE_ALREADY_EXISTS');
    fs.symlinkSync('/nowhere', join(dir, 'FS.00000001.wal'));
    expect(codeOf(() => files.create(1, BLOCKS, 2))).toBe('FILE_ALREADY_EXISTS');
    files.before = () => 'ENOSPC';
    expect(codeOf(() => files.create(2, BLOCKS, 2))).toBe('DISK_FULL');
    expect(fs.readdirSync(dir).sort()).toEqual(['FS.00000000.wal', 'FS.00000001.wal']);
  });

  test('warming reads and changes nothing', () => {
    const { files, segment, bytes } = setUp();
    const before = bytes();
    files.warm(segment);
    expect(Buffer.compare(bytes(), before)).toBe(0);
    expect(before.length % EVENT_BYTES).toBe(0);
  });

  test('warming goes on where a signal interrupts a read', () => {
    const { files, segment } = setUp();
    const real = fs.readSync as (...args: unknown[]) => number;
    const interrupted = Object.assign(new Error('EINTR'), { code: 'EINTR' });
    const reads = vi.spyOn(fs, 'readSync').mockImplementationOnce(() => {
      throw interrupted;
    });
    reads.mockImplementation(real as typeof fs.readSync);
    onTestFinished(() => reads.mockRestore());
    files.warm(segment);
    expect(reads).toHaveBeenCalledTimes(2);
  });
});
