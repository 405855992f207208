import fs from 'node:fs';
import path from 'node:path';
import { BROKEN_SUFFIX, META_FILE, parseSegmentFileName, WalError, type WalErrorCode } from '@fswal/format';
import { closeFile, listLogDirectory } from '@fswal/format/files';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = fs.constants;
const FILE_MODE = 0o600;
const TEMP_SUFFIX = '.tmp';

/**
 * The directory of a log that is being repaired, held open, and every change that a repair makes in it. Each is on the
 * device when its method returns. None deletes or overwrites what has no other name.
 */
export class LogFolder {
  /** For messages. */
  readonly path: string;
  /** For system calls: by way of the descriptor on Linux, so that nobody who swaps the directory leads them astray. */
  readonly base: string;
  readonly #fd: number;

  private constructor(dir: string, fd: number) {
    this.path = dir;
    this.#fd = fd;
    const own = `/proc/self/fd/${fd}`;
    this.base = process.platform === 'linux' && fs.existsSync(`${own}/.`) ? own : dir;
  }

  /** @throws WalError DIRECTORY_NOT_FOUND, OPEN_FAILED */
  static open(dir: string): LogFolder {
    try {
      return new LogFolder(dir, fs.openSync(dir, O_RDONLY | O_DIRECTORY));
    } catch (cause) {
      const missing = ['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '');
      throw failed(missing ? 'DIRECTORY_NOT_FOUND' : 'OPEN_FAILED', dir, cause);
    }
  }

  close(): void {
    closeFile(this.#fd, this.path);
  }

  at(name: string): string {
    return `${this.base}/${name}`;
  }

  label(name: string): string {
    return path.join(this.path, name);
  }

  /** An error with the directory's own path where a system call was given the descriptor's. */
  named(error: unknown): unknown {
    if (!(error instanceof WalError) || this.base === this.path) return error;
    const { code, reason, offset, block, eventId, cause } = error;
    const file = error.file?.replaceAll(this.base, this.path);
    const message = reason.replaceAll(this.base, this.path);
    return new WalError(code, message, { file, offset, block, eventId, cause });
  }

  exists(name: string): boolean {
    const stats = () => fs.lstatSync(this.at(name), { throwIfNoEntry: false });
    return this.#attempt('READ_FAILED', name, stats) !== undefined;
  }

  /** Of a file that is there. @throws WalError READ_FAILED */
  stat(name: string): fs.BigIntStats {
    return this.#attempt('READ_FAILED', name, () => fs.lstatSync(this.at(name), { bigint: true }));
  }

  /**
   * Bytes that this process may still write to the disk. Infinity where the file system does not tell, as some in user
   * space do not.
   * @throws WalError READ_FAILED
   */
  get freeBytes(): number {
    const { blocks, bfree, bavail, bsize } = this.#attempt('READ_FAILED', '.', () =>
      fs.statfsSync(this.base),
    );
    if (blocks === 0) return Number.POSITIVE_INFINITY;
    return (process.geteuid?.() === 0 ? bfree : bavail) * bsize;
  }

  /**
   * Removes the new content of files that nobody came to finish. What is no file under such a name is nobody's content:
   * it is moved aside.
   * @throws WalError READ_FAILED, WRITE_FAILED, FSYNC_FAILED
   */
  removeUnfinished(): void {
    for (const name of listLogDirectory(this.base).others.filter(isTemp)) {
      if (this.stat(name).isFile()) this.#remove(name);
      else this.moveAside(name);
    }
  }

  /**
   * Gives a file a new content, whole or not at all: the old one goes, unless `keep` asks for it under another name.
   * There is no moment at which nothing has the name.
   * @returns the name that the old content has now, null where it is gone
   * @throws WalError OPEN_FAILED, READ_FAILED, DISK_FULL, WRITE_FAILED, FSYNC_FAILED: the old content is still there, and
   * nothing of a new one that is not whole
   */
  replace(name: string, content: Uint8Array, keep: boolean): string | null {
    const temp = `${name}${TEMP_SUFFIX}`;
    let keptAs: string | null;
    try {
      this.#writeTemp(temp, content);
      keptAs = keep ? this.#linkAside(name) : null;
      this.#attempt('WRITE_FAILED', name, () => fs.renameSync(this.at(temp), this.at(name)));
    } catch (error) {
      this.#remove(temp);
      throw error;
    }
    this.#sync();
    return keptAs;
  }

  /** Renames a file so that it is not part of the log. @returns its new name */
  moveAside(name: string): string {
    const aside = this.#unusedName(name);
    this.#attempt('WRITE_FAILED', name, () => fs.renameSync(this.at(name), this.at(aside)));
    this.#sync();
    return aside;
  }

  /** Brings what a file has to the device. @throws WalError FSYNC_FAILED */
  syncFile(name: string): void {
    this.#inFile(name, () => {});
  }

  /**
   * Overwrites the front of a file in place: less than a sector, which a device writes whole or not at all.
   * @throws WalError WRITE_FAILED, FSYNC_FAILED
   */
  overwriteFront(name: string, front: Uint8Array): void {
    this.#inFile(name, (fd) => {
      this.#attempt('WRITE_FAILED', name, () => fs.writeSync(fd, front, 0, front.length, 0));
    });
  }

  /** Opens a file, and brings it to the device when `use` is done with it. */
  #inFile(name: string, use: (fd: number) => void): void {
    const fd = this.#attempt('FSYNC_FAILED', name, () =>
      fs.openSync(this.at(name), O_RDWR | O_NOFOLLOW | O_NONBLOCK),
    );
    try {
      use(fd);
      this.#attempt('FSYNC_FAILED', name, () => fs.fdatasyncSync(fd));
    } finally {
      closeFile(fd, this.label(name));
    }
  }

  /** The name under which `replace` or `moveAside` keeps a file. */
  asideName(name: string): string {
    return this.#asideOf(name) ?? this.#unusedName(name);
  }

  /** An earlier repair may have been killed between this and the rename. */
  #linkAside(name: string): string {
    const before = this.#asideOf(name);
    if (before !== undefined) return before;
    const aside = this.#unusedName(name);
    this.#attempt('WRITE_FAILED', name, () => fs.linkSync(this.at(name), this.at(aside)));
    this.#sync();
    return aside;
  }

  /** The name aside that leads to the same file already. */
  #asideOf(name: string): string | undefined {
    const { ino, nlink } = this.stat(name);
    if (nlink === 1n) return undefined;
    for (let n = 0; this.exists(asideName(name, n)); n++) {
      if (this.stat(asideName(name, n)).ino === ino) return asideName(name, n);
    }
    return undefined;
  }

  #unusedName(name: string): string {
    let n = 0;
    while (this.exists(asideName(name, n))) n++;
    return asideName(name, n);
  }

  /** A new file with mode 0600 whatever the umask. */
  #writeTemp(temp: string, content: Uint8Array): void {
    const fd = this.#attempt('OPEN_FAILED', temp, () =>
      fs.openSync(this.at(temp), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, FILE_MODE),
    );
    try {
      this.#attempt('WRITE_FAILED', temp, () => {
        fs.fchmodSync(fd, FILE_MODE);
        for (let done = 0; done < content.length; )
          done += fs.writeSync(fd, content, done, content.length - done, done);
      });
      this.#attempt('FSYNC_FAILED', temp, () => fs.fdatasyncSync(fd));
    } finally {
      closeFile(fd, this.label(temp));
    }
  }

  #remove(name: string): void {
    this.#attempt('WRITE_FAILED', name, () => fs.rmSync(this.at(name), { force: true }));
  }

  #sync(): void {
    this.#attempt('FSYNC_FAILED', '.', () => fs.fsyncSync(this.#fd));
  }

  #attempt<T>(code: WalErrorCode, name: string, call: () => T): T {
    try {
      return call();
    } catch (cause) {
      throw failed(code, this.label(name), cause);
    }
  }
}

function isTemp(name: string): boolean {
  if (!name.endsWith(TEMP_SUFFIX)) return false;
  const finished = name.slice(0, -TEMP_SUFFIX.length);
  return finished === META_FILE || parseSegmentFileName(finished) !== undefined;
}

function asideName(name: string, n: number): string {
  return n === 0 ? `${name}${BROKEN_SUFFIX}` : `${name}.${n}${BROKEN_SUFFIX}`;
}

function failed(code: WalErrorCode, file: string, cause: unknown): WalError {
  const full = ['ENOSPC', 'EDQUOT'].includes((cause as NodeJS.ErrnoException).code ?? '');
  const message = cause instanceof Error ? cause.message : String(cause);
  return new WalError(full && code !== 'FSYNC_FAILED' ? 'DISK_FULL' : code, message, { file, cause });
}
