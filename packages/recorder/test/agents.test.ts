/* The worker threads' agents, driven by hand over a real directory. */
import fs from 'node:fs';
import { join } from 'node:path';
import {
  blockOffset,
  checksum,
  EVENT_BYTES,
  eventOffset,
  META_FILE,
  META_TEMP_FILE,
  segmentBytes,
  WalError,
} from '@fswal/format';
import { SpmcRing } from '@fswal/ring';
import { Telemetry } from '@fswal/telemetry';
import { describe, expect, test } from 'vitest';
import { BackoffIdle, runAgent } from '../src/agent.js';
import { Control, Role, Stage } from '../src/control.js';
import { newLogDir } from './helpers/directories.js';
import { type HandOptions, HandRecorder, resumeAndStop } from './helpers/hand-recorder.js';
import { range, readLog, readMeta, segmentNames } from './helpers/read-log.js';
import { WatchedFiles } from './helpers/watched-files.js';

function open(options: Partial<HandOptions> = {}) {
  const dir = newLogDir();
  fs.mkdirSync(dir);
  const files = new WatchedFiles(dir);
  const recorder = new HandRecorder({ dir, files, ...options });
  recorder.settle([recorder.preparer]);
  files.calls.length = 0;
  return { dir, files, recorder };
}

function blocksOf(dir: string): number[] {
  return readLog(dir).segments.flatMap((segment) => [...segment.blocks]);
}

