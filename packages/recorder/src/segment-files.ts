import fs from 'node:fs';
import {
  blockOffset,
  compressedSegmentFileName,
  encodeSegmentHeader,
  type FormatVersion,
  parseSegmentFileName,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentBytes,
  segmentFileName,
  WalError,
  type WalErrorCode,
} from '@fswal/format';
import { closeFile, readSome } from '@fswal/format/files';
import { asWalError, type MmapProvider } from '@fswal/mmap';
import type { Folder } from './folder.js';

const { O_CREAT, O_DSYNC, O_EXCL, O_NOFOLLOW, O_RDWR } = fs.constants;
const FILE_MODE = 0o600;
const WARM_CHUNK_BYTES = 1 << 20;

/** Appended to the name of a file until it is whole. */
export const TEMP_SUFFIX = '.tmp';

/**
 * A segment file that is open for writing. It has two descriptors, each with one owner at a time: `fd` goes from the
 * preparer to the writer to the maintainer, which closes it; `syncFd` from the preparer to the writer to the
 * coordinator, which closes it. Both are open from before the first write on, so that an error of the device is
 * reported to both.
 */
export interface OpenSegment {
  readonly file: string;
  readonly segmentIndex: number;
  readonly version: FormatVersion;
  readonly capacityBlocks: number;
  readonly createdNs: bigint;
  readonly fd: number;
  readonly syncFd: number;
}

/** The segment files of one directory: creation and every write to them. */
export class SegmentFiles {
  readonly folder: Folder;
  readonly #provider: Pick<MmapProvider, 'allocate'>;
  #warmBuffer: Uint8Array | undefined;

  constructor(folder: Folder, provider: Pick<MmapProvider, 'allocate'>) {
    this.folder = folder;
    this.#provider = provider;
  }

  /** The path of a file, for messages. */
  path(name: string): string {
    return this.folder.label(name);
  }

  /**
   * Creates the next segment: blocks allocated, header written, name and header on the device.
   * @throws WalError FILE_ALREADY_EXISTS, DISK_FULL, OPEN_FAILED, WRITE_FAILED, FSYNC_FAILED; no file is left behind
   */
  create(segmentIndex: number, capacityBlocks: number, version: FormatVersion): OpenSegment {
    const name = segmentFileName(segmentIndex);
    this.#refuseExisting(name);
    const temp = `${name}${TEMP_SUFFIX}`;
    const file = this.path(temp);
    const createdNs = nowNs();
    const fd = this.createTemp(temp);
    let made = temp;
    try {
      this.#provider.allocate(fd, segmentBytes(capacityBlocks));
      this.writeHeader({ fd, file }, preparedHeader(segmentIndex, version, createdNs));
      attempt('FSYNC_FAILED', file, () => fs.fsyncSync(fd));
      this.rename(temp, name);
      made = name;
      return this.#open(name, { segmentIndex, capacityBlocks, version, createdNs, fd });
    } catch (error) {
      closeFile(fd, file);
      fs.rmSync(this.folder.at(made), { force: true });
      throw error;
    }
  }

  /**
   * Makes the next segment of a file that retention has freed (see `free`). Its blocks are allocated and its pages
   * warm; what it holds has ids below those to come. Header and name are on the device when this returns.
   * @returns undefined where somebody else holds on to the freed file, by a link to it, or has changed its size: it is
   *   removed then, and not written on
   * @throws WalError as `create`; the freed file stays where it failed before the new name
   */
  recycle(
    freed: number,
    segmentIndex: number,
    capacityBlocks: number,
    version: FormatVersion,
  ): OpenSegment | undefined {
    const name = segmentFileName(segmentIndex);
    this.#refuseExisting(name);
    const temp = freedFileName(freed);
    const file = this.path(temp);
    const createdNs = nowNs();
    const fd = this.#openFreed(temp, segmentBytes(capacityBlocks));
    if (fd === undefined) {
      this.remove(temp);
      return undefined;
    }
    try {
      // O_DSYNC: the header alone goes to the device, not the old events that may still be on their way there.
      const synced = this.folder.openOwn(temp, O_RDWR | O_DSYNC).fd;
      try {
        this.writeHeader({ fd: synced, file }, preparedHeader(segmentIndex, version, createdNs));
      } finally {
        closeFile(synced, file);
      }
      this.rename(temp, name);
      return this.#open(name, { segmentIndex, capacityBlocks, version, createdNs, fd });
    } catch (error) {
      closeFile(fd, file);
      throw error;
    }
  }

