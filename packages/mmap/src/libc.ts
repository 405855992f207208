import type { Require } from './require.js';

/** The system calls that Node lacks. Each returns what C does: -1 for a failure, whose errno `errno()` then tells. */
export interface Libc {
  /** Returns the address; -1n = MAP_FAILED. */
  mmap(bytes: number, protection: number, flags: number, fd: number): bigint;
  munmap(address: bigint, bytes: number): number;
  madvise(address: bigint, bytes: number, advice: number): number;
  /** Undefined where the platform has none. */
  readonly fallocate: ((fd: number, bytes: number) => number) | undefined;
  flock(fd: number, operation: number): number;
  /** An ArrayBuffer over `bytes` of memory at `address`. It owns nothing: collecting it unmaps nothing. */
  view(address: bigint, bytes: number): ArrayBuffer;
  /** Of the last call; to be read right after it. */
  errno(): number;
}

/** Where these signatures were checked: off_t and pointers are 64 bits wide. */
const PLATFORMS: readonly string[] = ['linux', 'darwin'];
const NARROW: readonly string[] = ['arm', 'ia32', 'mips', 'mipsel', 'ppc', 's390'];

type Foreign<Arguments extends unknown[]> = (...args: Arguments) => number | bigint;

/**
 * libc through koffi, from the symbols of the running process: glibc and musl alike.
 * @throws Error where koffi is not installed or has no binary for this platform
 */
export function loadLibc(require: Require): Libc {
  if (!PLATFORMS.includes(process.platform) || NARROW.includes(process.arch)) {
    throw new Error(`not supported on ${process.platform} ${process.arch}`);
  }
  const koffi = require('koffi') as typeof import('koffi');
  const lib = koffi.load(null);
  const mmap: Foreign<[bigint, number, number, number, number, number]> = lib.func('mmap', 'intptr_t', [
    'uintptr_t', // address wanted, 0 = any
    'size_t',
    'int',
    'int',
    'int',
    'int64_t', // offset
  ]);
  const munmap: Foreign<[bigint, number]> = lib.func('munmap', 'int', ['uintptr_t', 'size_t']);
  const madvise: Foreign<[bigint, number, number]> = lib.func('madvise', 'int', [
    'uintptr_t',
    'size_t',
    'int',
  ]);
  const flock: Foreign<[number, number]> = lib.func('flock', 'int', ['int', 'int']);
  return {
    mmap: (bytes, protection, flags, fd) => BigInt(mmap(0n, bytes, protection, flags, fd, 0)),
    munmap: (address, bytes) => Number(munmap(address, bytes)),
    madvise: (address, bytes, advice) => Number(madvise(address, bytes, advice)),
    fallocate: process.platform === 'linux' ? loadFallocate(lib) : undefined,
    flock: (fd, operation) => Number(flock(fd, operation)),
    view: (address, bytes) => koffi.view(address, bytes),
    errno: () => koffi.errno(),
  };
}

function loadFallocate(lib: import('koffi').LibraryHandle): (fd: number, bytes: number) => number {
  const fallocate: Foreign<[number, number, number, number]> = lib.func('fallocate', 'int', [
    'int',
    'int', // mode, 0 = allocate and extend
    'int64_t',
    'int64_t',
  ]);
  return (fd, bytes) => Number(fallocate(fd, 0, 0, bytes));
}
