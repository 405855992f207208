import fs from 'node:fs';
import path from 'node:path';
import {
  EVENT_BYTES,
  EVENT_WORDS,
  MAX_BLOCKS_PER_SEGMENT,
  MIN_BLOCKS_PER_SEGMENT,
  type SegmentFile,
  segmentBytes,
  WalError,
  WORD_BYTES,
} from '@fswal/format';
import { closeFile, decompressSegment, openRegularFile, readFully } from '@fswal/format/files';
import type { ReplayWindow } from './replay-window.js';

/** No segment file is larger. */
const MAX_SEGMENT_FILE_BYTES = segmentBytes(MAX_BLOCKS_PER_SEGMENT);

/** One open segment file of either form, read into a window. */
export class SegmentReader {
  readonly file: string;
  readonly #fd: number;
  readonly #fileBytes: number;
  readonly #compressed: boolean;
  readonly #onProgress: () => void;

  private constructor(
    file: string,
    compressed: boolean,
    fd: number,
    fileBytes: number,
    onProgress: () => void,
  ) {
    this.file = file;
    this.#compressed = compressed;
    this.#fd = fd;
    this.#fileBytes = fileBytes;
    this.#onProgress = onProgress;
  }

  /**
   * `onProgress` is called after each megabyte; what it throws ends the read.
   * @throws WalError OPEN_FAILED; SEGMENT_CORRUPTED for a file larger than any segment
   */
  static open(file: string, compressed: boolean, onProgress: () => void): SegmentReader {
    const { fd, bytes } = openRegularFile(file);
    if (bytes <= MAX_SEGMENT_FILE_BYTES) return new SegmentReader(file, compressed, fd, bytes, onProgress);
    closeFile(fd, file);
    const message = `${bytes} bytes are more than a segment can have (${MAX_SEGMENT_FILE_BYTES})`;
    throw new WalError('SEGMENT_CORRUPTED', message, { file, offset: MAX_SEGMENT_FILE_BYTES });
  }

  /**
   * Reads the whole file into the window, unpacked; the window grows where it is too small.
   * @returns the number of bytes in the window: fewer than the file had where it was cut meanwhile
   * @throws WalError READ_FAILED; SEGMENT_CORRUPTED for a damaged LZ4 frame
   */
  read(window: ReplayWindow): number {
    if (this.#compressed) {
      const frame = new Uint8Array(this.#fileBytes);
      const read = readFully(this.#fd, frame, this.file, this.#onProgress);
      const bytes = decompressSegment(frame.subarray(0, read), MAX_SEGMENT_FILE_BYTES, this.file);
      window.ensure(bytes.length);
      window.bytes.set(bytes);
      return bytes.length;
    }
    window.ensure(this.#fileBytes);
    return readFully(this.#fd, window.bytes.subarray(0, this.#fileBytes), this.file, this.#onProgress);
  }

  /**
   * Whether the name still leads to this file. If not, retention took the segment while it was read, and what was read
   * may be of the segment that the file was used for next.
   */
  isCurrent(): boolean {
    const named = fs.lstatSync(this.file, { bigint: true, throwIfNoEntry: false });
    const open = fs.fstatSync(this.#fd, { bigint: true });
    return named !== undefined && named.ino === open.ino && named.dev === open.dev;
  }

  /**
   * Reads `count` events at `offset` anew. No checksum covers the events of an unsealed block, and a recorder may
   * have been writing them during the first read. Their ids were there then, so a second read finds them whole.
   * @returns how many of them have the same id as before
   * @throws WalError READ_FAILED
   */
  settle(window: ReplayWindow, offset: number, count: number): number {
    // Nobody writes on in one that is compressed.
    if (this.#compressed) return count;
    const first = offset / WORD_BYTES;
    const before = window.words.slice(first, first + count * EVENT_WORDS);
    const whole = Math.floor(this.#readAt(window, offset, count * EVENT_BYTES) / EVENT_BYTES);
    for (let event = 0; event < whole; event++) {
      const at = event * EVENT_WORDS;
      if (window.words[first + at] !== before[at] || window.words[first + at + 1] !== before[at + 1])
        return event;
    }
    return whole;
  }

  /** @throws WalError CLOSE_FAILED */
  close(): void {
    closeFile(this.#fd, this.file);
  }

  #readAt(window: ReplayWindow, offset: number, bytes: number): number {
    let done = 0;
    while (done < bytes) {
      let count: number;
      try {
        count = fs.readSync(this.#fd, window.bytes, offset + done, bytes - done, offset + done);
      } catch (cause) {
        const message = cause instanceof Error ? cause.message : String(cause);
        throw new WalError('READ_FAILED', message, { file: this.file, offset: offset + done, cause });
      }
      if (count === 0) break;
      done += count;
    }
    return done;
  }
}

/** Bytes that hold the largest of these files, and some blocks of a tail ring. */
export function windowBytesFor(dir: string, files: readonly SegmentFile[]): number {
  let bytes = segmentBytes(MIN_BLOCKS_PER_SEGMENT);
  for (const { name } of files) {
    const stats = fs.lstatSync(path.join(dir, name), { throwIfNoEntry: false });
    if (stats?.isFile() && stats.size <= MAX_SEGMENT_FILE_BYTES) bytes = Math.max(bytes, stats.size);
  }
  return bytes;
}
