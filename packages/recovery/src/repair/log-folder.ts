import fs from 'node:fs';
import path from 'node:path';
import { BROKEN_SUFFIX, WalError, type WalErrorCode } from '@fswal/format';
import { closeFile } from '@fswal/format/files';

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
    return fs.lstatSync(this.at(name), { throwIfNoEntry: false }) !== undefined;
  }

  /**
   * Gives a file a new content, whole or not at all: the old one goes, unless `keep` asks for it under another name.
   * There is no moment at which nothing has the name.
   * @returns the name that the old content has now, null where it is gone
   * @throws WalError OPEN_FAILED, DISK_FULL, WRITE_FAILED, FSYNC_FAILED: the old content is still there
   */
  replace(name: string, content: Uint8Array, keep: boolean): string | null {
    const temp = `${name}${TEMP_SUFFIX}`;
    this.#writeTemp(temp, content);
    const keptAs = keep ? this.#linkAside(name) : null;
    this.#attempt('WRITE_FAILED', name, () => fs.renameSync(this.at(temp), this.at(name)));
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
    const fd = this.#attempt('FSYNC_FAILED', name, () =>
      fs.openSync(this.at(name), O_RDWR | O_NOFOLLOW | O_NONBLOCK),
    );
    try {
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
    const { ino, nlink } = fs.lstatSync(this.at(name), { bigint: true });
    if (nlink === 1n) return undefined;
    for (let n = 0; this.exists(asideName(name, n)); n++) {
      if (fs.lstatSync(this.at(asideName(name, n)), { bigint: true }).ino === ino) return asideName(name, n);
    }
    return undefined;
  }

  #unusedName(name: string): string {
    let n = 0;
    while (this.exists(asideName(name, n))) n++;
    return asideName(name, n);
  }

  /** A new file with mode 0600 whatever the umask. One of that name that was never finished is removed first. */
  #writeTemp(temp: string, content: Uint8Array): void {
    this.#attempt('WRITE_FAILED', temp, () => fs.rmSync(this.at(temp), { force: true }));
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

function asideName(name: string, n: number): string {
  return n === 0 ? `${name}${BROKEN_SUFFIX}` : `${name}.${n}${BROKEN_SUFFIX}`;
}

function failed(code: WalErrorCode, file: string, cause: unknown): WalError {
  const full = ['ENOSPC', 'EDQUOT'].includes((cause as NodeJS.ErrnoException).code ?? '');
  const message = cause instanceof Error ? cause.message : String(cause);
  return new WalError(full && code !== 'FSYNC_FAILED' ? 'DISK_FULL' : code, message, { file, cause });
}
