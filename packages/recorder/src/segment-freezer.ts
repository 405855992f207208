import fs from 'node:fs';
import {
  compressedSegmentFileName,
  MAX_BLOCKS_PER_SEGMENT,
  segmentBytes,
  segmentFileName,
  verifySegment,
  WalError,
  type WalErrorCode,
} from '@fswal/format';
import { closeFile, readFully } from '@fswal/format/files';
import { attempt, type SegmentFiles, TEMP_SUFFIX } from './segment-files.js';

/** How the bytes of a segment become those of its compressed file, and back. */
export interface SegmentCodec {
  compress(bytes: Uint8Array): Uint8Array;
  /** @throws WalError where `frame` is damaged */
  decompress(frame: Uint8Array, maxBytes: number, file: string): Uint8Array;
}

export interface FrozenSegment {
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/**
 * Compresses a full segment: to a temporary file, to the device, read back, unpacked and verified, and only then under
 * its name. The `.wal` is not touched.
 */
export class SegmentFreezer {
  readonly #files: SegmentFiles;
  readonly #codec: SegmentCodec;
  readonly #onInvalid: (status: WalErrorCode) => void;

  /** @param onInvalid called with the status of a segment that does not verify */
  constructor(
    files: SegmentFiles,
    codec: SegmentCodec,
    onInvalid: (status: WalErrorCode) => void = () => {},
  ) {
    this.#files = files;
    this.#codec = codec;
    this.#onInvalid = onInvalid;
  }

  /**
   * @returns sizes of the `.wal` and of the compressed file, whose name is on the device
   * @throws WalError FSYNC_FAILED of a device that failed; any other code: the segment stays as it is
   */
  freeze(segmentIndex: number): FrozenSegment {
    try {
      return this.#freeze(segmentIndex);
    } catch (error) {
      if (error instanceof WalError) throw error;
      // The codec's own, or memory that there is not.
      const file = this.#files.path(segmentFileName(segmentIndex));
      throw new WalError('WRITE_FAILED', `it cannot be compressed: ${error}`, { file, cause: error });
    }
  }

  #freeze(segmentIndex: number): FrozenSegment {
    const { folder } = this.#files;
    const wal = segmentFileName(segmentIndex);
    const name = compressedSegmentFileName(segmentIndex);
    const temp = `${name}${TEMP_SUFFIX}`;
    const { content, stats } = this.#read(wal);
    const frame = this.#codec.compress(content);
    const fd = this.#files.createTemp(temp);
    try {
      this.#files.write({ fd, file: folder.label(temp) }, frame, 0);
      // Its age stays that of the segment.
      attempt('WRITE_FAILED', folder.label(temp), () => fs.futimesSync(fd, stats.atime, stats.mtime));
      this.#files.sync(fd, folder.label(temp));
      this.#verify(temp, wal, segmentIndex, content);
      this.#files.rename(temp, name);
    } catch (error) {
      fs.rmSync(folder.at(temp), { force: true });
      throw error;
    } finally {
      closeFile(fd, folder.label(temp));
    }
    folder.sync();
    return { bytesBefore: content.length, bytesAfter: frame.length };
  }

  #read(name: string): { content: Uint8Array; stats: fs.Stats } {
    const { folder } = this.#files;
    const { fd, bytes } = folder.openOwn(name, fs.constants.O_RDONLY);
    try {
      const content = new Uint8Array(bytes);
      const read = readFully(fd, content, folder.label(name));
      return { content: content.subarray(0, read), stats: fs.fstatSync(fd) };
    } finally {
      closeFile(fd, folder.label(name));
    }
  }

  #verify(temp: string, wal: string, segmentIndex: number, content: Uint8Array): void {
    const file = this.#files.folder.label(temp);
    const frame = this.#read(temp).content;
    const bytes = this.#codec.decompress(frame, segmentBytes(MAX_BLOCKS_PER_SEGMENT), file);
    const { status, state, at } = verifySegment(bytes, { segmentIndex });
    if (status !== 'OK' || state !== 'sealed') {
      this.#onInvalid(status === 'OK' ? 'SEGMENT_CORRUPTED' : status);
      throw new WalError(
        'SEGMENT_CORRUPTED',
        `${wal} is not compressed: ${at?.message ?? `it is ${state}`}`,
        { file },
      );
    }
    if (Buffer.compare(bytes, content) !== 0) {
      this.#onInvalid('SEGMENT_CORRUPTED');
      throw new WalError('SEGMENT_CORRUPTED', `what ${wal} was compressed to is not what unpacks from it`, {
        file,
      });
    }
  }
}
