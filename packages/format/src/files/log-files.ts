/* The few reads of a log directory that recorder and recovery share. Nothing here writes. */
import fs from 'node:fs';
import path from 'node:path';
import { WalError } from '../errors.js';
import { isLogFileName, META_FILE, parseSegmentFileName, type SegmentFile } from '../file-names.js';
import { META_BYTES } from '../layout.js';
import { type DurablePosition, decodeMeta } from '../meta.js';

const READ_CHUNK_BYTES = 1 << 20;
/** Entries that one call of the system gives. */
const LIST_CHUNK = 1024;

/** A log directory by its entries. */
export interface LogDirectory {
  /** In index order; both forms of one segment stand beside each other, the `.wal` first. */
  readonly segments: readonly SegmentFile[];
  /** Every other name that may be of a log: see `isLogFileName`. */
  readonly others: readonly string[];
  /** How many names are none of these. They are not kept: there may be any number of them. */
  readonly foreign: number;
}

/** @throws WalError DIRECTORY_NOT_FOUND, READ_FAILED */
export function listLogDirectory(dir: string): LogDirectory {
  const segments: SegmentFile[] = [];
  const others: string[] = [];
  let foreign = 0;
  try {
    const entries = fs.opendirSync(dir, { bufferSize: LIST_CHUNK });
    try {
      for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
        const { name } = entry;
        const segment = parseSegmentFileName(name);
        if (segment !== undefined) segments.push(segment);
        else if (isLogFileName(name)) others.push(name);
        else foreign++;
      }
    } finally {
      entries.closeSync();
    }
  } catch (cause) {
    const missing = isErrno(cause, 'ENOENT') || isErrno(cause, 'ENOTDIR');
    throw new WalError(missing ? 'DIRECTORY_NOT_FOUND' : 'READ_FAILED', messageOf(cause), {
      file: dir,
      cause,
    });
  }
  others.sort();
  segments.sort((a, b) => a.segmentIndex - b.segmentIndex || Number(a.compressed) - Number(b.compressed));
  return { segments, others, foreign };
}

/** Where both forms of a segment are there, the plain one: the other was being made from it. */
export function oneFormEach(files: readonly SegmentFile[]): SegmentFile[] {
  return files.filter((file, i) => i === 0 || files[i - 1].segmentIndex !== file.segmentIndex);
}

/** The `.lz4` of the segments that have both forms, by segment index: somebody was interrupted while compressing them. */
export function otherForms(files: readonly SegmentFile[]): ReadonlyMap<number, SegmentFile> {
  const others = files.filter((file, i) => i > 0 && files[i - 1].segmentIndex === file.segmentIndex);
  return new Map(others.map((file) => [file.segmentIndex, file]));
}

/**
 * Opens an existing regular file; never follows a link, never blocks on a fifo.
 * @throws WalError OPEN_FAILED
 */
