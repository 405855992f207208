import {
  EVENT_BYTES,
  EVENT_WORDS,
  SEGMENT_HEADER_BYTES,
  type SegmentVerification,
  type VerifyOptions,
  verifySegment,
  WalError,
  WORD_BYTES,
} from '@fswal/format';
import {
  closeFile,
  declaredBytes,
  decompressSegment,
  MAX_COMPRESSED_BYTES,
  MAX_SEGMENT_BYTES,
  openRegularFile,
  readCompressedFile,
  readFileHeader,
  readSome,
  refuseLarger,
  salvageSegmentFile,
  statName,
  statOpen,
  usedBytes,
} from '@fswal/format/files';
import { timed } from '@fswal/telemetry/clock';
import type { ReplayWindow } from './replay-window.js';

/** What is read at once: little enough to be still in the cache of its core when it is verified. */
const CHUNK_BYTES = 1 << 18;

/** How long opening and closing take is recorded here. */
export interface OpenCloseTelemetry {
  readonly open: { record(ns: number): void };
  readonly close: { record(ns: number): void };
}

const UNTIMED: OpenCloseTelemetry = { open: { record: () => {} }, close: { record: () => {} } };

/** One open segment file of either form, read into a window. */
export class SegmentReader {
  readonly file: string;
  readonly compressed: boolean;
  /** Size of the file when it was opened. */
  readonly fileBytes: number;
  /** Time spent in reading and unpacking, in nanoseconds. */
  readNs = 0;
  readonly #fd: number;
  readonly #onProgress: () => void;
  readonly #telemetry: OpenCloseTelemetry;
  /** Bytes of the segment, unpacked, and how many of them are in the window. */
  #bytes = 0;
  #done = 0;

  private constructor(
    file: string,
    compressed: boolean,
    fd: number,
    bytes: number,
    onProgress: () => void,
    telemetry: OpenCloseTelemetry,
  ) {
    this.file = file;
    this.compressed = compressed;
    this.#fd = fd;
    this.fileBytes = bytes;
    this.#onProgress = onProgress;
    this.#telemetry = telemetry;
  }

  /**
   * `onProgress` is called after each quarter of a megabyte; what it throws ends the read.
   * @throws WalError OPEN_FAILED; SEGMENT_CORRUPTED for a file larger than any segment
   */
  static open(
    file: string,
    compressed: boolean,
    onProgress: () => void,
    telemetry: OpenCloseTelemetry = UNTIMED,
  ): SegmentReader {
    const reader = SegmentReader.openAnySize(file, compressed, onProgress, telemetry);
    try {
      reader.#refuseLarger();
      return reader;
    } catch (error) {
      reader.close();
      throw error;
    }
  }

  /** The same for whoever saves what can be had, by `readOrSalvage`. @throws WalError OPEN_FAILED */
  static openAnySize(
    file: string,
    compressed: boolean,
    onProgress: () => void,
    telemetry: OpenCloseTelemetry = UNTIMED,
  ): SegmentReader {
    const { fd, bytes } = timed(telemetry.open, () => openRegularFile(file));
    return new SegmentReader(file, compressed, fd, bytes, onProgress, telemetry);
  }

  /**
   * Reads the segment into the window, unpacked; the window grows where it is too small. Where the header does not
   * verify, all of the file that is not zero is taken.
   * @returns the number of bytes in the window: fewer than the file had where it was cut meanwhile
   * @throws WalError READ_FAILED; SEGMENT_CORRUPTED for a damaged LZ4 frame
   */
  read(window: ReplayWindow): number {
    this.#begin(window, () => usedBytes(this.#fd, this.fileBytes, this.file, this.#onProgress));
    this.#readTo(window.bytes, this.#bytes);
    return this.#done;
  }

  /**
   * The same; where the file as a whole is damaged, what can be had of it and what is wrong.
   * @throws WalError OPEN_FAILED, READ_FAILED
   */
  readOrSalvage(window: ReplayWindow): { count: number; damage: WalError | undefined } {
    try {
      this.#refuseLarger();
      return { count: this.read(window), damage: undefined };
    } catch (error) {
      if (!(error instanceof WalError) || error.code !== 'SEGMENT_CORRUPTED') throw error;
      const bytes = salvageSegmentFile(this.file, this.compressed);
      window.ensure(bytes.length);
      window.bytes.set(bytes);
      return { count: bytes.length, damage: error };
    }
  }

