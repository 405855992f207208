import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  listLogDirectory,
  openRegularFile,
  readBootId,
  readDurablePosition,
  readFully,
  readRegularFile,
} from '../src/files/index.js';
import { encodeMeta, META_FILE, WalError } from '../src/index.js';

let dir: string;
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'fswal-format-'));
});
afterEach(() => {
  fs.rmSync(dir, { recursive: true });
});

const at = (name: string) => path.join(dir, name);

function caught(call: () => unknown): WalError {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(WalError);
    return error as WalError;
  }
  return expect.fail('nothing was thrown');
}

describe('listing a directory', () => {
  test('segments in index order, both forms side by side; what else may be ours apart', () => {
    const segments = ['FS.00000002.wal', 'FS.00000010.wal', 'FS.00000010.wal.lz4', 'FS.00000011.wal.lz4'];
    const others = ['FS.00000003.wal.tmp', 'FS.00000004.wal.1.broken', META_FILE, 'wal_tail.ring'];
    const foreign = ['x', 'FS.3.wal', 'FS.00000003.walk', 'wal_notes', 'wal_meta.data'];
    for (const name of [...foreign, ...others, ...segments].reverse()) fs.writeFileSync(at(name), '');
    const listed = listLogDirectory(dir);
    expect(listed.segments.map(({ name }) => name)).toEqual(segments);
    expect(listed.segments.map(({ segmentIndex }) => segmentIndex)).toEqual([2, 10, 10, 11]);
    expect([...listed.others].sort()).toEqual([...others].sort());
    expect(listed.foreign).toBe(foreign.length);
  });

  test('a directory that is not there, or is a file, is DIRECTORY_NOT_FOUND', () => {
    fs.writeFileSync(at('file'), '');
    for (const name of ['nowhere', 'file', 'file/below']) {
      expect(caught(() => listLogDirectory(at(name)))).toMatchObject({
        code: 'DIRECTORY_NOT_FOUND',
        file: at(name),
      });
    }
  });

  test('any other failure is READ_FAILED', () => {
    expect(caught(() => listLogDirectory(at('x'.repeat(300)))).code).toBe('READ_FAILED');
  });
});

describe('opening a regular file', () => {
  test('gives a descriptor and the size', () => {
    fs.writeFileSync(at('a'), 'hello');
    const { fd, bytes } = openRegularFile(at('a'), fs.constants.O_RDWR);
    fs.writeSync(fd, 'j', 0);
    fs.closeSync(fd);
    expect(bytes).toBe(5);
    expect(fs.readFileSync(at('a'), 'utf8')).toBe('jello');
  });

  test('refuses a link, a fifo without blocking, a directory, a socket, a device, and what is not there', () => {
    fs.writeFileSync(at('a'), 'hello');
    fs.symlinkSync(at('a'), at('link'));
    fs.symlinkSync(at('nowhere'), at('dangling'));
    fs.mkdirSync(at('directory'));
    execFileSync('mkfifo', [at('fifo')]);
    const open = process.platform === 'win32' ? 0 : fs.readdirSync('/dev/fd').length;
    for (const name of ['link', 'dangling', 'directory', 'fifo', 'nowhere']) {
      for (const flags of [fs.constants.O_RDONLY, fs.constants.O_RDWR]) {
        expect(caught(() => openRegularFile(at(name), flags))).toMatchObject({
          code: 'OPEN_FAILED',
          file: at(name),
        });
      }
    }
    expect(caught(() => openRegularFile('/dev/null')).code).toBe('OPEN_FAILED');
    expect(fs.readdirSync('/dev/fd').length).toBe(open);
  });

  test('leaves Node able to find modules behind a link after it has refused a fifo', () => {
    const { resolve } = createRequire(import.meta.url);
    execFileSync('mkfifo', [at('fifo')]);
    fs.mkdirSync(at('directory'));
    fs.symlinkSync(at('directory'), at('link'));
    for (const name of ['a.cjs', 'b.cjs']) fs.writeFileSync(at(`directory/${name}`), '');
    resolve(at('link/a.cjs'));
    caught(() => openRegularFile(at('fifo')));
    expect(resolve(at('link/b.cjs'))).toBe(fs.realpathSync.native(at('directory/b.cjs')));
  });
});

describe('reading', () => {
  test('fills the buffer, megabyte by megabyte, or as far as the file goes', () => {
    const content = Buffer.alloc((5 << 19) + 3, 'abcdefg');
    fs.writeFileSync(at('a'), content);
    const { fd } = openRegularFile(at('a'));
    let calls = 0;
    const into = new Uint8Array(content.length + 10);
    expect(readFully(fd, into, at('a'), () => calls++)).toBe(content.length);
    expect(calls).toBe(3);
    expect(Buffer.compare(into.subarray(0, content.length), content)).toBe(0);
    expect(readFully(fd, into.subarray(0, 7), at('a'))).toBe(7);
    fs.closeSync(fd);
    expect(caught(() => readFully(fd, into, at('a')))).toMatchObject({ code: 'READ_FAILED', offset: 0 });
  });

  test('the whole of a file, up to a limit', () => {
    fs.writeFileSync(at('a'), 'hello');
    expect(Buffer.from(readRegularFile(at('a'), 5)).toString()).toBe('hello');
    expect(caught(() => readRegularFile(at('a'), 4)).code).toBe('SEGMENT_CORRUPTED');
    expect(caught(() => readRegularFile(at('b'), 4)).code).toBe('OPEN_FAILED');
  });
});

describe('the durable position', () => {
  const position = { segmentIndex: 3, offset: 640, eventId: 12n, prefixChecksum: 9n };

  test('is what the file holds', () => {
    fs.writeFileSync(at(META_FILE), encodeMeta(position));
    expect(readDurablePosition(dir)).toEqual({ position });
  });

  test('is missing with a reason: no file, another size, a wrong checksum', () => {
    const reason = (bytes?: Uint8Array) => {
      if (bytes !== undefined) fs.writeFileSync(at(META_FILE), bytes);
      const read = readDurablePosition(dir);
      return 'missing' in read ? read.missing : undefined;
    };
    expect(reason()).toBe('wal_meta.dat is missing');
    for (let size = 0; size <= 64; size++) {
      const bytes = new Uint8Array(size);
      bytes.set(encodeMeta(position).subarray(0, size));
      if (size < 32) expect(reason(bytes)).toBe(`wal_meta.dat has ${size} bytes, not 32`);
      if (size > 32) expect(reason(bytes)).toBe('wal_meta.dat has over 32 bytes, not 32');
      if (size === 32) expect(reason(bytes)).toBeUndefined();
    }
    expect(reason(new Uint8Array(32))).toBe('wal_meta.dat does not match its checksum');
  });

  test('a link in its place is an error, not a missing file', () => {
    fs.writeFileSync(at('elsewhere'), encodeMeta(position));
    fs.symlinkSync(at('elsewhere'), at(META_FILE));
    expect(caught(() => readDurablePosition(dir)).code).toBe('OPEN_FAILED');
  });
});

test('the boot id is 32 hex digits and stays, or empty', () => {
  expect(readBootId()).toMatch(process.platform === 'linux' ? /^[0-9a-f]{32}$/ : /^$/);
  expect(readBootId()).toBe(readBootId());
});
