import { constants as bufferConstants } from 'node:buffer';
import { isMainThread } from 'node:worker_threads';
import { WalError } from '@fswal/format';
import { allocate } from './allocate.js';
import { asWalError, systemError } from './errors.js';
import { checkSize, withFile, withNewFile } from './files.js';
import { flockDirectory } from './flock.js';
import { hold, letGo, newHolders } from './holders.js';
import type { Libc } from './libc.js';
import { MADV_POPULATE_WRITE, MAP_FAILED, MAP_SHARED, PROT_READ_WRITE } from './mapping-flags.js';
import type {
  DirectoryLock,
  MappedFile,
  MmapProvider,
  SharedLibcMapping,
  SharedMapping,
} from './provider.js';
import { touchPages } from './touch-pages.js';

/** mmap, fallocate and flock of the C library. One address serves all threads. */
export class LibcProvider implements MmapProvider {
  readonly name = 'libc';
  readonly #libc: Libc;
  /** What this thread holds and must let go of. */
  readonly #held = new Set<SharedLibcMapping>();
  readonly #collected = new FinalizationRegistry((mapping: SharedLibcMapping) => {
    this.#held.delete(mapping);
    if (letGo(mapping.holders)) this.#libc.munmap(mapping.address, mapping.bytes);
  });

  constructor(libc: Libc) {
    this.#libc = libc;
    // The last holder's mapping is left to the process here, since listeners that run later may still use it.
    if (!isMainThread) process.once('exit', () => this.#held.forEach(({ holders }) => void letGo(holders)));
  }

  createMapped(path: string, bytes: number): MappedFile {
    checkSize(bytes);
    checkLimit(path, bytes);
    return withNewFile(path, (fd, file) => {
      allocate(fd, bytes, this.#libc, file);
      return this.#map(fd, file, bytes);
    });
  }

  openMapped(path: string): MappedFile {
    return withFile(path, (fd, file, { size }) => {
      const bytes = Number(size);
      checkLimit(file, bytes);
      allocate(fd, bytes, this.#libc, file);
      return this.#map(fd, file, bytes);
    });
  }

  attach(shared: SharedMapping): MappedFile {
    const { path: file } = shared;
    if (shared.provider !== 'libc') {
      throw new WalError('OPEN_FAILED', `mapped by ${shared.provider}, not by libc`, { file });
    }
    if (shared.pid !== process.pid) {
      throw new WalError('OPEN_FAILED', `mapped by process ${shared.pid}: map the file here`, { file });
    }
    if (!hold(shared.holders)) {
      throw new WalError('OPEN_FAILED', 'the mapping is gone: nobody kept it', { file });
    }
    return this.#view(shared);
  }

  allocate(fd: number, bytes: number): void {
    allocate(fd, bytes, this.#libc);
  }

  async lockDirectory(dir: string): Promise<DirectoryLock> {
    return flockDirectory(dir, this.#libc);
  }

  #map(fd: number, path: string, bytes: number): MappedFile {
    const address = this.#libc.mmap(bytes, PROT_READ_WRITE, MAP_SHARED, fd);
    if (address === MAP_FAILED) {
      throw asWalError('OPEN_FAILED', 'cannot map the file', systemError('mmap', this.#libc.errno()), path);
    }
    let touched: boolean;
    try {
      touched = this.#populate(address, bytes);
    } catch (error) {
      this.#libc.munmap(address, bytes);
      throw asWalError('WRITE_FAILED', 'cannot make the pages of the mapping present', error, path);
    }
    const mapped = this.#view({
      provider: 'libc',
      path,
      bytes,
      address,
      pid: process.pid,
      holders: newHolders(),
    });
    if (!touched) touchPages(mapped.buffer);
    return mapped;
  }

  /** False where the kernel does not know how. @throws the error of the system call */
  #populate(address: bigint, bytes: number): boolean {
    if (process.platform !== 'linux') return false;
    while (this.#libc.madvise(address, bytes, MADV_POPULATE_WRITE) !== 0) {
      const error = systemError('madvise', this.#libc.errno());
      if (error.code === 'EINVAL') return false;
      if (error.code !== 'EINTR' && error.code !== 'EAGAIN') throw error;
    }
    return true;
  }

  #view(mapping: SharedLibcMapping): MappedFile {
    const { path, bytes, address } = mapping;
    const buffer = this.#libc.view(address, bytes);
    this.#held.add(mapping);
    this.#collected.register(buffer, mapping);
    return { buffer, bytes, path, share: () => ({ ...mapping }) };
  }
}

function checkLimit(file: string, bytes: number): void {
  if (bytes > bufferConstants.MAX_LENGTH) {
    throw new WalError('OPEN_FAILED', `${bytes} bytes: at most ${bufferConstants.MAX_LENGTH} are mapped`, {
      file,
    });
  }
}
