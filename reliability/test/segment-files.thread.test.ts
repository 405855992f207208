/* S5, S9: segments that are deleted, and entries of the directory that are no segments. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { META_FILE, parseSegmentFileName, segmentFileName } from '@fswal/format';
import { expect, test } from 'vitest';
import { buildLog, SEGMENT_EVENTS } from '../src/harness/build-log.js';
import { differences, type LogImage, readImage, writeImage } from '../src/harness/log-copy.js';
import { needs } from '../src/harness/needs.js';
import { FULL, patience } from '../src/harness/scale.js';
import { checkLog, faultsOf, reopen, replay } from '../src/harness/verify-log.js';
import { newDir, newLogDir } from './helpers/directories.js';

const SEGMENTS = FULL ? 50 : 6;
const LAST = SEGMENTS * SEGMENT_EVENTS;
const log = buildLog({ events: LAST });

function without(isDeleted: (segmentIndex: number) => boolean): LogImage {
  return new Map(
    [...log].filter(([name]) => {
      const segment = parseSegmentFileName(name);
      return segment === undefined || !isDeleted(segment.segmentIndex);
    }),
  );
}

// All the positions; of those in the middle the gate takes the first and the last.
const middles = Array.from({ length: SEGMENTS - 2 }, (_, i) => i + 1).filter(
  (i) => FULL || i === 1 || i === SEGMENTS - 2,
);

test.each([1, 2, SEGMENTS - 1])(
  'opens a log whose oldest %i segments are deleted, and says where it begins',
  async (deleted) => {
    const dir = newLogDir();
    writeImage(
      dir,
      without((i) => i < deleted),
    );
    const from = deleted * SEGMENT_EVENTS + 1;
    const { report } = await replay(dir);
    expect(report).toMatchObject({
      oldestSegmentIndex: deleted,
      firstEventId: BigInt(from),
      lastEventId: BigInt(LAST),
    });
    const { faults } = await checkLog(dir, { atLeast: LAST, atMost: LAST, from });
    expect(faults).toEqual([]);
  },
);

test.each([
  ...middles.map((middle) => [`segment ${middle}`, (i: number) => i === middle, 'SEGMENT_GAP'] as const),
  ['all in the middle', (i: number) => i > 0 && i < SEGMENTS - 1, 'SEGMENT_GAP'] as const,
  ['the last segment', (i: number) => i === SEGMENTS - 1, 'DURABLE_LOST'] as const,
  ['the last two segments', (i: number) => i >= SEGMENTS - 2, 'DURABLE_LOST'] as const,
  ['all segments', () => true, 'DURABLE_LOST'] as const,
])('refuses a log of which %s is deleted, and changes nothing', async (_, isDeleted, code) => {
  const dir = newLogDir();
  writeImage(dir, without(isDeleted));
  const before = readImage(dir);
  const replayed = await replay(dir);
  expect(replayed.error?.code).toBe(code);
  expect(replayed.faults).toEqual([]);
  expect((await reopen(dir)).error?.code).toBe(code);
  expect(differences(before, readImage(dir))).toEqual([]);
});

const NEXT = segmentFileName(SEGMENTS);

/** Puts something that is no segment into a directory, under a name. */
const STRANGERS: Readonly<Record<string, (file: string) => void>> = {
  'an empty file': (file) => fs.writeFileSync(file, ''),
  'a file of garbage': (file) => fs.writeFileSync(file, new Uint8Array(5000).fill(0x5a)),
  'a directory': (file) => fs.mkdirSync(file),
  'a directory with files': (file) => {
    fs.mkdirSync(file);
    fs.writeFileSync(join(file, NEXT), 'x');
  },
  'a fifo': (file) => execFileSync('mkfifo', [file]),
  'a link to a segment of another log': (file) => {
    const other = join(newDir(), segmentFileName(0));
    fs.writeFileSync(other, log.get(segmentFileName(0)) as Uint8Array);
    fs.symlinkSync(other, file);
  },
  'a link to nowhere': (file) => fs.symlinkSync('/nowhere/at/all', file),
  'a second name of another file': (file) => {
    const other = join(newDir(), 'other');
    fs.writeFileSync(other, 'precious');
    fs.linkSync(other, file);
  },
  'a socket': (file) => fs.renameSync(socketIn(newDir()), file),
};

/** A socket keeps its entry when it is not closed in order. */
function socketIn(dir: string): string {
  const file = join(dir, 'socket');
  const script = `require('net').createServer().listen(${JSON.stringify(file)}, () => process.kill(process.pid, 'SIGKILL'))`;
  try {
    execFileSync(process.execPath, ['-e', script], { stdio: 'ignore' });
  } catch {
    // Killed by itself, as it was told to.
  }
  return file;
}