export function openRegularFile(file: string, flags = fs.constants.O_RDONLY): { fd: number; bytes: number } {
  let fd: number;
  try {
    fd = fs.openSync(file, flags | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
  } catch (cause) {
    throw new WalError('OPEN_FAILED', messageOf(cause), { file, cause });
  }
  try {
    // As bigints: of the other stats Node 20 keeps the last ones, and where those are of a fifo, it finds no module behind a
    // link any more (realpath stops at the first part of the path that it knows already).
    const stats = fs.fstatSync(fd, { bigint: true });
    if (!stats.isFile()) throw new Error('this is not a regular file');
    return { fd, bytes: Number(stats.size) };
  } catch (cause) {
    closeFile(fd, file);
    throw new WalError('OPEN_FAILED', messageOf(cause), { file, cause });
  }
}

/** What has this name, not what that may lead to; undefined where nothing has it. @throws WalError READ_FAILED */
export function statName(file: string): fs.BigIntStats | undefined {
  return orReadFailed(file, () => fs.lstatSync(file, { bigint: true, throwIfNoEntry: false }));
}

/** Of an open file. @throws WalError READ_FAILED */
export function statOpen(fd: number, file: string): fs.BigIntStats {
  return orReadFailed(file, () => fs.fstatSync(fd, { bigint: true }));
}

function orReadFailed<T>(file: string, call: () => T): T {
  try {
    return call();
  } catch (cause) {
    throw new WalError('READ_FAILED', messageOf(cause), { file, cause });
  }
}

/** Closes a descriptor of `file`, which it is no more whatever this throws. @throws WalError CLOSE_FAILED */
export function closeFile(fd: number, file: string): void {
  try {
    fs.closeSync(fd);
  } catch (cause) {
    throw new WalError('CLOSE_FAILED', messageOf(cause), { file, cause });
  }
}

/**
 * Reads `into.length` bytes of the file from `offset` on, less where it ends before. `onProgress` is called after each
 * megabyte.
 * @returns the number of bytes read
 * @throws WalError READ_FAILED
 */
export function readFully(
  fd: number,
  into: Uint8Array,
  file: string,
  onProgress?: () => void,
  offset = 0,
): number {
  let done = 0;
  while (done < into.length) {
    const chunk = into.subarray(done, Math.min(done + READ_CHUNK_BYTES, into.length));
    const count = readSome(fd, chunk, offset + done, file);
    if (count === 0) break;
    done += count;
    onProgress?.();
  }
  return done;
}

/**
 * One read at `offset` of the file; again where a signal interrupted it, which libuv does for writes alone.
 * @returns how many bytes came, perhaps fewer than `into` takes; 0 at the file's end
 * @throws WalError READ_FAILED
 */
export function readSome(fd: number, into: Uint8Array, offset: number, file: string): number {
  for (;;) {
    try {
      return fs.readSync(fd, into, 0, into.length, offset);
    } catch (cause) {
      if (isErrno(cause, 'EINTR')) continue;
      throw new WalError('READ_FAILED', messageOf(cause), { file, offset, cause });
    }
  }
}

/** The whole of a small or bounded file. @throws WalError OPEN_FAILED, READ_FAILED; SEGMENT_CORRUPTED above the limit */
export function readRegularFile(file: string, maxBytes: number): Uint8Array {
  const { fd, bytes } = openRegularFile(file);
  try {
    refuseLarger(bytes, maxBytes, file);
    const content = new Uint8Array(bytes);
    return content.subarray(0, readFully(fd, content, file));
  } finally {
    closeFile(fd, file);
  }
}

/** @throws WalError SEGMENT_CORRUPTED for a file of more bytes than such a file can have */
export function refuseLarger(bytes: number, maxBytes: number, file: string): void {
  if (bytes <= maxBytes) return;
  const message = `${bytes} bytes are more than such a file can have (${maxBytes})`;
  throw new WalError('SEGMENT_CORRUPTED', message, { file, offset: maxBytes });
}

/**
 * What `wal_meta.dat` says: a position, or why there is none.
 * @throws WalError OPEN_FAILED, READ_FAILED where it exists but cannot be read
 */
export function readDurablePosition(dir: string): { position: DurablePosition } | { missing: string } {
  const file = path.join(dir, META_FILE);
  let bytes: Uint8Array;
  try {
    const opened = openRegularFile(file);
    try {
      bytes = new Uint8Array(Math.min(opened.bytes, META_BYTES + 1));
      bytes = bytes.subarray(0, readFully(opened.fd, bytes, file));
    } finally {
      closeFile(opened.fd, file);
    }
  } catch (error) {
    if (error instanceof WalError && isErrno(error.cause, 'ENOENT'))
      return { missing: `${META_FILE} is missing` };
    throw error;
  }
  const position = decodeMeta(bytes);
  if (position !== undefined) return { position };
  if (bytes.length === META_BYTES) return { missing: `${META_FILE} does not match its checksum` };
  return {
    missing: `${META_FILE} has ${bytes.length > META_BYTES ? 'over ' : ''}${Math.min(bytes.length, META_BYTES)} bytes, not ${META_BYTES}`,
  };
}

/** 32 hex digits that differ from boot to boot; '' where the machine tells none. */
export function readBootId(): string {
  if (process.platform !== 'linux') return '';
  try {
    return fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').replace(/[^0-9a-f]/g, '');
  } catch (cause) {
    if (isErrno(cause, 'ENOENT') || isErrno(cause, 'EACCES')) return '';
    throw cause;
  }
}

/** Whether an error is that of a system call with this errno name. */
export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
