import fs from 'node:fs';
import path from 'node:path';
import {
  blockOffset,
  encodeSegmentHeader,
  type FormatVersion,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentBytes,
  segmentFileName,
  WalError,
  type WalErrorCode,
} from '@fswal/format';
import { openRegularFile } from '@fswal/format/files';
import { asWalError, type MmapProvider, syncDirectory } from '@fswal/mmap';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = fs.constants;
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
  readonly #dir: string;
  readonly #provider: Pick<MmapProvider, 'allocate'>;
  #warmBuffer: Uint8Array | undefined;

  constructor(dir: string, provider: Pick<MmapProvider, 'allocate'>) {
    this.#dir = dir;
    this.#provider = provider;
  }

  path(name: string): string {
    return path.join(this.#dir, name);
  }

  /**
   * Creates the next segment: blocks allocated, header written, name and header on the device.
   * @throws WalError FILE_ALREADY_EXISTS, DISK_FULL, OPEN_FAILED, WRITE_FAILED, FSYNC_FAILED; no file is left behind
   */
  create(segmentIndex: number, capacityBlocks: number, version: FormatVersion): OpenSegment {
    const file = this.path(segmentFileName(segmentIndex));
    const temp = `${file}${TEMP_SUFFIX}`;
    if (fs.lstatSync(file, { throwIfNoEntry: false }) !== undefined) {
      throw new WalError('FILE_ALREADY_EXISTS', 'the next segment cannot be created', { file });
    }
    const createdNs = nowNs();
    const fd = attempt('OPEN_FAILED', temp, () =>
      fs.openSync(temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, FILE_MODE),
    );
    let name = temp;
    try {
      fs.fchmodSync(fd, FILE_MODE);
      this.#provider.allocate(fd, segmentBytes(capacityBlocks));
      const header = preparedHeader(segmentIndex, version, createdNs);
      this.writeHeader({ fd, file: temp }, header);
      attempt('FSYNC_FAILED', temp, () => fs.fsyncSync(fd));
      attempt('OPEN_FAILED', file, () => fs.renameSync(temp, file));
      name = file;
      syncDirectory(this.#dir);
      const syncFd = openRegularFile(file, O_RDWR).fd;
      return { file, segmentIndex, version, capacityBlocks, createdNs, fd, syncFd };
    } catch (error) {
      fs.closeSync(fd);
      fs.rmSync(name, { force: true });
      throw error;
    }
  }

  /** Deletes a file that holds no event; when it returns, its name is gone from the device. */
  remove(file: string): void {
    attempt('FILE_NOT_DELETED', file, () => fs.unlinkSync(file));
    this.syncDirectory();
  }

  /** Opens a segment that is to be written on. @throws WalError OPEN_FAILED */
  reopen(header: SegmentHeader, capacityBlocks: number): OpenSegment {
    const file = this.path(segmentFileName(header.segmentIndex));
    const fd = openRegularFile(file, O_RDWR).fd;
    const syncFd = openRegularFile(file, O_RDWR).fd;
    const { segmentIndex, version, createdNs } = header;
    return { file, segmentIndex, version, capacityBlocks, createdNs, fd, syncFd };
  }

  /** Brings a new segment's pages into the page cache by reading them, so that writing finds them there. */
  warm(segment: OpenSegment): void {
    this.#warmBuffer ??= new Uint8Array(WARM_CHUNK_BYTES);
    const end = blockOffset(segment.capacityBlocks);
    for (let at = 0; at < end; at += WARM_CHUNK_BYTES) {
      const offset = at;
      const buffer = this.#warmBuffer;
      attempt('READ_FAILED', segment.file, () =>
        fs.readSync(segment.fd, buffer, 0, WARM_CHUNK_BYTES, offset),
      );
    }
  }

  /** Writes all of `bytes` at `offset`. @throws WalError DISK_FULL, WRITE_FAILED */
  write({ fd, file }: { fd: number; file: string }, bytes: Uint8Array, offset: number): void {
    let done = 0;
    while (done < bytes.length) {
      const from = done;
      const count = attempt('WRITE_FAILED', file, () =>
        fs.writeSync(fd, bytes, from, bytes.length - from, offset + from),
      );
      if (count === 0)
        throw new WalError('WRITE_FAILED', 'nothing was written', { file, offset: offset + from });
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
   * Gives a small file of the directory a new content: whole or not at all, and on the device when this returns.
   * @throws WalError WRITE_FAILED, DISK_FULL, FSYNC_FAILED: the old content is still there
   */
  replace(name: string, content: Uint8Array): void {
    const file = this.path(name);
    const temp = `${file}${TEMP_SUFFIX}`;
    attempt('WRITE_FAILED', temp, () => fs.rmSync(temp, { force: true }));
    const fd = attempt('WRITE_FAILED', temp, () =>
      fs.openSync(temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, FILE_MODE),
    );
    try {
      this.write({ fd, file: temp }, content, 0);
      this.sync(fd, temp);
    } finally {
      fs.closeSync(fd);
    }
    attempt('FSYNC_FAILED', temp, () => fs.renameSync(temp, file));
    this.syncDirectory();
  }

  /** @throws WalError FSYNC_FAILED: what was written may be lost, and a second call would not tell */
  sync(fd: number, file: string): void {
    attempt('FSYNC_FAILED', file, () => fs.fdatasyncSync(fd));
  }

  /** @throws WalError FSYNC_FAILED */
  syncDirectory(): void {
    syncDirectory(this.#dir);
  }
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
