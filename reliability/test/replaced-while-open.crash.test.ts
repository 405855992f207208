/* C5: the log's directory, or a file in it, is removed or replaced while the log is open. */
import fs from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { BLOCK_EVENTS, META_FILE, segmentFileName, WalError } from '@fswal/format';
import { type Durability, RecorderManager } from '@fswal/recorder';
import { expect, test } from 'vitest';
import { count, patience } from '../src/harness/scale.js';
import { scanLog } from '../src/harness/scan-log.js';
import { appendTo, SMALL_LOG } from '../src/harness/verify-log.js';
import { newLogDir, removeLogDir } from './helpers/directories.js';

const TIMES = count({ gate: 1, full: 200 });
/** After how many of them a log that nobody syncs must have looked where it is. */
const ROTATIONS = 24;
/** The second, where the next segment cannot be made any more. */
const FAILURES = ['FSYNC_FAILED', 'OPEN_FAILED'];

type Harm = (dir: string, activeSegment: string) => void;

const HARMS: Readonly<Record<string, Harm>> = {
  'the directory is moved away': (dir) => fs.renameSync(dir, `${dir}-moved`),
  // Again where a worker has put a file there meanwhile.
  'the directory is removed': (dir) => fs.rmSync(dir, { recursive: true, maxRetries: 50, retryDelay: 5 }),
  'another directory takes its place': (dir) => {
    fs.renameSync(dir, `${dir}-moved`);
    fs.mkdirSync(dir, { mode: 0o700 });
  },
  'the active segment is removed': (_, active) => fs.unlinkSync(active),
  'another file takes the place of the active segment': (_, active) => {
    fs.copyFileSync(active, `${active}-copy`);
    fs.renameSync(`${active}-copy`, active);
  },
};

/** A recorder with durable events, and its log harmed. */
async function openAndHarm(durability: Durability, harm: Harm) {
  const dir = newLogDir();
  const recorder = await RecorderManager.open({ dir, ...SMALL_LOG, durability, syncIntervalMs: 5 });
  appendTo(recorder, 1000);
  const durable = await recorder.sync();
  harm(dir, join(dir, segmentFileName(recorder.metaState.segmentIndex)));
  return { dir, recorder, durable };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'OK';
  } catch (error) {
    return error instanceof WalError ? error.code : String(error);
  }
}

/** From now on nothing is taken, at the latest from the next block on; nothing is durable, and everything is released. */
async function expectPoisoned(recorder: RecorderManager, durable: bigint, code: string): Promise<void> {
  expect(() => appendTo(recorder, BLOCK_EVENTS + 1)).toThrow(code);
  expect(() => appendTo(recorder, 1)).toThrow(code);
  expect(await codeOf(recorder.sync())).toBe(code);
  expect(await codeOf(recorder.waitDurable(recorder.metaState.eventId))).toBe(code);
  expect(recorder.durableEventId).toBe(durable);
  expect(recorder.watermarks.durable).toBe(durable);
  expect(await codeOf(recorder.close())).toBe(code);
}

function descriptors(): number {
  return fs.existsSync('/proc/self/fd') ? fs.readdirSync('/proc/self/fd').length : 0;
}

test.each(Object.keys(HARMS))(
  'the next sync finds that %s, and nothing is durable any more',
  { timeout: patience(60_000) },
  async (name) => {
    for (let n = 0; n < TIMES; n++) {
      const before = descriptors();
      const { dir, recorder, durable } = await openAndHarm('none', HARMS[name] as Harm);
      appendTo(recorder, 10);
      const heard = await codeOf(recorder.sync());
      expect(FAILURES).toContain(heard);
      await expectPoisoned(recorder, durable, heard);
      expect(descriptors()).toBeLessThanOrEqual(before);
      removeLogDir(dir);
    }
  },
);

test.each(Object.keys(HARMS))(
  'a log that rotates finds without being asked that %s',
  { timeout: patience(60_000) },
  async (name) => {
    for (let n = 0; n < TIMES; n++) {
      const { dir, recorder, durable } = await openAndHarm('none', HARMS[name] as Harm);
      try {
        const heard = await appendUntilError(recorder);
        expect(FAILURES, `after ${ROTATIONS} rotations`).toContain(heard);
        await expectPoisoned(recorder, durable, heard);
      } finally {
        await codeOf(recorder.close());
        removeLogDir(dir);
      }
    }
  },
);

/** Appends over some rotations. @returns the code of the error that ended it */
async function appendUntilError(recorder: RecorderManager): Promise<string> {
  for (let left = ROTATIONS * 16; left > 0; left--) {
    try {
      appendTo(recorder, BLOCK_EVENTS);
      await nextTurn();
    } catch (error) {
      return error instanceof WalError ? error.code : String(error);
    }
  }
  return 'no error';
}

test('the first append after a sync that failed throws', async () => {
  const { recorder } = await openAndHarm('none', HARMS['the directory is removed'] as Harm);
  try {
    const heard = await codeOf(recorder.sync());
    expect(FAILURES).toContain(heard);
    expect(() => appendTo(recorder, 1)).toThrow(heard);
  } finally {
    await codeOf(recorder.close());
  }
});

test.each(['interval', 'group'] as const)(
  'who waits with durability %s hears that the directory is removed',
  async (durability) => {
    const { recorder, durable } = await openAndHarm(durability, HARMS['the directory is removed'] as Harm);
    const id = appendTo(recorder, 10);
    const heard = await codeOf(recorder.waitDurable(id));
    expect(FAILURES).toContain(heard);
    await expectPoisoned(recorder, durable, heard);
  },
);

test('a metadata file that is removed is written anew, and nothing is lost', async () => {
  const { dir, recorder } = await openAndHarm('none', (dir) => fs.unlinkSync(join(dir, META_FILE)));
  const id = appendTo(recorder, 10);
  expect(await recorder.sync()).toBe(BigInt(id));
  await recorder.close();
  expect(scanLog(dir)).toMatchObject({ lastId: id, durableSource: META_FILE, faults: [], error: undefined });
});
