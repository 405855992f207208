/*
 * A1: a log that this process must not or cannot write. The recorder says so with a typed error before it has changed
 * anything; recovery reads all of it, and writes nothing.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { META_FILE, segmentFileName, TAIL_RING_FILE } from '@fswal/format';
import { expect, onTestFinished, test } from 'vitest';
import { buildLog, buildRing, SEGMENT_EVENTS } from '../src/harness/build-log.js';
import { differences, readImage, writeImage } from '../src/harness/log-copy.js';
import { needs } from '../src/harness/needs.js';
import { faultsOf, reopen, replay } from '../src/harness/verify-log.js';
import { newDir } from './helpers/directories.js';

const OPEN_BOTH = fileURLToPath(new URL('../src/harness/children/open-both.js', import.meta.url));
/** Of nobody. */
const OTHER_USER = 65_534;
/** Not on tmpfs, which knows no immutable files. */
const ON_DISK = '/var/tmp';

/** As a killed recorder leaves it: a recorder that opened it would write in every one of these files. */
const IN_SEGMENTS = SEGMENT_EVENTS + 700;
const LAST = IN_SEGMENTS + 600;
const log = new Map([
  ...buildLog({ events: IN_SEGMENTS, durable: IN_SEGMENTS - 50 }),
  [TAIL_RING_FILE, buildRing({ after: 0, lastId: LAST, tailBlocks: 24 })],
]);
const ACTIVE = segmentFileName(1);

function killedLog(parent = ON_DISK): string {
  const dir = join(newDir(parent), 'log');
  writeImage(dir, log);
  return dir;
}

/** Names, contents, owners and times of everything in a directory, and its own. */
function stateOf(dir: string): string[] {
  return ['.', ...fs.readdirSync(dir)].map((name) => {
    const { mode, uid, ino, size, mtimeNs, ctimeNs } = fs.lstatSync(join(dir, name), { bigint: true });
    return [name, mode, uid, ino, size, mtimeNs, ctimeNs].join(' ');
  });
}

/** The recorder refuses, nothing has changed, and recovery reads everything without a change either. */
async function expectReadOnly(dir: string, codes: readonly string[] = ['OPEN_FAILED']): Promise<void> {
  const before = stateOf(dir);
  const image = readImage(dir);
  const { error } = await reopen(dir, 1);
  expect(codes, String(error)).toContain(error?.code);
  expect(error?.file ?? dir).toContain(dir);
  expect(stateOf(dir)).toEqual(before);
  expect(faultsOf(await replay(dir), { atLeast: LAST, atMost: LAST })).toEqual([]);
  expect(stateOf(dir)).toEqual(before);
  expect(differences(image, readImage(dir))).toEqual([]);
}

test('the log of these tests can be opened where nothing forbids it', async () => {
  const dir = killedLog();
  expect(faultsOf(await replay(dir), { atLeast: LAST, atMost: LAST })).toEqual([]);
  expect(await reopen(dir)).toMatchObject({ lastId: LAST, error: undefined });
  expect(differences(log, readImage(dir)).length).toBeGreaterThan(1);
});

test.skipIf(needs('root', 'mount'))('a read-only file system', async () => {
  const dir = killedLog();
  execFileSync('mount', ['--bind', dir, dir]);
  try {
    execFileSync('mount', ['-o', 'remount,ro,bind', dir]);
    await expectReadOnly(dir);
  } finally {
    execFileSync('umount', [dir]);
  }
});

test.skipIf(needs('root', 'chattr')).each(['.', ACTIVE, META_FILE, TAIL_RING_FILE])(
  'an immutable %s',
  async (name) => {
    const dir = killedLog();
    const file = join(dir, name);
    execFileSync('chattr', ['+i', file]);
    try {
      await expectReadOnly(dir, ['OPEN_FAILED', 'WRITE_FAILED', 'FSYNC_FAILED', 'FILE_NOT_DELETED']);
    } finally {
      execFileSync('chattr', ['-i', file]);
    }
  },
);

test.skipIf(needs('root')).each(['.', ACTIVE, META_FILE, TAIL_RING_FILE])(
  '%s of another user',
  async (name) => {
    const dir = killedLog();
    fs.chownSync(join(dir, name), OTHER_USER, OTHER_USER);
    await expectReadOnly(dir);
  },
);

test.skipIf(needs('linux')).each([0o770, 0o702, 0o777])(
  'a directory that others may write to, mode %o',
  async (mode) => {
    const dir = killedLog();
    fs.chmodSync(dir, mode);
    await expectReadOnly(dir);
  },
);

/** The code that another user runs lies in the working tree. */
const AS_ANOTHER_USER = ['root', 'setpriv', 'a working tree that other users may read'] as const;

/** What another user makes of a log. */
function asOtherUser(dir: string): { recovered: number; recovery: string; recorder: string } {
  const user = ['--reuid', String(OTHER_USER), '--regid', String(OTHER_USER), '--clear-groups'];
  return JSON.parse(
    execFileSync('setpriv', [...user, process.execPath, OPEN_BOTH, dir], { encoding: 'utf8' }),
  );
}

/** Opens the way to a directory for everybody, for the time of the test. */
function letIn(dir: string, dirMode: number, fileMode: number): void {
  fs.chmodSync(join(dir, '..'), 0o755);
  for (const name of fs.readdirSync(dir)) fs.chmodSync(join(dir, name), fileMode);
  fs.chmodSync(dir, dirMode);
  onTestFinished(() => fs.chmodSync(dir, 0o700));
}

test.skipIf(needs(...AS_ANOTHER_USER))('a user who may read it and not write it', () => {
  const dir = killedLog();
  letIn(dir, 0o755, 0o644);
  const before = stateOf(dir);
  expect(asOtherUser(dir)).toEqual({ recovered: LAST, recovery: 'OK', recorder: 'OPEN_FAILED' });
  expect(stateOf(dir)).toEqual(before);
});

test.skipIf(needs(...AS_ANOTHER_USER))('the owner of a directory of mode 0555', () => {
  const dir = killedLog();
  letIn(dir, 0o555, 0o644);
  for (const name of ['.', ...fs.readdirSync(dir)]) fs.chownSync(join(dir, name), OTHER_USER, OTHER_USER);
  const before = stateOf(dir);
  const { recorder, ...recovery } = asOtherUser(dir);
  expect(recovery).toEqual({ recovered: LAST, recovery: 'OK' });
  expect(['OPEN_FAILED', 'WRITE_FAILED', 'FSYNC_FAILED', 'FILE_NOT_DELETED']).toContain(recorder);
  expect(stateOf(dir)).toEqual(before);
});

test.skipIf(needs(...AS_ANOTHER_USER))('a user who may not even read it', () => {
  const dir = killedLog();
  letIn(dir, 0o755, 0o600);
  const before = stateOf(dir);
  expect(asOtherUser(dir)).toEqual({ recovered: 0, recovery: 'OPEN_FAILED', recorder: 'OPEN_FAILED' });
  expect(stateOf(dir)).toEqual(before);
});
