import { systemError } from './errors.js';
import type { Require } from './require.js';

/** What is used of the package mmap-io. Its errors say the errno in the message. */
export interface MmapIo {
  map(bytes: number, protection: number, flags: number, fd: number): Buffer;
  advise(buffer: Buffer, advice: number): void;
}

/** It takes the size as a C int. */
export const MMAP_IO_MAX_BYTES = 2 ** 31 - 1;

/** @throws Error where mmap-io is not installed or was not compiled for this version of Node */
export function loadMmapIo(require: Require): MmapIo {
  return require('mmap-io') as MmapIo;
}

/** An error of mmap-io, such as `madvise() failed, 22`, with a `code`. */
export function mmapIoError(syscall: string, error: unknown): unknown {
  const errno = error instanceof Error ? /failed, (\d+)$/.exec(error.message)?.[1] : undefined;
  return errno === undefined ? error : systemError(syscall, Number(errno));
}
