import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Libc, loadLibc } from '../src/libc.js';
import { LibcProvider } from '../src/libc-provider.js';
import { failure, LINUX, newDir } from './helpers.js';

const real = loadLibc(createRequire(import.meta.url));

/** The libc that fails `call` with these errnos in turn, then works. */
function failing(call: 'fallocate' | 'madvise' | 'mmap' | 'flock', ...errnos: number[]): Libc {
  let errno = 0;
  const next = (): boolean => {
    errno = errnos.shift() ?? 0;
    return errno !== 0;
  };
  return {
    ...real,
    errno: () => errno || real.errno(),
    fallocate: (fd, bytes) => (call === 'fallocate' && next() ? -1 : real.fallocate!(fd, bytes)),
    madvise: (address, bytes, advice) =>
      call === 'madvise' && next() ? -1 : real.madvise(address, bytes, advice),
    mmap: (bytes, protection, flags, fd) =>
      call === 'mmap' && next() ? -1n : real.mmap(bytes, protection, flags, fd),
    flock: (fd, operation) => (call === 'flock' && next() ? -1 : real.flock(fd, operation)),
  };
}

const { EINTR, EOPNOTSUPP, ENOSPC, EDQUOT, EIO, EINVAL, EFAULT, ENOMEM, ENOLCK } = constants.errno;

describe.skipIf(!LINUX)('the libc provider on Linux (SKIPPED elsewhere)', () => {
  test('goes on after a signal', async () => {
    const dir = newDir();
    new LibcProvider(failing('fallocate', EINTR, EINTR)).createMapped(join(dir, 'a'), 5000);
    new LibcProvider(failing('madvise', EINTR, EINTR)).createMapped(join(dir, 'b'), 5000);
    expect(statSync(join(dir, 'a')).size).toBe(5000);
    (await new LibcProvider(failing('flock', EINTR, EINTR)).lockDirectory(dir)).release();
  });

  test('writes zeros where the file system has no fallocate', () => {
    const path = join(newDir(), 'file');
    writeFileSync(path, 'content');
    const { buffer } = new LibcProvider(failing('fallocate', EOPNOTSUPP)).openMapped(path);
    expect(Buffer.from(buffer).toString()).toBe('content');
    new LibcProvider(failing('fallocate', EOPNOTSUPP)).createMapped(`${path}2`, 100_000);
    expect(statSync(`${path}2`).blocks * 512).toBeGreaterThanOrEqual(100_000);
  });

  test('touches the pages itself where the kernel cannot', () => {
    const path = join(newDir(), 'file');
    writeFileSync(path, Buffer.alloc(10_000, 7));
    const { buffer } = new LibcProvider(failing('madvise', EINVAL)).openMapped(path);
    expect(new Uint8Array(buffer).every((byte) => byte === 7)).toBe(true);
    expect(readFileSync(path).equals(Buffer.alloc(10_000, 7))).toBe(true);
  });

  test.each([
    ['fallocate', ENOSPC, 'DISK_FULL', 'ENOSPC'],
    ['fallocate', EDQUOT, 'DISK_FULL', 'EDQUOT'],
    ['fallocate', EIO, 'WRITE_FAILED', 'EIO'],
    ['mmap', ENOMEM, 'OPEN_FAILED', 'ENOMEM'],
    ['madvise', EFAULT, 'WRITE_FAILED', 'EFAULT'],
  ] as const)(
    'reports %s failing with errno %d as %s, and removes the file',
    async (call, errno, code, name) => {
      const dir = newDir();
      const path = join(dir, 'file');
      const error = await failure(() => new LibcProvider(failing(call, errno)).createMapped(path, 5000));
      expect(error.code).toBe(code);
      expect(error.message).toContain(name);
      expect(error.message).toContain(call);
      expect((error.cause as NodeJS.ErrnoException).code).toBe(name);
      expect(error.file).toBe(path);
      expect(readdirSync(dir)).toEqual([]);
      expect(readFileSync('/proc/self/maps', 'utf8')).not.toContain(dir);
    },
  );

  test('tells a file system without locks from a lock that is taken', async () => {
    const error = await failure(() => new LibcProvider(failing('flock', ENOLCK)).lockDirectory(newDir()));
    expect(error.code).toBe('OPEN_FAILED');
    expect(error.message).toContain('ENOLCK');
  });
});