describe('the writer', () => {
  test('writes full blocks by one call and leaves the rest in the ring', () => {
    const { dir, files, recorder } = open();
    recorder.appendTo(3 * 256 + 10);
    // The appender publishes a block when it goes on to the next.
    expect(recorder.writer.doWork()).toBe(3);
    expect(files.calls).toEqual([
      { what: 'write', file: 'FS.00000000.wal', from: 0, to: 64 },
      { what: 'write', file: 'FS.00000000.wal', from: 64, to: blockOffset(3) },
    ]);
    expect(recorder.control.written).toEqual({ segmentIndex: 0, offset: blockOffset(3), eventId: 768n });
    expect(readLog(dir).ids).toEqual(range(1, 768));
    recorder.kill();
  });

  test('writes less than a block after two looks without a new event, once', () => {
    const { dir, recorder } = open();
    recorder.appendTo(5);
    expect(recorder.writer.doWork()).toBe(0);
    recorder.appendTo(6);
    expect(recorder.writer.doWork()).toBe(0);
    expect(readLog(dir).ids).toEqual([]);
    expect(recorder.writer.doWork()).toBe(1);
    expect(readLog(dir)).toMatchObject({ ids: range(1, 6), segments: [{ blocks: [], tailEvents: 6 }, {}] });
    for (let look = 0; look < 5; look++) expect(recorder.writer.doWork()).toBe(0);
    recorder.kill();
  });

  test('finds a full block by its ids before the appender has published it', () => {
    const { dir, recorder } = open();
    recorder.appendTo(256);
    expect(recorder.control.appendedBlocks).toBe(0);
    recorder.settle([recorder.writer]);
    expect(blocksOf(dir)).toEqual([256]);
    recorder.appendTo(600);
    recorder.settle();
    expect(readLog(dir).ids).toEqual(range(1, 600));
    recorder.kill();
  });

  test('leaves no half event where the disk was full amid one', () => {
    const { dir, files, recorder } = open();
    recorder.appendTo(10);
    recorder.settle([recorder.writer]);
    recorder.appendTo(15);
    // Two and a half of the five events go out.
    let refusals = 1;
    files.before = (call) => (call.what === 'write' && refusals-- > 0 ? 'ENOSPC' : undefined);
    while (refusals > 0) recorder.writer.doWork();
    expect(readLog(dir)).toMatchObject({ ids: range(1, 12), wrongContent: [] });
    recorder.settle();
    expect(readLog(dir)).toMatchObject({ ids: range(1, 15), wrongContent: [] });
    recorder.kill();
  });

  test('seals a block that it had begun when the rest has come', () => {
    const { dir, files, recorder } = open();
    recorder.appendTo(100);
    recorder.settle([recorder.writer]);
    recorder.appendTo(600);
    recorder.settle([recorder.writer]);
    expect(readLog(dir)).toMatchObject({
      ids: range(1, 600),
      wrongContent: [],
      segments: [{ blocks: [256, 256] }, {}],
    });
    const starts = files.calls.map((call) => (call.what === 'write' ? call.from : -1));
    expect(new Set(starts).size).toBe(starts.length);
    recorder.kill();
  });

  test('goes from segment to segment and gives slots back, all but the last written one', () => {
    const { dir, recorder } = open();
    let id = 0;
    for (let lap = 0; lap < 20; lap++) {
      id += 5 * 256;
      recorder.appendTo(id);
      recorder.settle();
      const written = Math.floor(id / 256);
      expect(recorder.control.releasedBlocks).toBe(written - 1);
    }
    expect(recorder.measured).toMatchObject({
      manager: { segment_rotation: { count: 6 } },
      segment_writer: { written_blocks: 100, written_events: 25_600, open_new_segment: { count: 7 } },
    });
    recorder.close();
    const log = readLog(dir);
    expect(log.ids).toEqual(range(1, id));
    expect(log.segments.map(({ state, status }) => `${state} ${status}`)).toEqual(
      new Array(7).fill('sealed OK'),
    );
  });

  test('waits for a segment, the events staying in the ring', () => {
    const { dir, recorder } = open();
    const rest = [recorder.writer, recorder.maintainer, recorder.coordinator];
    // Two segments are prepared, no third one.
    for (let id = 0; id < 2 * 4096; id += 1024) {
      recorder.appendTo(id + 1024);
      recorder.settle(rest);
    }
    recorder.appendTo(2 * 4096 + 7 * 256);
    recorder.settle(rest);
    expect(recorder.control.written.eventId).toBe(8192n);
    expect(() => recorder.appendTo(2 * 4096 + 9 * 256)).toThrow(/BACKPRESSURE/);
    recorder.settle();
    recorder.appendTo(2 * 4096 + 9 * 256);
    recorder.close();
    expect(readLog(dir).ids).toEqual(range(1, 2 * 4096 + 9 * 256));
  });

  test('a sync waits for a segment too', () => {
    const { recorder } = open({ preparedSegments: 1 });
    for (let id = 0; id < 4096; id += 1024) {
      recorder.appendTo(id + 1024);
      recorder.settle([recorder.writer]);
    }
    recorder.appendTo(4097);
    const request = recorder.control.requestSync();
    const rest = [recorder.writer, recorder.maintainer, recorder.coordinator];
    recorder.settle(rest);
    expect(recorder.control.hasSynced(request)).toBe(false);
    recorder.settle();
    expect(recorder.control.hasSynced(request)).toBe(true);
    expect(recorder.durableId).toBe(4097);
    recorder.kill();
  });

  test('keeps a full segment while the maintainers have no room', () => {
    const { dir, recorder } = open();
    const rest = [recorder.writer, recorder.preparer, recorder.coordinator];
    // 64 segments fill the ring to the maintainers; the next one is full and stays with the writer.
    const stuck = 65 * 4096;
    while (recorder.lastId < stuck + 256) {
      recorder.appendTo(recorder.lastId + 256);
      recorder.settle(rest);
    }
    expect(recorder.rings.persist.size).toBe(64);
    expect(recorder.control.written.eventId).toBe(BigInt(stuck));
    recorder.settle();
    expect(recorder.control.written.eventId).toBe(BigInt(stuck + 256));
    recorder.close();
    expect(readLog(dir).ids).toHaveLength(stuck + 256);
  });

  test('a full disk moves nothing, and is told while it lasts', () => {
    const { dir, files, recorder } = open();
    recorder.appendTo(300);
    files.before = ({ what }) => (what === 'write' ? 'ENOSPC' : undefined);
    expect(recorder.writer.doWork()).toBe(0);
    expect(recorder.control.diskFull).toBe(true);
    expect(recorder.control.written.eventId).toBe(0n);
    files.before = () => undefined;
    recorder.settle();
    expect(recorder.control.diskFull).toBe(false);
    recorder.close();
    expect(readLog(dir)).toMatchObject({
      ids: range(1, 300),
      wrongContent: [],
      segments: [{ status: 'OK' }],
    });
  });
});

