import { fstatSync, ftruncateSync } from 'node:fs';
import { asWalError, errnoName, systemError } from './errors.js';
import { checkSize } from './files.js';
import type { Libc } from './libc.js';
import { writeZeros } from './write-zeros.js';

/** What fallocate says where the file system has no such operation. */
const UNSUPPORTED: ReadonlySet<string | undefined> = new Set(['EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EINVAL']);

/**
 * `MmapProvider.allocate`: by fallocate where `libc` has it and the file system too, else by writing zeros.
 * @throws WalError DISK_FULL, WRITE_FAILED
 */
export function allocate(
  fd: number,
  bytes: number,
  libc: Pick<Libc, 'fallocate' | 'errno'> | undefined,
  file?: string,
): void {
  checkSize(bytes);
  let size: number | undefined;
  try {
    size = fstatSync(fd).size;
    if (libc?.fallocate === undefined || !tryFallocate(fd, bytes, libc.fallocate, libc.errno)) {
      writeZeros(fd, bytes);
    }
  } catch (error) {
    giveBack(fd, size);
    throw asWalError('WRITE_FAILED', `cannot allocate ${bytes} bytes`, error, file);
  }
}

/** False where the file system cannot. */
function tryFallocate(
  fd: number,
  bytes: number,
  fallocate: (fd: number, bytes: number) => number,
  errno: () => number,
): boolean {
  for (;;) {
    if (fallocate(fd, bytes) === 0) return true;
    const error = systemError('fallocate', errno());
    if (UNSUPPORTED.has(error.code)) return false;
    // A signal interrupted it; what it got so far stays, and the next call goes on from there.
    if (errnoName(error) !== 'EINTR') throw error;
  }
}

/** A full disk is no better for holding the half of a file: what was added goes. */
function giveBack(fd: number, size: number | undefined): void {
  try {
    if (size !== undefined && fstatSync(fd).size > size) ftruncateSync(fd, size);
  } catch {
    // The failure that is being reported says more.
  }
}
