import { type BlockHeader, decodeBlockHeader } from './block-header.js';
import { isZero } from './bytes.js';
import { Status, WalError } from './errors.js';
import { asWords, countGrowing, findId, idAt } from './event-ids.js';
import {
  BLOCK_BYTES,
  BLOCK_EVENTS,
  BLOCK_HEADER_BYTES,
  blockOffset,
  EVENT_BYTES,
  eventOffset,
  MAX_BLOCKS_PER_SEGMENT,
  SEGMENT_HEADER_BYTES,
  WORD_BYTES,
} from './layout.js';
import { decodeSegmentHeader, type SegmentHeader } from './segment-header.js';
import { blockFault } from './sound-block.js';
import type { DamagePlace, SegmentState, SegmentVerification, VerifyOptions } from './verify-segment.js';

/** One walk over the bytes of one segment: the state is what has been found sound so far. */
export class SegmentWalk {
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #options: VerifyOptions;
  readonly #capacityBlocks: number;
  #status: Status = Status.OK;
  #state: SegmentState = 'unreadable';
  #header: SegmentHeader | undefined;
  #blocks = 0;
  #tailEvents = 0;
  #events = 0;
  #firstEventId = 0n;
  #lastEventId = 0n;
  #chained = 0n;
  #endOffset = SEGMENT_HEADER_BYTES;
  #sealedLastEventId = 0n;
  #sealedEndOffset = SEGMENT_HEADER_BYTES;
  #at: DamagePlace | undefined;

  constructor(bytes: Uint8Array, options: VerifyOptions) {
    this.#bytes = bytes;
    this.#words = asWords(bytes);
    this.#options = options;
    this.#capacityBlocks = Math.max(0, Math.floor((bytes.length - SEGMENT_HEADER_BYTES) / BLOCK_BYTES));
    if (options.found !== undefined && options.found.blocks > 0) this.#goOnFrom(options.found);
  }

  run(): void {
    const header = this.#takeHeader();
    if (header === undefined) return;
    if (this.#blocks === 0) this.#chained = this.#seed(header);
    if (header.closedNs !== 0n) this.#walkSealed(header);
    else this.#walkOpen(header);
  }

  result(): SegmentVerification {
    return {
      status: this.#status,
      state: this.#state,
      header: this.#header,
      blocks: this.#blocks,
      tailEvents: this.#tailEvents,
      events: this.#events,
      firstEventId: this.#firstEventId,
      lastEventId: this.#lastEventId,
      chainedChecksum: this.#chained,
      endOffset: this.#endOffset,
      sealedLastEventId: this.#sealedLastEventId,
      sealedEndOffset: this.#sealedEndOffset,
      capacityBlocks: this.#capacityBlocks,
      ...(this.#at === undefined ? {} : { at: this.#at }),
    };
  }

  #goOnFrom(found: SegmentVerification): void {
    this.#blocks = found.blocks;
    this.#events = found.events - found.tailEvents;
    this.#firstEventId = found.firstEventId;
    this.#lastEventId = found.sealedLastEventId;
    this.#chained = found.chainedChecksum;
    this.#endOffset = found.sealedEndOffset;
    this.#sealedLastEventId = found.sealedLastEventId;
    this.#sealedEndOffset = found.sealedEndOffset;
  }

  #need(endOffset: number): void {
    this.#options.need?.(Math.min(endOffset, this.#bytes.length));
  }

