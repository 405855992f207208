import { spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  describeProviders,
  descriptorsUnder,
  failure,
  newDir,
  openDescriptors,
  smallDisk,
} from './helpers.js';

const BYTES = 3 * 4096 + 100;

describeProviders('a mapped file', (provider) => {
  test('has what it stores read by reads of the file', () => {
    const path = join(newDir(), 'file');
    const { buffer, bytes } = provider.createMapped(path, BYTES);
    expect(buffer.byteLength).toBe(BYTES);
    expect(bytes).toBe(BYTES);
    new Uint8Array(buffer).set([1, 2, 3], BYTES - 3);
    expect(readFileSync(path).subarray(BYTES - 4)).toEqual(Buffer.from([0, 1, 2, 3]));
  });

  test('reads what is written to the file', () => {
    const path = join(newDir(), 'file');
    const { buffer } = provider.createMapped(path, BYTES);
    const fd = openSync(path, 'r+');
    writeSync(fd, Buffer.from([9, 8, 7]), 0, 3, 4096);
    closeSync(fd);
    expect([...new Uint8Array(buffer, 4095, 4)]).toEqual([0, 9, 8, 7]);
  });

  test('is zero when new and takes real blocks', () => {
    const path = join(newDir(), 'file');
    const { buffer } = provider.createMapped(path, BYTES);
    expect(new Uint8Array(buffer).every((byte) => byte === 0)).toBe(true);
    expect(statSync(path).size).toBe(BYTES);
    expect(statSync(path).blocks * 512).toBeGreaterThanOrEqual(BYTES);
  });

  test('keeps what it held when it is opened, at its whole size', () => {
    const path = join(newDir(), 'file');
    const content = Buffer.from(Array.from({ length: 10_001 }, (_, i) => i & 0xff));
    writeFileSync(path, content);
    const { buffer, bytes } = provider.openMapped(path);
    expect(bytes).toBe(10_001);
    expect(Buffer.from(buffer).equals(content)).toBe(true);
    expect(readFileSync(path).equals(content)).toBe(true);
  });

  test('has the holes of a sparse file filled when it is opened, around what the file holds', () => {
    const path = join(newDir(), 'file');
    writeFileSync(path, 'start');
    truncateSync(path, 1 << 20);
    const fd = openSync(path, 'r+');
    writeSync(fd, 'middle', 300_000);
    closeSync(fd);
    const before = readFileSync(path);
    const { buffer } = provider.openMapped(path);
    expect(Buffer.from(buffer).equals(before)).toBe(true);
    expect(statSync(path).blocks * 512).toBeGreaterThanOrEqual(1 << 20);
  });

  test.each([0, 0o077, 0o777])('is for its owner alone under umask %o', (umask) => {
    const path = join(newDir(), 'file');
    const old = process.umask(umask);
    try {
      provider.createMapped(path, BYTES);
    } finally {
      process.umask(old);
    }
    expect(statSync(path).mode & 0o7777).toBe(0o600);
  });

  test('refuses to create over whatever has the name', async () => {
    const dir = newDir();
    writeFileSync(join(dir, 'file'), 'content');
    mkdirSync(join(dir, 'directory'));
    symlinkSync(join(dir, 'file'), join(dir, 'link'));
    symlinkSync(join(dir, 'nothing'), join(dir, 'dangling'));
    expect(spawnSync('mkfifo', [join(dir, 'fifo')]).status).toBe(0);
    for (const name of readdirSync(dir)) {
      const error = await failure(() => provider.createMapped(join(dir, name), BYTES));
      expect([name, error.code]).toEqual([name, 'FILE_ALREADY_EXISTS']);
      expect(error.message).toContain('EEXIST');
    }
    expect(readFileSync(join(dir, 'file'), 'utf8')).toBe('content');
    expect(readdirSync(dir).sort()).toEqual(['dangling', 'directory', 'fifo', 'file', 'link']);
  });

  test('refuses to open what is not a regular file with content', async () => {
    const dir = newDir();
    writeFileSync(join(dir, 'file'), 'content');
    writeFileSync(join(dir, 'empty'), '');
    mkdirSync(join(dir, 'directory'));
    symlinkSync(join(dir, 'file'), join(dir, 'link'));
    expect(spawnSync('mkfifo', [join(dir, 'fifo')]).status).toBe(0);
    const because = {
      missing: 'ENOENT',
      empty: 'empty',
      directory: 'EISDIR',
      link: 'ELOOP',
      fifo: 'regular',
    };
    for (const [name, reason] of Object.entries(because)) {
      const path = join(dir, name);
      const error = await failure(() => provider.openMapped(path));
      expect([name, error.code, error.file]).toEqual([name, 'OPEN_FAILED', path]);
      expect(error.message).toContain(reason);
    }
    expect(descriptorsUnder(dir)).toEqual([]);
  });

  test.each([0, -1, 1.5, Number.NaN, 2 ** 53])('refuses a size of %d bytes', (bytes) => {
    const dir = newDir();
    expect(() => provider.createMapped(join(dir, 'file'), bytes)).toThrow(RangeError);
    expect(readdirSync(dir)).toEqual([]);
  });

  test('refuses more than can be mapped before it creates anything', async () => {
    const dir = newDir();
    expect((await failure(() => provider.createMapped(join(dir, 'file'), 2 ** 50))).code).toBe('OPEN_FAILED');
    expect(readdirSync(dir)).toEqual([]);
  });

  test('reports a full disk and leaves no file behind', async ({ skip }) => {
    const disk = smallDisk(1 << 20);
    if (disk === undefined) return skip('SKIPPED: mounting a small tmpfs needs root');
    const path = join(disk, 'file');
    const error = await failure(() => provider.createMapped(path, 2 << 20));
    expect(error.code).toBe('DISK_FULL');
    expect(error.message).toContain('ENOSPC');
    expect((error.cause as NodeJS.ErrnoException).code).toBe('ENOSPC');
    expect(error.file).toBe(path);
    expect(readdirSync(disk)).toEqual([]);
    // And the space is back.
    provider.createMapped(path, 900_000);
  });

  test('reports a full disk when it opens a sparse file, which stays as it was', async ({ skip }) => {
    const disk = smallDisk(1 << 20);
    if (disk === undefined) return skip('SKIPPED: mounting a small tmpfs needs root');
    const path = join(disk, 'file');
    writeFileSync(path, 'content');
    truncateSync(path, 2 << 20);
    expect((await failure(() => provider.openMapped(path))).code).toBe('DISK_FULL');
    expect(statSync(path).size).toBe(2 << 20);
    expect(readFileSync(path).subarray(0, 8).toString()).toBe('content\0');
  });

  test('keeps no descriptor open', () => {
    const dir = newDir();
    const before = openDescriptors();
    for (let i = 0; i < 100; i++) provider.createMapped(join(dir, `${i}`), 4096);
    expect(descriptorsUnder(dir)).toEqual([]);
    expect(openDescriptors()).toBeLessThanOrEqual(before + 5);
  });
});