describe('the preparer', () => {
  test('makes as many segments ahead as it is told to', () => {
    for (const preparedSegments of [1, 4]) {
      const { dir, recorder } = open({ preparedSegments });
      expect(segmentNames(dir)).toHaveLength(preparedSegments);
      recorder.kill();
    }
  });

  test('a full disk leaves no half file, and is told while it lasts', () => {
    const { dir, files, recorder } = open({ preparedSegments: 1 });
    recorder.appendTo(1);
    recorder.settle([recorder.writer]);
    files.before = () => 'ENOSPC';
    expect(recorder.preparer.doWork()).toBe(0);
    expect(recorder.control.diskFull).toBe(true);
    expect(fs.readdirSync(dir)).toEqual(['FS.00000000.wal', 'wal_meta.dat']);
    files.before = () => undefined;
    expect(recorder.preparer.doWork()).toBe(1);
    expect(recorder.control.diskFull).toBe(false);
    recorder.kill();
  });
});

describe('durability', () => {
  test('the position is published after data, metadata and directory are on the device', () => {
    const { dir, files, recorder } = open();
    recorder.appendTo(10);
    recorder.sync();
    files.calls.length = 0;
    const stored: (number | undefined)[] = [];
    files.before = () => {
      // The last call makes room for the next position.
      expect(recorder.durableId).toBe(files.calls.length < 5 ? 10 : 20);
      stored.push(Number(readMeta(dir)?.eventId));
      return undefined;
    };
    recorder.appendTo(20);
    expect(recorder.sync()).toBe(20);
    expect(files.calls).toEqual([
      {
        what: 'write',
        file: 'FS.00000000.wal',
        from: blockOffset(0) + eventOffset(10),
        to: blockOffset(0) + eventOffset(20),
      },
      { what: 'sync', file: 'FS.00000000.wal' },
      { what: 'write', file: 'wal_meta.dat.tmp', from: 0, to: 32 },
      { what: 'sync', file: 'wal_meta.dat.tmp' },
      { what: 'sync directory' },
      { what: 'write', file: 'wal_meta.dat.tmp', from: 0, to: 32 },
    ]);
    // The old position until the rename, which comes before the sync of the directory.
    expect(stored).toEqual([10, 10, 10, 10, 20, 20]);
    recorder.kill();
  });

  test('wal_meta.dat certifies a partly filled block by the checksum of its prefix', () => {
    const { dir, recorder } = open();
    recorder.appendTo(300);
    recorder.sync();
    const segment = fs.readFileSync(join(dir, 'FS.00000000.wal'));
    const start = blockOffset(1) + eventOffset(0);
    const prefix = segment.subarray(start, start + 44 * EVENT_BYTES);
    expect(readMeta(dir)).toEqual({
      segmentIndex: 0,
      offset: start + 44 * EVENT_BYTES,
      eventId: 300n,
      prefixChecksum: checksum(prefix, 0n),
    });
    recorder.appendTo(512);
    recorder.sync();
    expect(readMeta(dir)).toMatchObject({ offset: blockOffset(2), eventId: 512n, prefixChecksum: 0n });
    recorder.kill();
  });

  test('many syncs become one', () => {
    const { files, recorder } = open();
    const requests: number[] = [];
    for (let id = 1; id <= 50; id++) {
      recorder.appendTo(id);
      requests.push(recorder.control.requestSync());
      if (id % 10 === 0) recorder.writer.doWork();
    }
    files.calls.length = 0;
    recorder.settle([recorder.coordinator]);
    expect(files.calls.filter(({ what }) => what === 'sync')).toHaveLength(2);
    expect(requests.every((request) => recorder.control.hasSynced(request))).toBe(true);
    expect(recorder.durableId).toBe(50);
    recorder.kill();
  });

  test('a sync without a new event touches nothing', () => {
    const { files, recorder } = open();
    recorder.appendTo(1);
    recorder.sync();
    files.calls.length = 0;
    expect(recorder.sync()).toBe(1);
    expect(files.calls).toEqual([]);
    recorder.kill();
  });

  test('a sync of an empty log is answered', () => {
    const { dir, recorder } = open();
    expect(recorder.sync()).toBe(0);
    expect(readMeta(dir)).toMatchObject({ segmentIndex: 0, eventId: 0n });
    recorder.kill();
  });

  test('a full segment is persisted: data, then its final header, then the position', () => {
    const { dir, files, recorder } = open();
    while (recorder.lastId < 4096) {
      recorder.appendTo(recorder.lastId + 1024);
      recorder.settle([recorder.writer]);
    }
    files.calls.length = 0;
    recorder.settle([recorder.maintainer, recorder.coordinator]);
    expect(files.calls).toEqual([
      { what: 'sync', file: 'FS.00000000.wal' },
      { what: 'write', file: 'FS.00000000.wal', from: 0, to: 64 },
      { what: 'sync', file: 'FS.00000000.wal' },
      { what: 'write', file: 'wal_meta.dat.tmp', from: 0, to: 32 },
      { what: 'sync', file: 'wal_meta.dat.tmp' },
      { what: 'sync directory' },
      { what: 'write', file: 'wal_meta.dat.tmp', from: 0, to: 32 },
    ]);
    expect(recorder.durableId).toBe(4096);
    expect(readMeta(dir)).toMatchObject({ segmentIndex: 0, offset: segmentBytes(16), prefixChecksum: 0n });
    expect(readLog(dir).segments[0].state).toBe('sealed');
    recorder.kill();
  });

  test('the position never moves over a segment that is not persisted', () => {
    const { files, recorder } = open();
    const rest = [recorder.writer, recorder.preparer, recorder.coordinator];
    while (recorder.lastId < 3 * 4096 + 100) {
      recorder.appendTo(Math.min(recorder.lastId + 1024, 3 * 4096 + 100));
      recorder.settle(rest);
    }
    const request = recorder.control.requestSync();
    recorder.settle(rest);
    expect(recorder.durableId).toBe(0);
    const seen: number[] = [];
    files.before = (call) => {
      if (call.what === 'sync directory') seen.push(recorder.control.persistedSegments);
      return undefined;
    };
    recorder.maintainer.doWork();
    recorder.settle([recorder.coordinator]);
    expect(recorder.durableId).toBe(4096);
    recorder.settle();
    expect(recorder.control.hasSynced(request)).toBe(true);
    expect(recorder.durableId).toBe(3 * 4096 + 100);
    expect(seen[0]).toBe(1);
    recorder.kill();
  });

  test.each(['FS.00000000.wal', 'wal_meta.dat.tmp'])('a failed fdatasync of %s publishes nothing', (name) => {
    const { dir, files, recorder } = open();
    recorder.appendTo(10);
    recorder.sync();
    recorder.appendTo(20);
    const request = recorder.control.requestSync();
    recorder.settle([recorder.writer]);
    files.before = (call) => (call.what === 'sync' && call.file === name ? 'EIO' : undefined);
    expectCode(() => recorder.coordinator.doWork(), 'FSYNC_FAILED');
    expect(recorder.durableId).toBe(10);
    expect(recorder.control.hasSynced(request)).toBe(false);
    expect(readMeta(dir)?.eventId).toBe(10n);
    recorder.kill();
  });

  test('a segment whose descriptor is not handed over yet is synced, however far the maintainers are', () => {
    const { dir, files, recorder } = open();
    recorder.appendTo(300);
    const request = recorder.control.requestSync();
    recorder.settle([recorder.writer]);
    // As where the segment is filled and persisted while the coordinator is about to make it durable.
    recorder.control.startPersistedAt(1);
    files.calls.length = 0;
    recorder.coordinator.doWork();
    expect(recorder.control.hasSynced(request)).toBe(true);
    expect(readMeta(dir)?.eventId).toBe(300n);
    expect(files.calls[0]).toEqual({ what: 'sync', file: 'FS.00000000.wal' });
    recorder.kill();
  });

  test('a sync whose segment is retired before it is made durable reaches to the end of the segment', () => {
    const { dir, recorder } = open({ durability: 'none' });
    recorder.appendTo(100);
    const request = recorder.control.requestSync();
    recorder.settle([recorder.writer]);
    recorder.appendTo(150);
    // Both orders lie in the ring: the coordinator was not scheduled all the while.
    recorder.control.enter(Stage.writerStops);
    recorder.settle([recorder.writer]);
    recorder.control.enter(Stage.draining);
    recorder.settle([recorder.maintainer]);
    while (!recorder.coordinator.done) recorder.coordinator.doWork();
    expect(recorder.control.hasSynced(request)).toBe(true);
    expect(recorder.durableId).toBe(150);
    expect(readMeta(dir)?.eventId).toBe(150n);
    recorder.kill();
  });

  test('a failed sync of the directory publishes nothing', () => {
    const { files, recorder } = open();
    recorder.appendTo(20);
    recorder.control.requestSync();
    recorder.settle([recorder.writer]);
    files.before = ({ what }) => (what === 'sync directory' ? 'ENOSPC' : undefined);
    expectCode(() => recorder.coordinator.doWork(), 'FSYNC_FAILED');
    expect(recorder.durableId).toBe(0);
    recorder.kill();
  });

  test('a failed fdatasync of a full segment leaves it without a final header', () => {
    const { dir, files, recorder } = open();
    files.before = ({ what }) => (what === 'sync' ? 'EIO' : undefined);
    while (recorder.lastId < 4096) {
      recorder.appendTo(recorder.lastId + 1024);
      recorder.settle([recorder.writer]);
    }
    expectCode(() => recorder.maintainer.doWork(), 'FSYNC_FAILED');
    expect(readLog(dir).segments[0].state).toBe('open');
    expect(recorder.control.persistedSegments).toBe(0);
    recorder.kill();
  });

  test('a full disk at wal_meta.dat is tried again and not a failure', () => {
    const { dir, files, recorder } = open();
    recorder.appendTo(10);
    recorder.sync();
    recorder.appendTo(20);
    const request = recorder.control.requestSync();
    recorder.settle([recorder.writer]);
    files.before = (call) => (call.what === 'write' ? 'ENOSPC' : undefined);
    for (let tries = 0; tries < 3; tries++) expect(recorder.coordinator.doWork()).toBe(0);
    expect(recorder.control.diskFull).toBe(true);
    expect(recorder.durableId).toBe(10);
    expect(readMeta(dir)?.eventId).toBe(10n);
    files.before = () => undefined;
    recorder.settle();
    expect(recorder.control.diskFull).toBe(false);
    expect(recorder.control.hasSynced(request)).toBe(true);
    expect(readMeta(dir)?.eventId).toBe(20n);
    recorder.kill();
  });

  test('the room for the next position is taken ahead, and so needs none on a disk that is full by then', () => {
    const { dir, recorder } = open();
    recorder.appendTo(10);
    recorder.sync();
    const ahead = fs.statSync(join(dir, META_TEMP_FILE));
    expect([ahead.size, ahead.blocks > 0]).toEqual([32, true]);
    recorder.appendTo(20);
    expect(recorder.sync()).toBe(20);
    expect(fs.statSync(join(dir, META_FILE)).ino).toBe(ahead.ino);
    recorder.kill();
  });
});

