import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RequestEvent } from '@fswal/format';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeCheckpoint } from '../src/checkpoint/checkpoint.js';
import {
  checkpointDirectory,
  checkpointName,
  listCheckpoints,
  readCheckpoint,
  unfinishedName,
} from '../src/checkpoint/checkpoint-files.js';
import { CheckpointStore } from '../src/checkpoint/checkpoint-store.js';
import { WordWriter } from '../src/engine/state-words.js';
import { Venue } from '../src/engine/venue.js';
import { specOfSeed } from '../src/flow/flow-spec.js';
import { Recording } from '../src/log/recording.js';
import { recoverState } from '../src/log/recover-state.js';

const WRITER = fileURLToPath(new URL('children/write-checkpoint.js', import.meta.url));

let parent: string;
let dir: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'engine-sim-test-'));
  dir = join(parent, 'checkpoints');
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

/** Where the writer makes calls: in the directory and on its files, or only on the one that it writes, or on the other. */
type Where = 'any' | 'unfinished' | 'other';

/** Each call that the writer makes there, and the n-th of that name in its thread. */
const CALLS: [string, number, Where][] = [
  ['openat', 1, 'any'],
  ['openat', 2, 'any'],
  ['getdents64', 1, 'any'],
  ['openat', 1, 'unfinished'],
  ['fchmod', 1, 'any'],
  ['write', 1, 'any'],
  ['fdatasync', 1, 'any'],
  ['close', 1, 'unfinished'],
  ['close', 2, 'any'],
  ['rename', 1, 'any'],
  ['fsync', 1, 'any'],
  ['unlink', 1, 'any'],
];

/** Runs the writer, all its file calls on one thread beside the main one, with something injected into one of them. */
async function write(
  call: string,
  when: number,
  where: Where,
  action: string,
): Promise<{ said: string; trace: string }> {
  const unfinished = join(dir, unfinishedName(9n));
  const other = join(dir, checkpointName(3n));
  const places = {
    any: [dir, unfinished, join(dir, checkpointName(9n)), other],
    unfinished: [unfinished],
    other: [other],
  };
  const log = join(parent, 'trace');
  const paths = places[where].flatMap((path) => ['-P', path]);
  const inject = ['-e', `trace=${call}`, '-e', `inject=${call}:${action}:when=${when}`];
  const args = ['-f', '-qq', '-o', log, ...paths, ...inject, process.execPath, WRITER, dir];
  const child = spawn('strace', args, {
    env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await once(child, 'close');
  return { said, trace: readFileSync(log, 'latin1') };
}

async function writeFirst(): Promise<void> {
  const bytes = encodeCheckpoint(RequestEvent.from({ eventId: 3 }), new Venue(), new WordWriter());
  await CheckpointStore.open(dir).write(3n, bytes, async () => undefined);
}

/** Each checkpoint that is there is sound, and at least one is. @returns their ids, the newest first */
function soundIds(): number[] {
  const found = listCheckpoints(dir);
  for (const one of found) expect(readCheckpoint(one).event.eventIdBig).toBe(one.eventId);
  expect(found.length).toBeGreaterThan(0);
  return found.map(({ eventId }) => Number(eventId));
}

describe.skipIf(!canTrace())('a checkpoint that is being written', () => {
  it.each(CALLS)('is there whole or not at all after a kill at %s %i, %s', async (call, when, where) => {
    await writeFirst();
    const { trace } = await write(call, when, where, 'signal=SIGKILL');
    expect(trace).toContain('killed by SIGKILL');
    const before = soundIds();
    CheckpointStore.open(dir);
    expect(soundIds()).toEqual(before);
    expect(readdirSync(dir).sort()).toEqual(before.map((id) => checkpointName(BigInt(id))).sort());
  });

  it.each(CALLS)(
    'is there whole or not at all after an error of %s %i, %s: it is told',
    async (call, when, where) => {
      for (const errno of ['EIO', 'ENOSPC']) {
        rmSync(dir, { recursive: true, force: true });
        await writeFirst();
        const { said, trace } = await write(call, when, where, `error=${errno}`);
        expect(trace).toContain('(INJECTED)');
        expect(said, errno).toMatch(/^(DISK_FULL|FILE_NOT_DELETED|[A-Z]+_FAILED)$/);
        soundIds();
        expect(readdirSync(dir).filter((name) => name.endsWith('.tmp'))).toEqual([]);
      }
    },
  );

  it('is there beside one that cannot be read, which is moved aside', async () => {
    await writeFirst();
    const { said, trace } = await write('openat', 1, 'other', 'error=EIO');
    expect(trace).toContain('(INJECTED)');
    expect([said, soundIds()]).toEqual(['', [9]]);
    expect(readdirSync(dir)).toContain(`${checkpointName(3n)}.broken`);
  });
});

describe.skipIf(!canMount())('checkpoints on a full disk', () => {
  it('are done without until there is room, and the recording goes on', async () => {
    const logDir = join(parent, 'log');
    const checkpoints = checkpointDirectory(logDir);
    mkdirSync(checkpoints);
    const events = 60_000;
    const record = async (): Promise<Recording> => {
      const recording = await Recording.open({ dir: logDir, flow: specOfSeed(8), checkpoints: { events } });
      await recording.run(events);
      await recording.close();
      return recording;
    };
    // Room for one of them, each about 50 KB.
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', checkpoints]);
    try {
      expect((await record()).checkpoints).toMatchObject({ written: 1, failed: 0 });
      const full = await record();
      expect(full.checkpoints).toMatchObject({ written: 0, failed: 1 });
      expect(full.checkpoints!.lastFailure).toContain('DISK_FULL');
      expect(readdirSync(checkpoints)).toEqual([checkpointName(60_000n)]);
      expect((await recoverState({ dir: logDir, flow: specOfSeed(8) })).checkpoint?.eventId).toBe(60_000n);
      execFileSync('mount', ['-o', 'remount,size=1m', checkpoints]);
      const roomy = await record();
      expect(roomy.recovered.checkpoint?.eventId).toBe(60_000n);
      expect(roomy.checkpoints).toMatchObject({ written: 1, failed: 0, lastEventId: 180_000n });
    } finally {
      execFileSync('umount', [checkpoints]);
    }
  });
});

function canTrace(): boolean {
  return runs('strace', '-qq', '-o', '/dev/null', 'true');
}

function runs(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Tried out, since root in a container may do less than root. */
function canMount(): boolean {
  const place = mkdtempSync(join(tmpdir(), 'engine-sim-test-'));
  try {
    return runs('mount', '-t', 'tmpfs', 'tmpfs', place) && runs('umount', place);
  } finally {
    rmSync(place, { recursive: true });
  }
}