describeProviders('allocate', (provider) => {
  function open(path: string): number {
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT);
    onTestFinished(() => closeSync(fd));
    return fd;
  }

  test('extends a file with zeros that take real blocks, and changes nothing that it holds', () => {
    const path = join(newDir(), 'file');
    writeFileSync(path, 'content');
    provider.allocate(open(path), 100_000);
    expect(statSync(path).blocks * 512).toBeGreaterThanOrEqual(100_000);
    const bytes = readFileSync(path);
    expect(bytes.length).toBe(100_000);
    expect(bytes.subarray(0, 7).toString()).toBe('content');
    expect(bytes.subarray(7).every((byte) => byte === 0)).toBe(true);
  });

  test('never shortens a file', () => {
    const path = join(newDir(), 'file');
    writeFileSync(path, Buffer.alloc(10_000, 1));
    provider.allocate(open(path), 5000);
    expect(readFileSync(path).equals(Buffer.alloc(10_000, 1))).toBe(true);
  });

  test('reports a full disk and gives back what it got', async ({ skip }) => {
    const disk = smallDisk(1 << 20);
    if (disk === undefined) return skip('SKIPPED: mounting a small tmpfs needs root');
    const path = join(disk, 'file');
    writeFileSync(path, 'content');
    const fd = open(path);
    expect((await failure(() => provider.allocate(fd, 2 << 20))).code).toBe('DISK_FULL');
    expect(readFileSync(path, 'utf8')).toBe('content');
    expect(existsSync(path)).toBe(true);
    writeFileSync(join(disk, 'other'), Buffer.alloc(900_000));
  });

  test('reports a descriptor it cannot write to', async () => {
    const path = join(newDir(), 'file');
    writeFileSync(path, 'content');
    const fd = openSync(path, 'r');
    onTestFinished(() => closeSync(fd));
    const error = await failure(() => provider.allocate(fd, 5000));
    expect(error.code).toBe('WRITE_FAILED');
    expect(error.message).toContain('EBADF');
  });
});