describe('closing', () => {
  test('answers a sync that was asked for before', () => {
    const { recorder } = open();
    recorder.appendTo(10);
    const request = recorder.control.requestSync();
    recorder.close();
    expect(recorder.control.hasSynced(request)).toBe(true);
  });

  test.each([0, 1, 255, 256, 257, 4095, 4096, 4097])(
    'after %i events leaves sealed segments and all of it durable',
    (count) => {
      const { dir, recorder } = open();
      recorder.record(count);
      recorder.close();
      const log = readLog(dir);
      expect(log.ids).toEqual(range(1, count));
      expect(log.segments.every(({ state, status }) => state === 'sealed' && status === 'OK')).toBe(true);
      expect(recorder.durableId).toBe(count);
      if (count > 0) expect(readMeta(dir)?.eventId).toBe(BigInt(count));
    },
  );
});

describe('control', () => {
  test('the first failure stays, with its code, file and offset, told once in the message', () => {
    const control = new Control();
    control.fail(new WalError('FSYNC_FAILED', 'first (or so)', { file: '/log/a (b).wal', offset: 64 }));
    control.fail(new WalError('WRITE_FAILED', 'second'));
    const failure = control.failure();
    expect(failure).toMatchObject({ code: 'FSYNC_FAILED', file: '/log/a (b).wal', offset: 64 });
    expect(failure?.message).toBe('FSYNC_FAILED: first (or so) (file /log/a (b).wal, offset 64)');
    expect(new Control(control.buffer).failure()?.code).toBe('FSYNC_FAILED');
  });

  test.each(['x'.repeat(5000), 'ä"\u0000'.repeat(5000)])(
    'a failure keeps its code however long its text is',
    (text) => {
      const control = new Control();
      control.fail(new WalError('FSYNC_FAILED', text, { file: text }));
      expect(control.failure()?.code).toBe('FSYNC_FAILED');
      expect(control.failure()?.message).toMatch(/^FSYNC_FAILED: .{100}/);
    },
  );

  test('cursors go past 2^31', () => {
    const control = new Control();
    control.publishSynced(-(2 ** 31));
    expect(control.hasSynced(2 ** 31 - 1)).toBe(true);
    expect(control.hasSynced(-(2 ** 31) + 1)).toBe(false);
  });
});