  /**
   * As `read`, and verifies what has been read while it is in the cache. Where there is no header of this segment, no
   * more than that is read.
   */
  readVerified(
    window: ReplayWindow,
    options: VerifyOptions,
  ): { count: number; verification: SegmentVerification } {
    this.#begin(window, () => Math.min(SEGMENT_HEADER_BYTES, this.fileBytes));
    const { bytes } = window;
    const all = this.#bytes;
    const need = (endOffset: number) => this.#readTo(bytes, endOffset);
    let verification = verifySegment(bytes.subarray(0, all), { ...options, need });
    if (verification.state !== 'unreadable') this.#readTo(bytes, all);
    const count = this.#done;
    // Cut while it was read: what lies behind its end was of another segment.
    if (count < all) verification = verifySegment(bytes.subarray(0, count), options);
    return { count, verification };
  }

  /**
   * Reads `bytes` bytes at `offset` of a file that is not compressed to the same place in the window.
   * @returns how many there were
   * @throws WalError READ_FAILED
   */
  readAt(window: ReplayWindow, offset: number, bytes: number): number {
    const read = this.#readAt(window.bytes, offset, bytes);
    this.#onProgress();
    return read;
  }

  /**
   * Reads what is in the file at `offset` now, of one that is not compressed.
   * @returns how many bytes there were
   * @throws WalError READ_FAILED
   */
  readInto(bytes: Uint8Array, offset: number): number {
    let done = 0;
    while (done < bytes.length) {
      const count = readSome(this.#fd, bytes.subarray(done), offset + done, this.file);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  /** Size of the file now. @throws WalError READ_FAILED */
  get bytesNow(): number {
    return Number(statOpen(this.#fd, this.file).size);
  }

  /**
   * Whether the name still leads to this file. If not, retention took the segment while it was read, and what was read
   * may be of the segment that the file was used for next.
   * @throws WalError READ_FAILED
   */
  isCurrent(): boolean {
    const named = statName(this.file);
    const open = statOpen(this.#fd, this.file);
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
    if (this.compressed) return count;
    const first = offset / WORD_BYTES;
    const before = window.words.slice(first, first + count * EVENT_WORDS);
    const whole = Math.floor(this.#readAt(window.bytes, offset, count * EVENT_BYTES) / EVENT_BYTES);
    for (let event = 0; event < whole; event++) {
      const at = event * EVENT_WORDS;
      if (window.words[first + at] !== before[at] || window.words[first + at + 1] !== before[at + 1])
        return event;
    }
    return whole;
  }

  /** @throws WalError CLOSE_FAILED */
  close(): void {
    timed(this.#telemetry.close, () => closeFile(this.#fd, this.file));
  }

  #refuseLarger(): void {
    refuseLarger(this.fileBytes, this.compressed ? MAX_COMPRESSED_BYTES : MAX_SEGMENT_BYTES, this.file);
  }

  /** @param withoutHeader how many bytes are to be read of a plain file of which the header does not verify */
  #begin(window: ReplayWindow, withoutHeader: () => number): void {
    if (!this.compressed) {
      const header = readFileHeader(this.#fd, this.file);
      this.#bytes = declaredBytes(header, this.fileBytes) ?? withoutHeader();
      this.#done = Math.min(header.length, this.#bytes);
      window.ensure(this.#bytes);
      window.bytes.set(header.subarray(0, this.#done));
      return;
    }
    const start = performance.now();
    const frame = readCompressedFile(this.#fd, this.fileBytes, this.file, this.#onProgress);
    const bytes = decompressSegment(frame, MAX_SEGMENT_BYTES, this.file);
    window.ensure(bytes.length);
    window.bytes.set(bytes);
    this.#bytes = bytes.length;
    this.#done = bytes.length;
    this.readNs += (performance.now() - start) * 1e6;
  }

  /** Reads on, until what lies before `endOffset` is there, or the file ends. */
  #readTo(bytes: Uint8Array, endOffset: number): void {
    if (this.#done >= endOffset) return;
    const start = performance.now();
    while (this.#done < endOffset) {
      const count = this.#readAt(bytes, this.#done, Math.min(CHUNK_BYTES, this.#bytes - this.#done));
      if (count === 0) break;
      this.#done += count;
      this.#onProgress();
    }
    this.readNs += (performance.now() - start) * 1e6;
  }

  /** To the same place in `into`. */
  #readAt(into: Uint8Array, offset: number, bytes: number): number {
    return this.readInto(into.subarray(offset, offset + bytes), offset);
  }
}
