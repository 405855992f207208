import fs from 'node:fs';
import path from 'node:path';
import { WalError } from '@fswal/format';
import { closeFile, openRegularFile } from '@fswal/format/files';
import { asWalError } from '@fswal/mmap';

const { O_DIRECTORY, O_RDONLY } = fs.constants;
const DIR_MODE = 0o700;
const OTHERS_MAY_WRITE = 0o022;

/** What another thread of the process needs for the same folder. */
export interface FolderHandle {
  readonly path: string;
  /** The process's: every thread uses the same one. */
  readonly fd: number;
}

/** Which file it is, by whatever name. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
}

/**
 * A directory held open. Every file of the log is looked up in it and in nothing else: on Linux by way of the
 * descriptor, so that whoever swaps the directory, or one above it, while the log is open leads nobody astray.
 */
export class Folder implements FolderHandle {
  /** For messages. */
  readonly path: string;
  readonly fd: number;
  readonly #base: string;

  constructor({ path, fd }: FolderHandle) {
    this.path = path;
    this.fd = fd;
    const own = `/proc/self/fd/${fd}`;
    this.#base = process.platform === 'linux' && fs.existsSync(`${own}/.`) ? own : path;
  }

  /**
   * Opens a directory, making it and what is missing above it. One that is made has mode 0700 whatever the umask.
   *
   * @param shared accept one that belongs to somebody else, or that others may write to
   * @throws WalError OPEN_FAILED for a directory that others could put files into; DISK_FULL
   */
  static open(dir: string, shared: boolean): Folder {
    let fd: number | undefined;
    try {
      const made = makeDirectory(dir);
      fd = fs.openSync(dir, O_RDONLY | O_DIRECTORY);
      // First: by now it may be another directory than the one that was made.
      if (!shared) refuseShared(dir, fs.fstatSync(fd));
      if (made) fs.fchmodSync(fd, DIR_MODE);
      return new Folder({ path: dir, fd });
    } catch (cause) {
      if (fd !== undefined) closeFile(fd, dir);
      throw asWalError('OPEN_FAILED', 'the log directory cannot be made or opened', cause, dir);
    }
  }

  /** @throws WalError CLOSE_FAILED */
  close(): void {
    closeFile(this.fd, this.path);
  }

  isSameAs(other: Folder): boolean {
    return isSame(fs.fstatSync(this.fd, { bigint: true }), `${other.base}/.`);
  }

  /** The path of an entry, for system calls. */
  at(name: string): string {
    return `${this.#base}/${name}`;
  }
  /** The folder itself, for those who list it. */
  get base(): string {
    return this.#base;
  }
  /** The path of an entry, for messages. */
  label(name: string): string {
    return path.join(this.path, name);
  }

  /** A path for system calls as one for messages. */
  display(file: string): string {
    return file.replaceAll(this.#base, this.path);
  }

  /** Makes what was created, renamed and removed in it durable. @throws WalError FSYNC_FAILED */
  sync(): void {
    try {
      fs.fsyncSync(this.fd);
    } catch (cause) {
      throw asWalError('FSYNC_FAILED', 'cannot sync the directory', cause, this.path);
    }
  }

  /** @throws WalError FSYNC_FAILED where its path leads to another directory by now, or to none */
  verify(): void {
    if (isSame(fs.fstatSync(this.fd, { bigint: true }), this.path)) return;
    const message =
      'the directory was removed or replaced while the log was open: nothing more becomes durable';
    throw new WalError('FSYNC_FAILED', message, { file: this.path });
  }

  /** @throws WalError FSYNC_FAILED where an open file is no longer what the folder has under that name */
  verifyFile(name: string, fd: number): void {
    this.verifyEntry(name, fs.fstatSync(fd, { bigint: true }));
  }

  /** @throws WalError OPEN_FAILED */
  identify(name: string): FileIdentity {
    try {
      const { dev, ino } = fs.lstatSync(this.at(name), { bigint: true });
      return { dev, ino };
    } catch (cause) {
      throw asWalError('OPEN_FAILED', 'it is gone again', cause, this.label(name));
    }
  }

  /** @throws WalError FSYNC_FAILED where that file is no longer what the folder has under that name */
  verifyEntry(name: string, identity: FileIdentity): void {
    if (isSame(identity, this.at(name))) return;
    const message = 'the file was removed or replaced while the log was open: nothing more becomes durable';
    throw new WalError('FSYNC_FAILED', message, { file: this.label(name) });
  }

  /** Opens a file of ours. @throws WalError OPEN_FAILED where it is a link, not regular, somebody else's, or has two names */
  openOwn(name: string, flags: number): { fd: number; bytes: number } {
    const opened = openRegularFile(this.at(name), flags);
    const { nlink, uid } = fs.fstatSync(opened.fd);
    const euid = process.geteuid?.() ?? uid;
    if (nlink === 1 && uid === euid) return opened;
    closeFile(opened.fd, this.label(name));
    const why =
      nlink === 1
        ? 'it belongs to somebody else'
        : `it has ${nlink} names, and would be changed under all of them`;
    throw new WalError('OPEN_FAILED', why, { file: this.label(name) });
  }

  /** An error as it is, but with the folder's own path where a system call was given the descriptor's. */
  named(error: unknown): unknown {
    if (!(error instanceof WalError) || this.#base === this.path) return error;
    const { code, reason, file, offset, block, eventId, cause } = error;
    if (!reason.includes(this.#base) && file?.includes(this.#base) !== true) return error;
    return new WalError(code, this.display(reason), {
      file: file === undefined ? undefined : this.display(file),
      offset,
      block,
      eventId,
      cause,
    });
  }
}

/** @throws WalError FSYNC_FAILED where nobody can tell */
function isSame(stats: FileIdentity, file: string): boolean {
  try {
    const there = fs.statSync(file, { bigint: true, throwIfNoEntry: false });
    return there !== undefined && there.dev === stats.dev && there.ino === stats.ino;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOTDIR') return false;
    throw asWalError('FSYNC_FAILED', 'cannot look whether it is still there', cause, file);
  }
}

/** @returns whether it was made, every name on the device */
function makeDirectory(dir: string): boolean {
  const first = fs.mkdirSync(dir, { recursive: true, mode: DIR_MODE });
  if (first === undefined) return false;
  for (let made = dir; made.length >= first.length; made = path.dirname(made)) {
    const fd = fs.openSync(path.dirname(made), O_RDONLY | O_DIRECTORY);
    try {
      fs.fsyncSync(fd);
    } finally {
      closeFile(fd, made);
    }
  }
  return true;
}

function refuseShared(dir: string, { uid, mode }: fs.Stats): void {
  const euid = process.geteuid?.() ?? uid;
  const open = (mode & OTHERS_MAY_WRITE) !== 0;
  if (uid === euid && !open) return;
  const why = open
    ? `others may write to it (mode ${(mode & 0o7777).toString(8)}): chmod go-w it`
    : `it belongs to user ${uid}, not to ${euid}`;
  throw new WalError('OPEN_FAILED', `${why}, or set allowSharedDirectory`, { file: dir });
}
