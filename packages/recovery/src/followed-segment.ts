/*
 * A segment that is read while a recorder may be writing it, without a lock.
 *
 * The recorder writes, we read; both through the page cache, in any interleaving. What we may conclude:
 * - A sealed block is believed when its checksums hold and it follows the block before. Read half-written, it does not.
 * - An event of an unsealed block is whole in a read if its id was there in an earlier one: the id is the commit word.
 *   When the block is sealed, what was taken of it before is held against what was sealed.
 * - The file may be taken away and used for a later segment, header first. So what was read is of this segment if the
 *   header, read after it, is still this segment's.
 * Whatever does not fit is "not yet": it is read again with the next look.
 */
import {
  BLOCK_HEADER_BYTES,
  blockOffset,
  checksum,
  EVENT_BYTES,
  eventOffset,
  idAt,
  type PreviousSegment,
  SEGMENT_HEADER_BYTES,
  type SegmentState,
  type SegmentVerification,
  type Status,
  type VerifyOptions,
  verifySegment,
  WalError,
} from '@fswal/format';
import { eventsOfBlock, eventWord, type ReplayWindow, type WindowContent } from './replay-window.js';
import type { SegmentReader } from './segment-reader.js';

/** Blocks read at once, at most: a megabyte. */
const MAX_AHEAD_BLOCKS = 64;

/** One segment, read and verified bit by bit as it grows. Blocks lie in the window where they lie in the segment. */
export class FollowedSegment {
  readonly segmentIndex: number;
  /** Time that reading and verifying took where something was found, in nanoseconds. */
  readNs = 0;
  verifyNs = 0;
  /** Of that, in the look under way: what verifying took. */
  #verifyMs = 0;
  #reader: SegmentReader;
  readonly #options: VerifyOptions;
  #found: SegmentVerification;
  #lastEventId: bigint;
  /** Blocks to read at once: as many as were found sealed with the last look. */
  #ahead = 1;
  /** Events of the first unsealed block that were taken, and their XXH64. */
  #takenEvents = 0;
  #takenChecksum = 0n;

  /** @param previous without it the log begins with this segment, after event `afterEventId` */
  constructor(
    reader: SegmentReader,
    segmentIndex: number,
    previous: PreviousSegment | undefined,
    afterEventId: bigint,
  ) {
    this.#reader = reader;
    this.segmentIndex = segmentIndex;
    this.#options = { segmentIndex, ...(previous === undefined ? { afterEventId } : { previous }) };
    this.#lastEventId = previous?.lastEventId ?? afterEventId;
    this.#found = verifySegment(new Uint8Array(0), this.#options);
  }

  get reader(): SegmentReader {
    return this.#reader;
  }

  /** OK, or what did not fit with the last look. */
  get status(): Status {
    return this.#found.status;
  }

  get state(): SegmentState {
    return this.#found.state;
  }

  /** Whether nothing can be added any more, and all of it was taken. */
  get isFinished(): boolean {
    if (this.status !== 'OK') return false;
    return this.#reader.compressed ? this.state === 'sealed' : this.#isFull;
  }

  /** The last event taken from it, or before it. */
  get lastEventId(): bigint {
    return this.#lastEventId;
  }

  /** Whether events were taken from it. */
  get hasEvents(): boolean {
    return this.#found.blocks > 0 || this.#takenEvents > 0;
  }