/** What an entry is, and the bytes behind it. */
function stateOf(file: string): string {
  const stats = fs.lstatSync(file);
  const bytes = stats.isFile() ? fs.readFileSync(file).toString('hex') : '';
  return `${stats.mode.toString(8)} ${stats.nlink} ${stats.size} ${bytes}`;
}

/** Opens the log in every way; none may hang, or throw what is no WalError. @returns the codes of the errors */
async function openWith(dir: string, name: string, put: (file: string) => void) {
  writeImage(dir, log);
  put(join(dir, name));
  const before = stateOf(join(dir, name));
  const replayed = await replay(dir);
  const reopened = await reopen(dir, 1);
  const kept = fs
    .readdirSync(dir)
    .filter((entry) => entry.startsWith(name))
    .map((entry) => stateOf(join(dir, entry)));
  return { replayed, reopened, isKept: kept.includes(before) };
}

const NAMES_OF_NO_CONCERN = [
  'FS.1.wal',
  'fs.00000001.wal',
  'FS.00000001.WAL',
  'FS.00000001.wal.bak',
  'FS.-0000001.wal',
  'FS.00000001.wal\n',
  'notes',
];

test.each(Object.keys(STRANGERS))(
  'takes no notice of %s under a name that is none of the log',
  { timeout: patience(120_000) },
  async (kind) => {
    const dir = newLogDir();
    const names = FULL
      ? NAMES_OF_NO_CONCERN
      : [NAMES_OF_NO_CONCERN[Object.keys(STRANGERS).indexOf(kind) % NAMES_OF_NO_CONCERN.length] as string];
    for (const name of names) {
      const { replayed, reopened, isKept } = await openWith(
        dir,
        name,
        STRANGERS[kind] as (file: string) => void,
      );
      expect(faultsOf(replayed, { atLeast: LAST, atMost: LAST }), name).toEqual([]);
      expect(reopened, name).toMatchObject({ lastId: LAST, error: undefined });
      expect(isKept, name).toBe(true);
    }
  },
);

test.each(Object.keys(STRANGERS))(
  'takes no event from %s under the name of the next segment, and never waits for it',
  async (kind) => {
    const dir = newLogDir();
    const { replayed, reopened, isKept } = await openWith(
      dir,
      NEXT,
      STRANGERS[kind] as (file: string) => void,
    );
    expect(replayed.faults).toEqual([]);
    expect(replayed.lastId).toBe(LAST);
    // Refused, with the reason; or gone on with, where it was a file that nothing is in.
    if (reopened.error !== undefined)
      expect(['OPEN_FAILED', 'FILE_ALREADY_EXISTS']).toContain(reopened.error.code);
    else expect(reopened.lastId).toBe(LAST);
    if (kind !== 'an empty file') expect(isKept).toBe(true);
  },
);

test.skipIf(needs('root'))('never opens a device under the name of a segment', async () => {
  const dir = newLogDir();
  // A terminal that does not exist: opening it fails or waits, and reading /dev/zero never ends.
  for (const [major, minor] of [
    [1, 5],
    [5, 0],
  ]) {
    const put = (file: string) => execFileSync('mknod', [file, 'c', String(major), String(minor)]);
    const { replayed, reopened } = await openWith(dir, NEXT, put);
    expect(replayed.error?.code).toBe('OPEN_FAILED');
    expect(reopened.error?.code).toBe('OPEN_FAILED');
  }
});

test('never waits for a fifo or a socket under any other name of the log', async () => {
  const dir = newLogDir();
  for (const name of [
    META_FILE,
    'wal_tail.ring',
    'wal_tail.place',
    `${META_FILE}.tmp`,
    `${NEXT}.tmp`,
    `${NEXT}.lz4`,
  ]) {
    for (const kind of ['a fifo', 'a socket', 'a directory']) {
      writeImage(dir, log);
      fs.rmSync(join(dir, name), { force: true });
      (STRANGERS[kind] as (file: string) => void)(join(dir, name));
      const replayed = await replay(dir);
      expect(replayed.faults, `${kind} named ${name}`).toEqual([]);
      const { error } = await reopen(dir);
      const after = fs.lstatSync(join(dir, name), { throwIfNoEntry: false });
      expect(after?.isFile() ?? false, `${kind} named ${name}`).toBe(false);
      if (error === undefined) continue;
      expect(['OPEN_FAILED', 'FILE_NOT_DELETED'], `${kind} named ${name}: ${error.message}`).toContain(
        error.code,
      );
      expect(after, `${kind} named ${name}`).toBeDefined();
    }
  }
});