  #takeHeader(): SegmentHeader | undefined {
    this.#need(SEGMENT_HEADER_BYTES);
    let header: SegmentHeader;
    try {
      header = decodeSegmentHeader(this.#bytes);
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
      this.#fail(error.code, 0, error.offset ?? 0, error.reason);
      return undefined;
    }
    this.#header = header;
    const expected = this.#options.segmentIndex;
    if (expected !== undefined && header.segmentIndex !== expected) {
      this.#fail(
        Status.SEGMENT_CORRUPTED,
        0,
        0,
        `the header says segment ${header.segmentIndex}, the name ${expected}`,
      );
      return undefined;
    }
    if (header.blockCount > MAX_BLOCKS_PER_SEGMENT) {
      this.#fail(
        Status.SEGMENT_CORRUPTED,
        0,
        0,
        `${header.blockCount} blocks are more than a segment can have`,
      );
      return undefined;
    }
    return header;
  }

  /** Version 1 begins its chain anew in each segment. An anchor of version 2 has no seed to check against. */
  #seed(header: SegmentHeader): bigint {
    if (header.version === 1) return 0n;
    return this.#options.previous?.chainedChecksum ?? 0n;
  }

  /** Ids of this segment are above this one. Recycled files hold older ids, which are not events of theirs. */
  #floor(header: SegmentHeader): bigint {
    const previous = this.#before();
    return header.firstEventId > previous ? header.firstEventId - 1n : previous;
  }

  /** The last event before this segment; 0 = none that is known. */
  #before(): bigint {
    return this.#options.previous?.lastEventId ?? this.#options.afterEventId ?? 0n;
  }

  #walkSealed(header: SegmentHeader): void {
    this.#state = 'sealed';
    while (this.#blocks < header.blockCount) {
      const block = this.#blocks;
      if (blockOffset(block) + BLOCK_HEADER_BYTES > this.#bytes.length) {
        this.#fail(
          Status.SEGMENT_CORRUPTED,
          block,
          this.#bytes.length,
          `the file ends before block ${block}`,
        );
        return;
      }
      this.#need(blockOffset(block + 1));
      const blockHeader = decodeBlockHeader(this.#blockBytes(block));
      if (blockHeader === undefined) {
        this.#fail(Status.HEADER_CHECKSUM_MISMATCH, block, blockOffset(block), 'the block header is damaged');
        return;
      }
      if (!this.#takeSealedBlock(block, blockHeader, header)) return;
    }
    const agrees =
      header.eventCount === this.#events &&
      header.firstEventId === this.#firstEventId &&
      header.lastEventId === this.#lastEventId &&
      (header.blockCount === 0 || header.lastChainedChecksum === this.#chained);
    if (!agrees)
      this.#fail(Status.SEGMENT_CORRUPTED, 0, 0, 'the segment header does not agree with its blocks');
  }

  #walkOpen(header: SegmentHeader): void {
    this.#state = header.firstEventId === 0n ? 'prepared' : 'open';
    // Until the first event is written the header says so. The version 1 system leaves this field 0 while a segment is
    // open, so there the blocks themselves tell.
    if (this.#state === 'prepared' && header.version !== 1) {
      this.#failAt(0, this.#findHole(0, 0, this.#floor(header)));
      return;
    }
    for (;;) {
      const block = this.#blocks;
      const start = blockOffset(block);
      if (start + BLOCK_HEADER_BYTES > this.#bytes.length) break;
      this.#need(blockOffset(block + 1));
      const blockHeader = decodeBlockHeader(this.#blockBytes(block));
      const floor = this.#events === 0 ? this.#floor(header) : this.#lastEventId;
      if (blockHeader === undefined ? this.#headerIsZero(block) : blockHeader.lastEventId <= floor) {
        this.#walkUnsealed(block, floor);
        break;
      }
      if (blockHeader === undefined) {
        this.#fail(Status.HEADER_CHECKSUM_MISMATCH, block, start, 'the block header is damaged');
        break;
      }
      if (!this.#takeSealedBlock(block, blockHeader, header)) break;
    }
    if (this.#events > 0) this.#state = 'open';
  }

  /** Takes what the ids of an unsealed block tell to be whole, if nothing behind it tells that it is not of this place. */
  #walkUnsealed(block: number, floor: bigint): void {
    const count = this.#countUnsealed(block, floor);
    if (this.#status !== Status.OK) return;
    const hole = this.#findHole(block, count, floor);
    const isOfHere = hole === undefined || !this.#liesOverEarlier(block, count, floor);
    if (isOfHere) this.#takeUnsealed(block, count);
    this.#failAt(block, hole);
  }

  /**
   * Looks behind `count` events of the unsealed block `block` for ids above `floor`, those of the blocks before: what
   * lies between is missing. Pages reach the disk in any order, so a power cut leaves this; writing on over it would let
   * those events come back. What a recycled file holds has smaller ids.
   *
   * @returns the word index of the first one
   */
  #findHole(block: number, count: number, floor: bigint): number | undefined {
    this.#need(this.#bytes.length);
    // A block header begins with an id too, and takes the room of one event.
    return findId(this.#words, (blockOffset(block) + eventOffset(count)) / WORD_BYTES, floor);
  }

  /** Whether an unsealed block was written over an earlier one: behind it lies what comes before its last event. */
  #liesOverEarlier(block: number, count: number, floor: bigint): boolean {
    if (count === 0) return false;
    const last = idAt(this.#words, (blockOffset(block) + eventOffset(count - 1)) / WORD_BYTES);
    return findId(this.#words, blockOffset(block + 1) / WORD_BYTES, floor, last) !== undefined;
  }

  /** @param hole word index of the id behind the end that is too great; undefined = there is none */
  #failAt(block: number, hole: number | undefined): void {
    if (hole === undefined) return;
    const offset = hole * WORD_BYTES;
    const sameBlock = offset < blockOffset(block + 1);
    this.#fail(
      sameBlock ? Status.SEGMENT_CORRUPTED : Status.HEADER_CHECKSUM_MISMATCH,
      block,
      blockOffset(block) + eventOffset(this.#tailEvents),
      `event ${idAt(this.#words, hole)} lies behind the end, at ${offset}: what comes before it is missing`,
    );
  }

  /** Takes a block whose header checksum holds. @returns false at damage */
  #takeSealedBlock(block: number, header: BlockHeader, segment: SegmentHeader): boolean {
    const anchor =
      block === 0 && segment.version !== 1 && this.#options.previous?.chainedChecksum === undefined;
    const floor = this.#events === 0 ? this.#before() : this.#lastEventId;
    const chained = anchor ? undefined : this.#chained;
    const fault = blockFault(this.#bytes, this.#words, block, header, floor, chained);
    if (fault !== undefined) {
      this.#fail(fault.reason, block, fault.offset, fault.message);
      return false;
    }
    // In version 2 the chain has just told that the segment before is whole; version 1 has no link.
    if (segment.version === 1 && this.#gapBefore(block)) return false;
    if (this.#isOfAnotherSegment(block, header.firstEventId)) return false;
    if (this.#events === 0) this.#firstEventId = header.firstEventId;
    this.#lastEventId = header.lastEventId;
    this.#chained = header.chainedChecksum;
    this.#events += header.eventCount;
    this.#blocks++;
    this.#endOffset = blockOffset(block) + eventOffset(header.eventCount);
    this.#sealedLastEventId = this.#lastEventId;
    this.#sealedEndOffset = this.#endOffset;
    return true;
  }

  /** Events of an unsealed block that their ids tell to be whole; 0 where it is not of this segment. */
  #countUnsealed(block: number, floor: bigint): number {
    const start = blockOffset(block);
    const room = Math.floor((this.#bytes.length - start - BLOCK_HEADER_BYTES) / EVENT_BYTES);
    const first = (start + eventOffset(0)) / WORD_BYTES;
    const count = countGrowing(this.#words, first, Math.min(BLOCK_EVENTS, room), floor);
    if (count <= 0 || this.#gapBefore(block)) return 0;
    return this.#isOfAnotherSegment(block, idAt(this.#words, first)) ? 0 : count;
  }

  #takeUnsealed(block: number, count: number): void {
    if (count === 0) return;
    const start = blockOffset(block);
    if (this.#events === 0) this.#firstEventId = idAt(this.#words, (start + eventOffset(0)) / WORD_BYTES);
    this.#lastEventId = idAt(this.#words, (start + eventOffset(count - 1)) / WORD_BYTES);
    this.#tailEvents = count;
    this.#events += count;
    this.#endOffset = start + eventOffset(count);
  }

  /** Where no checksum links a segment to the one before, its events may only follow one that lacks nothing. */
  #gapBefore(block: number): boolean {
    if (block !== 0 || this.#options.previous?.complete !== false) return false;
    this.#fail(Status.SEGMENT_GAP, 0, SEGMENT_HEADER_BYTES, 'the segment before was never finished');
    return true;
  }

  /** Where the segment header names its first event, block 0 must begin with it: else none of this is of the segment. */
  #isOfAnotherSegment(block: number, firstEventId: bigint): boolean {
    const expected = this.#header?.firstEventId ?? 0n;
    if (block !== 0 || expected === 0n || expected === firstEventId) return false;
    const message = `the segment header names event ${expected} as its first, block 0 event ${firstEventId}`;
    this.#fail(Status.SEGMENT_CORRUPTED, 0, SEGMENT_HEADER_BYTES, message);
    return true;
  }

  #blockBytes(block: number): Uint8Array {
    return this.#bytes.subarray(blockOffset(block), blockOffset(block + 1));
  }

  #headerIsZero(block: number): boolean {
    const start = blockOffset(block);
    return isZero(this.#bytes, start, start + BLOCK_HEADER_BYTES);
  }

  #fail(status: Status, block: number, offset: number, message: string): void {
    this.#status = status;
    const eventId = this.#events > 0 ? this.#lastEventId : this.#before();
    this.#at = { block, offset, eventId, message };
  }
}
