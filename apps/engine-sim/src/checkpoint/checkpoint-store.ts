import { constants, lstatSync, mkdirSync, renameSync, unlinkSync } from 'node:fs';
import { type FileHandle, lstat, open, readdir, rename, rm, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BROKEN_SUFFIX, WalError, type WalErrorCode } from '@fswal/format';
import { asWalError, errnoName, syncDirectory } from '@fswal/mmap';
import { UnusableCheckpoint } from './checkpoint.js';
import {
  type CheckpointFile,
  checkpointName,
  checkpointsAmong,
  isUnfinished,
  listCheckpoints,
  namesIn,
  readSound,
  unfinishedName,
} from './checkpoint-files.js';

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
const DIR_MODE = 0o700;
const FILE_MODE = 0o600;

/**
 * The directory of a log's checkpoints, for the one process that writes them: the one that has the lock on the log.
 *
 * A checkpoint is there whole, on the device and behind the durable position of its log, or not at all. One that cannot
 * be used is never deleted or written over: it is moved aside, to a name that ends in `.broken`.
 */
export class CheckpointStore {
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /**
   * Makes the directory where there is none, removes what a killed process has begun to write, and moves damaged
   * checkpoints aside: the others may be deleted one day, and those not.
   * @throws WalError OPEN_FAILED, READ_FAILED, FILE_NOT_DELETED, WRITE_FAILED, FSYNC_FAILED
   */
  static open(dir: string): CheckpointStore {
    const store = new CheckpointStore(dir);
    attemptSync('OPEN_FAILED', dir, () => mkdirSync(dir, { recursive: true, mode: DIR_MODE }));
    syncDirectory(dirname(dir));
    for (const name of namesIn(dir)) {
      const file = join(dir, name);
      if (isUnfinished(name)) attemptSync('FILE_NOT_DELETED', file, () => unlinkSync(file));
    }
    for (const found of listCheckpoints(dir)) if (!isSound(found)) store.moveAside(found.file);
    return store;
  }

  /** Where there still is such a file. @throws WalError WRITE_FAILED, FSYNC_FAILED */
  moveAside(file: string): void {
    if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return;
    attemptSync('WRITE_FAILED', file, () => renameSync(file, unusedName(file)));
    syncDirectory(this.#dir);
  }

  /**
   * Writes a checkpoint, all calls of the system on other threads.
   *
   * @param bytes not to be changed before this is over
   * @param durable resolves when the log is durable up to the event. Before that a checkpoint is not given its name:
   * after a power cut it would be one of events that the log has lost
   * @throws WalError OPEN_FAILED, WRITE_FAILED, DISK_FULL, FSYNC_FAILED, FILE_ALREADY_EXISTS, CLOSE_FAILED, FILE_NOT_DELETED, and what
   * `durable` throws: the other checkpoints are as they were
   */
  async write(eventId: bigint, bytes: Uint8Array, durable: () => Promise<unknown>): Promise<void> {
    const file = join(this.#dir, checkpointName(eventId));
    const temp = join(this.#dir, unfinishedName(eventId));
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
    const handle = await attempt('OPEN_FAILED', temp, () => open(temp, flags, FILE_MODE));
    try {
      await writeAll(handle, temp, bytes);
      await durable();
      if (await exists(file)) throw new WalError('FILE_ALREADY_EXISTS', 'it is not overwritten', { file });
      await attempt('WRITE_FAILED', file, () => rename(temp, file));
    } catch (error) {
      await attempt('FILE_NOT_DELETED', temp, () => rm(temp, { force: true }));
      throw error;
    }
    await this.#sync();
  }

  /** Deletes all but the newest ones. @throws WalError READ_FAILED, FILE_NOT_DELETED */
  async keepNewest(count: number): Promise<void> {
    const names = await attempt('READ_FAILED', this.#dir, () => readdir(this.#dir));
    for (const { file } of checkpointsAmong(names, this.#dir).slice(count)) {
      await attempt('FILE_NOT_DELETED', file, () => unlink(file));
    }
  }

  async #sync(): Promise<void> {
    const handle = await attempt('FSYNC_FAILED', this.#dir, () => open(this.#dir, 'r'));
    try {
      await attempt('FSYNC_FAILED', this.#dir, () => handle.sync());
    } finally {
      await attempt('CLOSE_FAILED', this.#dir, () => handle.close());
    }
  }
}

async function writeAll(handle: FileHandle, file: string, bytes: Uint8Array): Promise<void> {
  try {
    // The umask may have taken bits away.
    await attempt('WRITE_FAILED', file, () => handle.chmod(FILE_MODE));
    for (let done = 0; done < bytes.length; ) {
      const from = done;
      done += (await attempt('WRITE_FAILED', file, () => handle.write(bytes, from))).bytesWritten;
    }
    await attempt('FSYNC_FAILED', file, () => handle.datasync());
  } finally {
    await attempt('CLOSE_FAILED', file, () => handle.close());
  }
}

async function exists(file: string): Promise<boolean> {
  try {
    await lstat(file);
    return true;
  } catch (cause) {
    if (errnoName(cause) === 'ENOENT') return false;
    throw asWalError('OPEN_FAILED', 'cannot look whether it is there', cause, file);
  }
}

function isSound(found: CheckpointFile): boolean {
  try {
    readSound(found);
    return true;
  } catch (error) {
    if (error instanceof UnusableCheckpoint) return false;
    throw error;
  }
}

/** A name that nothing has. */
function unusedName(file: string): string {
  for (let n = 0; ; n++) {
    const name = n === 0 ? `${file}${BROKEN_SUFFIX}` : `${file}.${n}${BROKEN_SUFFIX}`;
    if (lstatSync(name, { throwIfNoEntry: false }) === undefined) return name;
  }
}

/** Runs a system call; its error becomes a WalError of `code`, or DISK_FULL. */
async function attempt<T>(code: WalErrorCode, file: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    throw asWalError(code, 'checkpoint', cause, file);
  }
}

function attemptSync<T>(code: WalErrorCode, file: string, call: () => T): T {
  try {
    return call();
  } catch (cause) {
    throw asWalError(code, 'checkpoint', cause, file);
  }
}