  #openFreed(temp: string, bytes: number): number | undefined {
    try {
      const opened = this.folder.openOwn(temp, O_RDWR);
      if (opened.bytes === bytes) return opened.fd;
      closeFile(opened.fd, this.path(temp));
      return undefined;
    } catch (error) {
      if (error instanceof WalError && error.code === 'OPEN_FAILED') return undefined;
      throw error;
    }
  }

  /** The name is on the device, and the second descriptor open. */
  #open(name: string, segment: Omit<OpenSegment, 'file' | 'syncFd'>): OpenSegment {
    this.folder.sync();
    return { ...segment, file: this.path(name), syncFd: this.folder.openOwn(name, O_RDWR).fd };
  }

  #refuseExisting(name: string): void {
    if (fs.lstatSync(this.folder.at(name), { throwIfNoEntry: false }) === undefined) return;
    throw new WalError('FILE_ALREADY_EXISTS', 'the next segment cannot be created', {
      file: this.path(name),
    });
  }

  /** Takes the `.wal` of a segment away, as `free`; the `.lz4`, where there is one, stands for the segment from then on. */
  freePlain(segmentIndex: number, recycle: boolean): void {
    const name = segmentFileName(segmentIndex);
    if (recycle) {
      this.rename(name, freedFileName(segmentIndex));
      this.folder.sync();
    } else {
      this.remove(name);
    }
  }

  /**
   * Takes a full segment out of the log; when this returns, its names are gone from the device.
   * @param compressed whether the `.lz4` stands for it, and there is no `.wal`
   * @param recycle keep the `.wal` for `recycle`, under its name with `.tmp`
   */
  free(segmentIndex: number, compressed: boolean, recycle: boolean): void {
    const packed = compressedSegmentFileName(segmentIndex);
    if (compressed) {
      this.remove(packed);
      return;
    }
    // There is one where the segment was compressed and its `.wal` could not be removed then.
    if (fs.lstatSync(this.folder.at(packed), { throwIfNoEntry: false }) !== undefined) this.remove(packed);
    this.freePlain(segmentIndex, recycle);
  }

  /** Deletes a file; when it returns, its name is gone from the device. */
  remove(name: string): void {
    attempt('FILE_NOT_DELETED', this.path(name), () => fs.unlinkSync(this.folder.at(name)));
    this.syncDirectory();
  }

  /** A new file with mode 0600 whatever the umask. One of that name that a killed recorder left is removed first. */
  createTemp(name: string): number {
    const file = this.path(name);
    attempt('WRITE_FAILED', file, () => fs.rmSync(this.folder.at(name), { force: true }));
    const fd = attempt('OPEN_FAILED', file, () =>
      fs.openSync(this.folder.at(name), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, FILE_MODE),
    );
    try {
      attempt('OPEN_FAILED', file, () => fs.fchmodSync(fd, FILE_MODE));
      return fd;
    } catch (error) {
      closeFile(fd, file);
      throw error;
    }
  }

  /** @throws WalError FSYNC_FAILED, whatever went wrong: which of the two names the device has is not known then */
  rename(from: string, to: string): void {
    attempt('FSYNC_FAILED', this.path(from), () => fs.renameSync(this.folder.at(from), this.folder.at(to)));
  }

  /** Opens a segment that is to be written on. @throws WalError OPEN_FAILED */
  reopen(header: SegmentHeader, capacityBlocks: number): OpenSegment {
    const name = segmentFileName(header.segmentIndex);
    const { fd } = this.folder.openOwn(name, O_RDWR);
    const syncFd = this.folder.openOwn(name, O_RDWR).fd;
    const { segmentIndex, version, createdNs } = header;
    return { file: this.path(name), segmentIndex, version, capacityBlocks, createdNs, fd, syncFd };
  }

  /** Brings a new segment's pages into the page cache by reading them, so that writing finds them there. @throws WalError READ_FAILED */
  warm(segment: OpenSegment): void {
    this.#warmBuffer ??= new Uint8Array(WARM_CHUNK_BYTES);
    const end = blockOffset(segment.capacityBlocks);
    for (let at = 0; at < end; at += WARM_CHUNK_BYTES)
      readSome(segment.fd, this.#warmBuffer, at, segment.file);
  }

  /** Writes all of `bytes` at `offset`. @throws WalError DISK_FULL, WRITE_FAILED, with the offset up to which all was written */
  write({ fd, file }: { fd: number; file: string }, bytes: Uint8Array, offset: number): void {
    let done = 0;
    while (done < bytes.length) {
      let count: number;
      try {
        count = fs.writeSync(fd, bytes, done, bytes.length - done, offset + done);
      } catch (cause) {
        const { code, reason } = asWalError('WRITE_FAILED', 'the system refused', cause, file);
        throw new WalError(code, reason, { file, offset: offset + done, cause });
      }
      if (count === 0)
        throw new WalError('WRITE_FAILED', 'nothing was written', { file, offset: offset + done });
      done += count;
    }
  }

  /** @throws WalError DISK_FULL, WRITE_HEADER_FAILED */
  writeHeader(segment: { fd: number; file: string }, header: SegmentHeader): void {
    const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
    encodeSegmentHeader(header, bytes);
    this.write(segment, bytes, 0);
  }

  /**
   * Makes the temporary file of the next `replace` ahead, of zeros: that one then needs no room on the disk.
   * @param bytes those of the content to come
   * @returns false where the disk is full
   * @throws WalError OPEN_FAILED, WRITE_FAILED
   */
  reserve(name: string, bytes: number): boolean {
    const temp = `${name}${TEMP_SUFFIX}`;
    try {
      const fd = this.createTemp(temp);
      try {
        this.write({ fd, file: this.path(temp) }, new Uint8Array(bytes), 0);
      } finally {
        closeFile(fd, this.path(temp));
      }
      return true;
    } catch (error) {
      if (error instanceof WalError && error.code === 'DISK_FULL') return false;
      throw error;
    }
  }

  /**
   * Gives a small file of the directory a new content: whole or not at all, and on the device when this returns.
   * @param reserved the temporary file is there, from `reserve`, with as many bytes
   * @throws WalError WRITE_FAILED, DISK_FULL, FSYNC_FAILED: the old content is still there
   */
  replace(name: string, content: Uint8Array, reserved = false): void {
    const temp = `${name}${TEMP_SUFFIX}`;
    const fd = reserved ? this.folder.openOwn(temp, O_RDWR).fd : this.createTemp(temp);
    try {
      this.write({ fd, file: this.path(temp) }, content, 0);
      this.sync(fd, this.path(temp));
    } finally {
      closeFile(fd, this.path(temp));
    }
    this.rename(temp, name);
    this.syncDirectory();
  }

  /** @throws WalError FSYNC_FAILED: what was written may be lost, and a second call would not tell */
  sync(fd: number, file: string): void {
    attempt('FSYNC_FAILED', file, () => fs.fdatasyncSync(fd));
  }

  /** @throws WalError FSYNC_FAILED */
  syncDirectory(): void {
    this.folder.sync();
  }
}

/** What a segment is called between retention and the preparer: the name of a temporary file, which opening removes. */
export function freedFileName(segmentIndex: number): string {
  return `${segmentFileName(segmentIndex)}${TEMP_SUFFIX}`;
}

export function isFreedFileName(name: string): boolean {
  return (
    name.endsWith(TEMP_SUFFIX) &&
    parseSegmentFileName(name.slice(0, -TEMP_SUFFIX.length))?.compressed === false
  );
}

/** The header of a segment before its first event. */
export function preparedHeader(
  segmentIndex: number,
  version: FormatVersion,
  createdNs: bigint,
): SegmentHeader {
  return {
    version,
    segmentIndex,
    blockCount: 0,
    eventCount: 0,
    firstEventId: 0n,
    lastEventId: 0n,
    createdNs,
    closedNs: 0n,
    lastChainedChecksum: 0n,
  };
}

/** Nanoseconds since 1970, to the millisecond. */
export function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

/** Runs a system call; its error becomes a WalError of `code`, or DISK_FULL. */
export function attempt<T>(code: WalErrorCode, file: string, call: () => T): T {
  try {
    return call();
  } catch (cause) {
    throw asWalError(code, 'the system refused', cause, file);
  }
}
