/* The directory of a log, and what may lie in it. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { META_FILE, parseSegmentFileName, segmentFileName, TAIL_RING_FILE, WalError } from '@fswal/format';
import { listLogDirectory } from '@fswal/format/files';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Folder } from '../src/folder.js';
import { logPlace } from '../src/place.js';
import { FAST, newDir, newLogDir, snapshot } from './helpers/directories.js';
import { HandRecorder, resumeAndStop } from './helpers/hand-recorder.js';

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof WalError) return error.code;
    throw error;
  }
  return 'nothing was thrown';
}

function modes(dir: string): string[] {
  return fs.readdirSync(dir).map((name) => (fs.lstatSync(join(dir, name)).mode & 0o7777).toString(8));
}

describe('a log directory', () => {
  test.each([0o000, 0o022, 0o077, 0o777])('has mode 700 and its files 600 under umask %o', (umask) => {
    const old = process.umask(umask);
    onTestFinished(() => void process.umask(old));
    const dir = newLogDir();
    const recorder = new HandRecorder({ dir, limits: { maxSegments: 1, maxCompressedSegments: 2 } });
    recorder.record(16 * 256 * 4);
    recorder.sync();
    recorder.kill();
    fs.chmodSync(join(dir, TAIL_RING_FILE), 0o600);
    expect((fs.statSync(dir).mode & 0o7777).toString(8)).toBe('700');
    expect(new Set(modes(dir))).toEqual(new Set(['600']));
  });

  test.each([0o770, 0o702, 0o777, 0o722, 0o1777])(
    'that others may write to (mode %o) is refused, unless that is wanted',
    (mode) => {
      const dir = newDir();
      fs.chmodSync(dir, mode);
      expect(codeOf(() => Folder.open(dir, false))).toBe('OPEN_FAILED');
      expect(fs.readdirSync(dir)).toEqual([]);
      Folder.open(dir, true).close();
    },
  );

  test.each([0o700, 0o750, 0o755, 0o711])('that others may only read (mode %o) is taken', (mode) => {
    const dir = newDir();
    fs.chmodSync(dir, mode);
    Folder.open(dir, false).close();
  });

  const notRoot = process.geteuid?.() !== 0;
  test.skipIf(notRoot)(
    notRoot ? 'of another user is refused (needs root)' : 'of another user is refused',
    () => {
      const dir = newDir();
      fs.chownSync(dir, 12_345, 12_345);
      expect(codeOf(() => Folder.open(dir, false))).toBe('OPEN_FAILED');
      Folder.open(dir, true).close();
    },
  );

  test('that is a file is refused', () => {
    const file = join(newDir(), 'log');
    fs.writeFileSync(file, 'mine');
    expect(codeOf(() => Folder.open(file, false))).toBe('OPEN_FAILED');
    expect(fs.readFileSync(file, 'utf8')).toBe('mine');
  });
});

describe('what is planted under a name of the log is refused, and nothing changed', () => {
  const names = [
    segmentFileName(0),
    segmentFileName(1),
    `${segmentFileName(2)}.tmp`,
    META_FILE,
    `${segmentFileName(0)}.lz4`,
    TAIL_RING_FILE,
  ];
  const kinds = {
    'a symbolic link': (at: string, victim: string) => fs.symlinkSync(victim, at),
    'a hard link': (at: string, victim: string) => fs.linkSync(victim, at),
    'a fifo': (at: string) => execFileSync('mkfifo', [at]),
    'a directory': (at: string) => fs.mkdirSync(at),
    'a socket': (at: string) =>
      execFileSync('python3', [
        '-c',
        `import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])`,
        at,
      ]),
    'a device': (at: string) => execFileSync('mknod', [at, 'c', '1', '3']),
  };
  const cases = Object.keys(kinds).flatMap((kind) =>
    names.map((name) => [kind as keyof typeof kinds, name] as const),
  );

  test.each(cases)('%s as %s', (kind, name) => {
    const parent = newDir();
    const dir = join(parent, 'log');
    fs.mkdirSync(dir, { mode: 0o700 });
    const victim = join(parent, 'victim');
    // Content that a log would like, were it a file of its own.
    fs.writeFileSync(victim, Buffer.alloc(32));
    try {
      kinds[kind](join(dir, name), victim);
    } catch {
      console.info(`skipped: ${kind} cannot be made here`);
      return;
    }
    expect(codeOf(() => resumeAndStop({ dir }))).toBe('OPEN_FAILED');
    expect(fs.readdirSync(dir)).toEqual([name]);
    expect(fs.readFileSync(victim)).toEqual(Buffer.alloc(32));
  });
});

describe('swapped while the log is open', () => {
  test('for a link to another place, nothing is written there', () => {
    const parent = newDir();
    const dir = join(parent, 'log');
    const elsewhere = join(parent, 'elsewhere');
    fs.mkdirSync(elsewhere, { mode: 0o700 });
    const recorder = new HandRecorder({ dir, limits: { maxSegments: 2, maxCompressedSegments: 1 } });
    recorder.record(10);
    fs.renameSync(dir, join(parent, 'moved'));
    fs.symlinkSync(elsewhere, dir);
    expect(() => recorder.record(16 * 256 * 5)).toThrow(
      /FSYNC_FAILED: the directory was removed or replaced/,
    );
    expect(fs.readdirSync(elsewhere)).toEqual([]);
    for (const fd of recorder.openSegments.descriptors()) fs.closeSync(fd);
  });

  test('a sync finds that the directory, or the active segment, is no longer there', () => {
    for (const spoil of [
      (dir: string) => fs.renameSync(dir, `${dir}-moved`),
      (dir: string) => fs.rmSync(dir, { recursive: true }),
      (dir: string) => fs.rmSync(join(dir, segmentFileName(0))),
      (dir: string) => {
        const file = join(dir, segmentFileName(0));
        fs.copyFileSync(file, `${file}.copy`);
        fs.renameSync(`${file}.copy`, file);
      },
    ]) {
      const dir = newLogDir();
      const recorder = new HandRecorder({ dir });
      recorder.record(10);
      expect(recorder.sync()).toBe(10);
      spoil(dir);
      recorder.record(20);
      expect(() => recorder.sync()).toThrow(/FSYNC_FAILED: the (directory|file) was removed or replaced/);
      expect(recorder.durableId).toBe(10);
      for (const fd of recorder.openSegments.descriptors()) fs.closeSync(fd);
      onTestFinished(() => fs.rmSync(`${dir}-moved`, { recursive: true, force: true }));
    }
  });

  test('a sync finds that the path leads through a file by now', () => {
    const parent = join(newDir(), 'parent');
    const recorder = new HandRecorder({ dir: join(parent, 'log') });
    recorder.record(10);
    fs.renameSync(parent, `${parent}-moved`);
    fs.writeFileSync(parent, '');
    expect(() => recorder.sync()).toThrow(/FSYNC_FAILED: the directory was removed or replaced/);
    for (const fd of recorder.openSegments.descriptors()) fs.closeSync(fd);
  });

  test('swapped a thousand times while a log is opened and written: never a file elsewhere', () => {
    const parent = newDir(FAST);
    const dir = join(parent, 'log');
    const elsewhere = join(parent, 'elsewhere');
    fs.mkdirSync(elsewhere, { mode: 0o700 });
    fs.mkdirSync(dir, { mode: 0o700 });
    const swap = `while :; do mv log real 2>/dev/null; ln -sfn elsewhere log; rm -f log; mv real log; done`;
    const attacker = execFileSync('sh', [
      '-c',
      `cd "$1" && (timeout 5 sh -c '${swap}' >/dev/null 2>&1 & echo $!)`,
      'sh',
      parent,
    ]);
    onTestFinished(() => {
      try {
        process.kill(Number(attacker));
      } catch {
        // It has ended by itself.
      }
    });
    let ends = 0;
    for (let life = 0; life < 300; life++) {
      try {
        const folder = Folder.open(dir, false);
        try {
          // What the folder is, it stays: the real one, or the empty one it was led to, but never a mixture.
          fs.writeFileSync(folder.at('probe'), '');
          expect(fs.fstatSync(folder.fd).ino).toBe(fs.statSync(folder.at('.')).ino);
          fs.unlinkSync(folder.at('probe'));
          ends++;
        } finally {
          folder.close();
        }
      } catch (error) {
        if (!(error instanceof WalError)) throw error;
      }
    }
    expect(ends).toBeGreaterThan(0);
    expect(fs.readdirSync(elsewhere)).toEqual([]);
  });
});

describe('names', () => {
  test('of segments are eight digits exactly: 600 others are none', () => {
    const odd = [
      '',
      '.',
      '..',
      '/',
      '\0',
      '\n',
      ' ',
      'FS',
      'FS.',
      'FS.wal',
      'FS.0.wal',
      'FS.00000000.WAL',
      'fs.00000000.wal',
    ];
    const base = segmentFileName(12);
    for (let at = 0; at <= base.length; at++) {
      for (const insert of ['/', '\0', '.', '0', 'x', '٣', '０', ' ', '..', '\u202e', '%00', '\\']) {
        odd.push(base.slice(0, at) + insert + base.slice(at));
        odd.push(base.slice(0, at) + insert + base.slice(at + 1));
      }
    }
    const wrong = odd.filter((name) => name !== base && !/^FS\.[0-9]{8}\.wal$/.test(name));
    expect(wrong.length).toBeGreaterThan(380);
    expect(wrong.filter((name) => parseSegmentFileName(name) !== undefined)).toEqual([]);
    expect(() => segmentFileName(-1)).toThrow(RangeError);
    expect(() => segmentFileName(1.5)).toThrow(RangeError);
    expect(() => segmentFileName(100_000_000)).toThrow(RangeError);
  });

  test('that are none of ours are counted and left alone, a hundred thousand of them', () => {
    const dir = newDir(FAST);
    const recorder = new HandRecorder({ dir });
    recorder.record(10);
    recorder.close();
    for (let i = 0; i < 100_000; i++) fs.closeSync(fs.openSync(join(dir, `junk-${i}`), 'w'));
    const { others, segments, foreign } = listLogDirectory(dir);
    expect(segments).toHaveLength(1);
    expect(others).toEqual([META_FILE]);
    expect(foreign).toBe(100_000);
    resumeAndStop({ dir });
    expect(fs.readdirSync(dir)).toHaveLength(100_002);
  });
});

test('the place of a log is named, with what it does not promise', () => {
  const place = logPlace(newDir());
  expect(place.fileSystem).toMatch(/\w/);
  if (fs.existsSync('/dev/shm') && process.platform === 'linux') {
    expect(logPlace('/dev/shm')).toMatchObject({ fileSystem: 'tmpfs', kind: 'memory' });
    expect(logPlace('/dev/shm').warning).toContain('survives the process, not the loss of power');
  }
  expect(snapshot(newDir()).size).toBe(0);
});