test('no segment is forgotten while a maintainer is slow to take another one', () => {
  const { dir, recorder } = open();
  const { persist } = recorder.rings;
  const slow = SpmcRing.attach(persist.buffer);
  const recordSegments = (until: number) => {
    while (recorder.lastId < until * 4096) {
      recorder.appendTo(recorder.lastId + 512);
      recorder.settle([recorder.writer, recorder.preparer, recorder.coordinator]);
    }
  };
  recordSegments(1);
  // Taken and not given back: the ring has one place less than its size says.
  const at = slow.peek();
  const order = slow.words.slice(at, at + slow.recordWords);
  recordSegments(persist.capacity + 1);
  expect(persist.size).toBe(persist.capacity - 1);
  slow.release();
  recorder.settle([recorder.maintainer]);
  persist.push(order);
  recorder.settle();
  recordSegments(persist.capacity + 4);
  recorder.settle();
  expect(recorder.control.persistedSegments).toBe(persist.capacity + 4);
  expect(recorder.sync()).toBe(recorder.lastId);
  recorder.kill();
  expect(readLog(dir).ids).toEqual(range(1, recorder.lastId));
});

describe('running an agent', () => {
  test('ends when the agent is done, or another one has failed', async () => {
    let steps = 0;
    const lifecycle = Telemetry.create({ loop: 'lifecycle' }).lifecycle('loop');
    const agent = {
      role: Role.writer,
      doWork: () => ++steps,
      get done() {
        return steps === 3;
      },
    };
    await runAgent(
      agent,
      new BackoffIdle(1, 2, 2),
      new Control(),
      lifecycle,
      () => new WalError('WORKER_FAILED', ''),
    );
    expect(steps).toBe(3);
    expect(lifecycle.read()).toMatchObject({ loops: 3, idle: 0 });
    const failed = new Control();
    failed.fail(new WalError('WRITE_FAILED', ''));
    steps = 0;
    await runAgent(
      agent,
      new BackoffIdle(1, 2, 2),
      failed,
      lifecycle,
      () => new WalError('WORKER_FAILED', ''),
    );
    expect(steps).toBe(0);
  });

  test('makes an error of the agent the failure of all', async () => {
    const control = new Control();
    const agent = {
      role: Role.writer,
      done: false,
      doWork: () => {
        throw new Error('bad');
      },
    };
    await runAgent(
      agent,
      new BackoffIdle(1, 2, 2),
      control,
      Telemetry.create({ loop: 'lifecycle' }).lifecycle('loop'),
      (error) => new WalError('WORKER_FAILED', String(error)),
    );
    expect(control.failure()?.message).toContain('bad');
  });

  test('waits longer when there was nothing to do for a while', () => {
    const idle = new BackoffIdle(1, 50, 3);
    expect([1, 0, 0, 0, 0, 1, 0].map((work) => idle.idleMs(work))).toEqual([0, 1, 1, 50, 50, 0, 1]);
  });
});

function expectCode(action: () => void, code: string): void {
  let caught: unknown;
  try {
    action();
  } catch (error) {
    caught = error;
  }
  expect((caught as WalError | undefined)?.code).toBe(code);
}

test.each([0, 1, 2, 3, 4, 5])(
  'a disk that is full at the %i. write of a sync makes nothing else durable',
  (fail) => {
    const { dir, files, recorder } = open();
    recorder.appendTo(100);
    recorder.sync();
    // The block is full, and the engine has not told: the writer finds it by its ids and seals what it began.
    recorder.appendTo(256);
    let write = 0;
    files.before = ({ what }) => (what === 'write' && write++ === fail ? 'ENOSPC' : undefined);
    const request = recorder.control.requestSync();
    recorder.settle();
    recorder.settle();
    expect(recorder.control.hasSynced(request)).toBe(true);
    expect(recorder.durableId).toBe(256);
    expect(readMeta(dir)).toMatchObject({ offset: blockOffset(1), eventId: 256n, prefixChecksum: 0n });
    recorder.kill();
    expect(resumeAndStop({ dir })).toMatchObject({ lastEventId: 256n, movedAside: [], notes: [] });
  },
);