  /** Byte after the last event taken. */
  get endOffset(): number {
    if (this.#takenEvents === 0) return this.#found.sealedEndOffset;
    return blockOffset(this.#found.blocks) + eventOffset(this.#takenEvents);
  }

  /** What the segment after it is to be verified with, once this one is closed or full. */
  get asPrevious(): PreviousSegment | undefined {
    if (!this.hasEvents) return this.#options.previous;
    const { chainedChecksum } = this.#found;
    return { lastEventId: this.#lastEventId, chainedChecksum, complete: true };
  }

  /** Goes on reading from another file: the name leads there now. */
  goOnIn(reader: SegmentReader): void {
    this.#reader.close();
    this.#reader = reader;
    this.#ahead = 1;
  }

  /**
   * Takes the events that have come since the last call, into the window.
   * @returns where they are, or undefined where there are none yet
   * @throws WalError READ_FAILED; SEGMENT_CORRUPTED for a damaged LZ4 frame, and where events were sealed otherwise than
   * they were before
   */
  takeNew(window: ReplayWindow): Omit<WindowContent, 'segmentIndex'> | undefined {
    const firstBlock = this.#found.blocks;
    const start = performance.now();
    this.#verifyMs = 0;
    this.#found = this.#reader.compressed ? this.#unpack(window) : this.#readOn(window);
    const { blocks, tailEvents } = this.#found;
    const known = this.#takenEvents;
    if (blocks === firstBlock && tailEvents <= known) return undefined;
    const whole = this.#settle(window);
    if (blocks === firstBlock && whole <= known) return undefined;
    if (known > 0) this.#checkTaken(window, firstBlock, blocks > firstBlock);
    this.#takenEvents = whole;
    this.#takenChecksum = whole === 0 ? 0n : checksum(eventsOf(window, blocks, whole), 0n);
    this.#lastEventId = whole === 0 ? this.#found.sealedLastEventId : lastIdOf(window, blocks, whole);
    this.verifyNs += this.#verifyMs * 1e6;
    this.readNs += (performance.now() - start - this.#verifyMs) * 1e6;
    const sealedAsTaken = blocks > firstBlock && eventsOfBlock(window.words, firstBlock) === known;
    const startBlock = sealedAsTaken ? firstBlock + 1 : firstBlock;
    if (startBlock === blocks && whole === 0) return undefined;
    return { blocks, tailEvents: whole, startBlock, startEvent: sealedAsTaken ? 0 : known };
  }

  /** Whether the name still leads to the file that is read, and it has not grown. */
  isCurrent(): boolean {
    return this.#reader.isCurrent() && this.#reader.bytesNow === this.#reader.fileBytes;
  }

  close(): void {
    this.#reader.close();
  }

  get #isFull(): boolean {
    const { blocks } = this.#found;
    return blocks > 0 && blockOffset(blocks) >= this.#reader.fileBytes;
  }

  /** Reads and verifies from the first block that was not sealed yet, as far as blocks are. */
  #readOn(window: ReplayWindow): SegmentVerification {
    const { fileBytes } = this.#reader;
    window.ensure(Math.max(fileBytes, SEGMENT_HEADER_BYTES));
    for (let found = this.#found; ; ) {
      const from = blockOffset(found.blocks);
      const wanted = found.blocks + this.#ahead;
      const bytes = Math.max(0, Math.min(blockOffset(wanted), fileBytes) - from);
      const end = from + this.#reader.readAt(window, from, bytes);
      const header = this.#reader.readAt(window, 0, SEGMENT_HEADER_BYTES);
      const content = window.bytes.subarray(0, header < SEGMENT_HEADER_BYTES ? header : end);
      found = this.#verify(content, found);
      const all = found.blocks === wanted;
      this.#ahead = all ? Math.min(2 * this.#ahead, MAX_AHEAD_BLOCKS) : 1;
      if (!all) return found;
    }
  }

  #unpack(window: ReplayWindow): SegmentVerification {
    const count = this.#reader.read(window);
    return this.#verify(window.bytes.subarray(0, count), this.#found);
  }

  #verify(content: Uint8Array, found: SegmentVerification): SegmentVerification {
    const start = performance.now();
    const verification = verifySegment(content, { ...this.#options, found });
    this.#verifyMs += performance.now() - start;
    return verification;
  }

  /** Reads the events of the unsealed block anew. @returns how many of them are whole */
  #settle(window: ReplayWindow): number {
    const { blocks, tailEvents } = this.#found;
    if (tailEvents === 0 || this.#reader.compressed) return tailEvents;
    const { words } = window;
    const [first, second] = [words[0], words[1]];
    const whole = this.#reader.settle(window, blockOffset(blocks) + eventOffset(0), tailEvents);
    this.#reader.readAt(window, 0, 2 * Int32Array.BYTES_PER_ELEMENT);
    // Magic, version and index: else the file is another segment's by now.
    return words[0] === first && words[1] === second ? whole : 0;
  }

  /** What was taken of a block before it was sealed must be what was sealed, and must not change until then. */
  #checkTaken(window: ReplayWindow, block: number, sealed: boolean): void {
    const known = this.#takenEvents;
    const enough = !sealed || eventsOfBlock(window.words, block) >= known;
    if (enough && checksum(eventsOf(window, block, known), 0n) === this.#takenChecksum) return;
    const message = `the ${known} events that were delivered of block ${block} while it was written are not the ones there now`;
    const place = { file: this.#reader.file, block, offset: blockOffset(block), eventId: this.#lastEventId };
    throw new WalError('SEGMENT_CORRUPTED', message, place);
  }
}

function eventsOf(window: ReplayWindow, block: number, count: number): Uint8Array {
  const start = blockOffset(block) + BLOCK_HEADER_BYTES;
  return window.bytes.subarray(start, start + count * EVENT_BYTES);
}

function lastIdOf(window: ReplayWindow, block: number, count: number): bigint {
  return idAt(window.words, eventWord(block, count - 1));
}
