import { type BigIntStats, constants, fstatSync } from 'node:fs';
import { WalError } from '@fswal/format';
import { closeFile } from '@fswal/format/files';
import { allocate } from './allocate.js';
import { openDirectory } from './directory.js';
import { asWalError, errnoName } from './errors.js';
import { checkSize, withFile, withNewFile } from './files.js';
import { MADV_POPULATE_WRITE, MAP_SHARED, PROT_READ_WRITE } from './mapping-flags.js';
import { MMAP_IO_MAX_BYTES, type MmapIo, mmapIoError } from './mmap-io.js';
import type { DirectoryLock, MappedFile, MmapProvider, SharedMapping } from './provider.js';
import { lockBySocket } from './socket-lock.js';
import { touchPages } from './touch-pages.js';

/** Where open(2) itself can take the flock. */
const OPEN_LOCKS: readonly string[] = ['darwin', 'freebsd', 'openbsd'];
const O_EXLOCK = 0x20;

/**
 * Mappings by the package mmap-io, everything else without native code. Every thread maps the file for itself; the
 * package unmaps when the thread's garbage collector has found the buffer unreachable, or the thread ends.
 */
export class MmapIoProvider implements MmapProvider {
  readonly name = 'mmap-io';
  readonly #mmapIo: MmapIo;

  constructor(mmapIo: MmapIo) {
    this.#mmapIo = mmapIo;
  }

  createMapped(path: string, bytes: number): MappedFile {
    checkSize(bytes);
    checkLimit(path, bytes);
    return withNewFile(path, (fd, file) => {
      allocate(fd, bytes, undefined, file);
      return this.#mapTouched(fd, file, fstatSync(fd, { bigint: true }));
    });
  }

  openMapped(path: string): MappedFile {
    return withFile(path, (fd, file, stats) => {
      checkLimit(file, Number(stats.size));
      allocate(fd, Number(stats.size), undefined, file);
      return this.#mapTouched(fd, file, stats);
    });
  }

  attach(shared: SharedMapping): MappedFile {
    const { path: file } = shared;
    if (shared.provider !== 'mmap-io') {
      throw new WalError('OPEN_FAILED', `mapped by ${shared.provider}, not by mmap-io`, { file });
    }
    return withFile(file, (fd, path, stats) => {
      if (stats.dev !== shared.device || stats.ino !== shared.inode || stats.size !== BigInt(shared.bytes)) {
        throw new WalError('OPEN_FAILED', 'no longer the file that was mapped', { file });
      }
      return mappedFile(this.#map(fd, path, shared.bytes), path, stats);
    });
  }

  allocate(fd: number, bytes: number): void {
    allocate(fd, bytes, undefined);
  }

  async lockDirectory(dir: string): Promise<DirectoryLock> {
    if (OPEN_LOCKS.includes(process.platform)) return lockByOpen(dir);
    if (process.platform !== 'linux') {
      throw new WalError('OPEN_FAILED', `mmap-io cannot lock on ${process.platform}: use libc`, {
        file: dir,
      });
    }
    return lockBySocket(dir, openDirectory(dir));
  }

  #mapTouched(fd: number, path: string, stats: BigIntStats): MappedFile {
    const buffer = this.#map(fd, path, Number(stats.size));
    if (!this.#populate(buffer, path)) touchPages(buffer.buffer as ArrayBuffer);
    return mappedFile(buffer, path, stats);
  }

  #map(fd: number, path: string, bytes: number): Buffer {
    try {
      return this.#mmapIo.map(bytes, PROT_READ_WRITE, MAP_SHARED, fd);
    } catch (error) {
      throw asWalError('OPEN_FAILED', 'cannot map the file', mmapIoError('mmap', error), path);
    }
  }

  /** False where the kernel does not know how. */
  #populate(buffer: Buffer, path: string): boolean {
    while (process.platform === 'linux') {
      try {
        this.#mmapIo.advise(buffer, MADV_POPULATE_WRITE);
        return true;
      } catch (cause) {
        const error = mmapIoError('madvise', cause);
        const errno = errnoName(error);
        if (errno === 'EINVAL') return false;
        if (errno === 'EINTR' || errno === 'EAGAIN') continue;
        throw asWalError('WRITE_FAILED', 'cannot make the pages of the mapping present', error, path);
      }
    }
    return false;
  }
}

function mappedFile(mapped: Buffer, path: string, { dev: device, ino: inode }: BigIntStats): MappedFile {
  const bytes = mapped.length;
  const buffer = mapped.buffer as ArrayBuffer;
  return { buffer, bytes, path, share: () => ({ provider: 'mmap-io', path, bytes, device, inode }) };
}

function lockByOpen(dir: string): DirectoryLock {
  const { fd } = openDirectory(dir, O_EXLOCK | constants.O_NONBLOCK);
  let held = true;
  return {
    release: () => {
      if (!held) return;
      held = false;
      closeFile(fd, dir);
    },
  };
}

function checkLimit(file: string, bytes: number): void {
  if (bytes > MMAP_IO_MAX_BYTES) {
    throw new WalError('OPEN_FAILED', `${bytes} bytes: mmap-io maps at most ${MMAP_IO_MAX_BYTES}`, { file });
  }
}
