/*
 * C7: a log is followed by threads and processes while it is written, rotated, compressed and retained, over the deaths
 * of its recorder, and beyond what retention leaves. Reading takes no lock and writes nothing.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RecorderManager } from '@fswal/recorder';
import { expect, test } from 'vitest';
import { readTouches, straceAll } from '../src/faults/touched-paths.js';
import { aftermath } from '../src/harness/aftermath.js';
import { type FollowConfig, Follower, type FollowWay } from '../src/harness/follower.js';
import { needs } from '../src/harness/needs.js';
import { Recording } from '../src/harness/recording.js';
import { count, patience } from '../src/harness/scale.js';
import { seeded } from '../src/harness/seeded.js';
import { appendTo, reopen, SMALL_LOG } from '../src/harness/verify-log.js';
import { newLogDir } from './helpers/directories.js';

const FOLLOWERS = 4;
/** Delivered by all of them together. */
const EVENTS = count({ gate: 10_000_000, full: 10_000_000_000 }) / FOLLOWERS;
/** How far the engine runs ahead of the slowest: less than retention leaves, which heeds no other process. */
const LEAD = 8 * 64 * 256;
const KEPT = {
  blocksPerSegment: 64,
  maxSegments: 4,
  maxCompressedSegments: 12,
  volatilePlace: 'allow',
} as const;

/** What Node itself writes to. */
const NO_FILE = /^\/dev\/(null|pts\/\d+|tty)$/;

const fromStart = (dir: string, how: FollowWay): FollowConfig => ({ dir, fromEventId: 1, how });

test(
  '4 followers get every event once and whole while a recorder writes, rotates, compresses and retains',
  {
    timeout: patience(120_000),
  },
  () =>
    seeded(async (random) => {
      const dir = newLogDir();
      const recorder = await RecorderManager.open({ dir, ...KEPT });
      const followers = [
        Follower.inThread(fromStart(dir, 'nextBlock')),
        Follower.inThread(fromStart(dir, 'iterator')),
        Follower.inProcess(fromStart(dir, 'next')),
        Follower.inProcess(fromStart(dir, 'nextBlock')),
      ];
      let last = 0;
      while (last < EVENTS) {
        last = appendTo(recorder, random.pick([1, 10, 300, 5_000, 20_000, 40_000]));
        // Some end amid a block, and are quiet long enough to be written like that.
        if (random.below(10) === 0) await sleep(random.below(4));
        if (random.below(50) === 0) await recorder.sync();
        do await sleep(0);
        while (followers.some(({ at = 0 }) => at < last - LEAD));
      }
      for (const follower of followers) {
        expect(await follower.until(last)).toEqual({ at: last, events: last, faults: [], error: null });
      }
      const names = fs.readdirSync(dir);
      await recorder.close();
      expect(names.some((name) => name.endsWith('.lz4'))).toBe(true);
      expect(names).not.toContain('FS.00000000.wal.lz4');
    }),
);

test(
  'a follower in another process goes on over the deaths of recorders',
  {
    timeout: patience(120_000),
  },
  () =>
    seeded(async (random) => {
      const kills = count({ gate: 6, full: 1_000 });
      const dir = newLogDir();
      fs.mkdirSync(dir, { mode: 0o700 });
      const followers = [
        Follower.inProcess(fromStart(dir, 'next')),
        Follower.inProcess(fromStart(dir, 'iterator')),
      ];
      const options = { ...SMALL_LOG, maxSegments: 2, maxCompressedSegments: 1_000_000 };
      let last = 0;
      for (let kill = 0; kill < kills; kill++) {
        const seed = random.below(2 ** 30);
        const recording = Recording.start({ dir, marksFile: join(dir, '..', 'marks'), seed, options });
        await recording.firstAppend();
        await sleep(random.below(150));
        const ended = await recording.kill();
        const { faults, lastId } = aftermath(dir, recording, last);
        expect([...ended, ...faults, recording.stderr], `kill ${kill}`).toEqual(['']);
        last = lastId;
      }
      // What the last one had in its ring alone comes into segments.
      await reopen(dir, 1, options);
      for (const follower of followers) {
        const events = last + 1;
        expect(await follower.until(events)).toEqual({ at: events, events, faults: [], error: null });
      }
    }),
);

test('a follower that retention has passed is told the oldest event kept, and can go on from there', {
  timeout: patience(60_000),
}, async () => {
  const dir = newLogDir();
  const recorder = await RecorderManager.open({ dir, ...SMALL_LOG, maxSegments: 2 });
  const some = appendTo(recorder, 1000);
  const follower = Follower.inProcess(fromStart(dir, 'next'));
  while (follower.at !== some) await sleep(1);
  process.kill(follower.pid, 'SIGSTOP');
  let last = 0;
  for (let segments = 0; segments < 40; segments++) {
    last = appendTo(recorder, 16 * 256);
    await recorder.sync();
    await sleep(1);
  }
  process.kill(follower.pid, 'SIGCONT');
  const { at, faults, error } = await follower.ended();
  expect({ faults, code: error?.code }).toEqual({ faults: [], code: 'SEGMENT_NOT_FOUND' });
  const oldest = Number(error?.eventId);
  expect(oldest).toBeGreaterThan(at + 1);
  expect(error?.message).toContain(`events after ${at} were removed by retention`);
  const next = Follower.inProcess({ dir, fromEventId: oldest, how: 'next' });
  expect(await next.until(last)).toMatchObject({ at: last, faults: [], error: null });
  await recorder.close();
});

test.skipIf(needs('linux', 'strace'))(
  'a follower changes and locks nothing',
  {
    timeout: patience(60_000),
  },
  async () => {
    const dir = newLogDir();
    const recorder = await RecorderManager.open({
      dir,
      ...SMALL_LOG,
      maxSegments: 3,
      maxCompressedSegments: 99,
    });
    const trace = join(dir, '..', 'trace');
    const follower = Follower.inProcess(fromStart(dir, 'next'), straceAll(trace));
    let last = 0;
    for (let n = 0; n < 30; n++) {
      last = appendTo(recorder, 2000);
      await recorder.sync();
    }
    expect(await follower.until(last)).toEqual({ at: last, events: last, faults: [], error: null });
    await recorder.close();
    const touches = readTouches(trace);
    // Without these the trace is not what it is taken for: what it says to its parent, by a socket.
    expect(touches.some(({ text }) => text.includes('socket:['))).toBe(true);
    const files = touches.filter(({ paths }) =>
      paths.some((path) => path.startsWith('/') && !NO_FILE.test(path)),
    );
    expect(files.map(({ text }) => text.slice(0, 300))).toEqual([]);
    expect(fs.readdirSync(dir).some((name) => name.endsWith('.lz4'))).toBe(true);
  },
);
