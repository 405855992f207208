/*
 * What verifies of a damaged segment. Each sealed block can be told by itself: its header has a checksum and its own
 * index, its events another one, and their ids grow above those of the block before. So the walk goes on at the next
 * sound block, whatever lies between; what it passes over becomes a gap.
 */
import {
  asWords,
  BLOCK_BYTES,
  BLOCK_EVENTS,
  BLOCK_HEADER_BYTES,
  type BlockFault,
  type BlockHeader,
  blockFault,
  blockOffset,
  checksum,
  countGrowing,
  type DurablePosition,
  decodeBlockHeader,
  decodeSegmentHeader,
  EVENT_BYTES,
  EVENT_WORDS,
  findId,
  idAt,
  isChained,
  isZero,
  MAX_BLOCKS_PER_SEGMENT,
  notChained,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  WalError,
  type WalErrorCode,
  WORD_BYTES,
} from '@fswal/format';
import type { GapList } from './gap-list.js';
import { IdBounds } from './id-bounds.js';
import type { Gap } from './recovery-report.js';
import { firstTiedBlock } from './tied-blocks.js';

/** What is wrong with a block, or with what lies around it. */
type Finding = Pick<BlockFault, 'reason' | 'message'>;

const NOT_TIED: Finding = {
  reason: 'SEGMENT_CORRUPTED',
  message: 'nothing ties the block to those behind it: it may be what the file held before',
};

/** Sealed blocks beside each other. */
export interface BlockRun {
  readonly block: number;
  readonly count: number;
}

/** The first events of a block without a header. */
export interface UnsealedEvents {
  readonly block: number;
  readonly events: number;
}

/** What of a segment is to be delivered, in order. */
export interface SoundParts {
  readonly runs: readonly BlockRun[];
  /** After them. */
  readonly unsealed: UnsealedEvents | undefined;
}

export interface SalvageOptions {
  readonly file: string;
  readonly segmentIndex: number;
  /** The last event before the segment; 0 = none. */
  readonly afterEventId: bigint;
  /** What the first block is chained to, undefined where nobody knows. */
  readonly chainedChecksum: bigint | undefined;
  readonly durable: DurablePosition;
  /** Events without a header that the verdict on the segment takes for sound all the same. */
  readonly unsealed?: UnsealedEvents | undefined;
}

/** One walk over the bytes of one segment. */
export class SegmentSalvage implements SoundParts {
  readonly runs: BlockRun[] = [];
  unsealed: UnsealedEvents | undefined;
  /** Whether the log ends here: with events that only the durable position certifies. Nothing ties others to them. */
  endsLog = false;
  /** What lies in the segment behind that end. */
  tail: Omit<Gap, 'beforeEventId'> | undefined;
  /** The header, where it is sound and that of this segment. */
  header: SegmentHeader | undefined;
  events = 0;
  lastEventId: bigint;
  /** What the next segment is chained to; undefined behind a gap and behind an unsealed block. */
  chainedChecksum: bigint | undefined;

  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #options: SalvageOptions;
  readonly #gaps: GapList;
  readonly #bounds: IdBounds;
  /** Where the current gap begins. */
  #gap: (Finding & { readonly block: number }) | undefined;

  /** Does all of the work; the gaps go to `gaps`. */
  constructor(bytes: Uint8Array, options: SalvageOptions, gaps: GapList) {
    this.#bytes = bytes;
    this.#words = asWords(bytes);
    this.#options = options;
    this.#gaps = gaps;
    this.lastEventId = options.afterEventId;
    this.chainedChecksum = options.chainedChecksum;
    const mayBeOwn = this.#takeHeader();
    this.#bounds = new IdBounds(this.header, options.durable, options.segmentIndex);
    if (mayBeOwn) this.#walk();
  }

  /** Ids that come next, in a block or behind it, are above this one. */
  #floor(block: number): bigint {
    const floor = this.#bounds.floor(block);
    if (floor > this.lastEventId) return floor;
    return this.lastEventId;
  }

  /** @returns whether the file may hold blocks of this segment */
  #takeHeader(): boolean {
    let header: SegmentHeader | undefined;
    try {
      header = decodeSegmentHeader(this.#bytes);
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
      if (error.code !== 'HEADER_CHECKSUM_MISMATCH') return this.#passOver(error.code, error.reason);
      this.#add({ reason: error.code, message: error.reason }, 0, 0, 0, SEGMENT_HEADER_BYTES);
      this.chainedChecksum = undefined;
      return true;
    }
    const { segmentIndex } = this.#options;
    if (header.segmentIndex !== segmentIndex) {
      const message = `the header says segment ${header.segmentIndex}, the name ${segmentIndex}`;
      return this.#passOver('SEGMENT_CORRUPTED', message);
    }
    if (header.blockCount > MAX_BLOCKS_PER_SEGMENT) {
      const message = `${header.blockCount} blocks are more than a segment can have`;
      return this.#passOver('SEGMENT_CORRUPTED', message);
    }
    this.header = header;
    if (header.version === 1) this.chainedChecksum = 0n;
    return true;
  }

  /** The whole file. */
  #passOver(reason: WalErrorCode, message: string): false {
    const { length } = this.#bytes;
    const blocks = Math.max(0, Math.ceil((length - SEGMENT_HEADER_BYTES) / BLOCK_BYTES));
    this.#add({ reason, message }, 0, blocks, 0, length);
    this.chainedChecksum = undefined;
    return false;
  }

  #walk(): void {
    const inFile = Math.max(0, Math.ceil((this.#bytes.length - SEGMENT_HEADER_BYTES) / BLOCK_BYTES));
    const closed = this.header !== undefined && this.header.closedNs !== 0n;
    const end = closed ? (this.header as SegmentHeader).blockCount : inFile;
    const unsealed = this.#options.unsealed ?? this.#certified();
    const firstOwn = this.#firstOwnBlock(end);
    for (let block = 0; block < end; block++) {
      const header = this.#headerOf(block);
      let finding = header === undefined ? this.#damagedHeader(block) : this.#examine(block, header);
      if (block < firstOwn && block !== unsealed?.block) finding ??= NOT_TIED;
      if (finding === undefined) this.#take(block, header as BlockHeader);
      else if (block === unsealed?.block && this.#takeUnsealed(unsealed, header, end)) return;
      else this.#gap ??= { ...finding, block };
    }
    // What lies behind the end of an open segment is nothing, or what a used file had before.
    const gap = this.#gap;
    if (closed || (gap !== undefined && this.#hasEventsFrom(blockOffset(gap.block), this.#floor(gap.block))))
      this.#endGap(end);
  }

  #headerOf(block: number): BlockHeader | undefined {
    const start = blockOffset(block);
    if (start + BLOCK_HEADER_BYTES > this.#bytes.length) return undefined;
    return decodeBlockHeader(this.#bytes.subarray(start, start + BLOCK_HEADER_BYTES));
  }

  #damagedHeader(block: number): Finding {
    const start = blockOffset(block);
    const end = start + BLOCK_HEADER_BYTES;
    if (end > this.#bytes.length)
      return { reason: 'SEGMENT_CORRUPTED', message: `the file ends before block ${block}` };
    const message = isZero(this.#bytes, start, end)
      ? 'the block has no header, and nothing certifies its events'
      : 'the block header is damaged';
    return { reason: 'HEADER_CHECKSUM_MISMATCH', message };
  }

  /** @returns what is wrong with a block of which the header's checksum holds */
  #examine(block: number, header: BlockHeader): Finding | undefined {
    const fault = blockFault(this.#bytes, this.#words, block, header);
    if (fault !== undefined) return fault;
    const { firstEventId, lastEventId } = header;
    const named = this.header?.firstEventId ?? 0n;
    if (block === 0 && named > 0n && firstEventId !== named) {
      const message = `the segment header names event ${named} as its first, block 0 event ${firstEventId}`;
      return { reason: 'SEGMENT_CORRUPTED', message };
    }
    const floor = this.#floor(block);
    const most = this.#bounds.most(block) ?? lastEventId;
    if (firstEventId > floor && lastEventId <= most) return undefined;
    const message = `events ${firstEventId} to ${lastEventId} are not of this place, behind event ${floor}`;
    return { reason: 'SEGMENT_CORRUPTED', message };
  }

  /** The first block that is not taken for what a recycled file had before. The log's first segment is never one. */
  #firstOwnBlock(end: number): number {
    const { segmentIndex, afterEventId } = this.#options;
    if (this.#bounds.isNamed || afterEventId > 0n || segmentIndex === 0) return 0;
    return firstTiedBlock(this.#bytes, this.#soundBefore(end));
  }

  /** Blocks that are sound by themselves, the hindmost first. */
  *#soundBefore(end: number): Generator<BlockHeader, void, undefined> {
    for (let block = end - 1; block >= 0; block--) {
      const header = this.#headerOf(block);
      if (header !== undefined && this.#examine(block, header) === undefined) yield header;
    }
  }

  #take(block: number, header: BlockHeader): void {
    const hadGap = this.#gap !== undefined;
    this.#endGap(block);
    const follows =
      this.chainedChecksum === undefined || isChained(this.#bytes, block, header, this.chainedChecksum);
    if (!hadGap && !follows) {
      const start = blockOffset(block);
      this.#add({ reason: 'CHAINED_CHECKSUM_MISMATCH', message: notChained(block) }, block, 0, start, start);
    }
    this.#gaps.goOn(header.firstEventId);
    const run = this.runs.at(-1);
    if (run !== undefined && run.block + run.count === block) {
      this.runs[this.runs.length - 1] = { block: run.block, count: run.count + 1 };
    } else this.runs.push({ block, count: 1 });
    this.events += header.eventCount;
    this.lastEventId = header.lastEventId;
    this.chainedChecksum = header.chainedChecksum;
  }

  /** The events of an unsealed block that holds the durable position: the metadata file has their checksum. */
  #certified(): UnsealedEvents | undefined {
    const { durable, segmentIndex } = this.#options;
    const { offset, prefixChecksum } = durable;
    if (segmentIndex !== durable.segmentIndex || offset <= SEGMENT_HEADER_BYTES) return undefined;
    const block = Math.floor((offset - SEGMENT_HEADER_BYTES - 1) / BLOCK_BYTES);
    const first = blockOffset(block) + BLOCK_HEADER_BYTES;
    if (offset <= first || offset > this.#bytes.length) return undefined;
    if (checksum(this.#bytes.subarray(first, offset), 0n) !== prefixChecksum) return undefined;
    return { block, events: (offset - first) / EVENT_BYTES };
  }

  /**
   * Those that are certified, and the ones after them as far as their ids tell. Of a block that was sealed later, and
   * does not verify, nobody knows what of them is right.
   *
   * @param header of the block, undefined where there is none or it is damaged
   * @returns false where the ids do not grow
   */
  #takeUnsealed({ block, events }: UnsealedEvents, header: BlockHeader | undefined, end: number): boolean {
    const start = blockOffset(block) + BLOCK_HEADER_BYTES;
    const room = Math.min(BLOCK_EVENTS, Math.floor((this.#bytes.length - start) / EVENT_BYTES));
    const floor = this.#floor(block);
    const growing = countGrowing(this.#words, start / WORD_BYTES, room, floor);
    if (growing < events) return false;
    const wasSealed =
      header === undefined ? !isZero(this.#bytes, blockOffset(block), start) : header.lastEventId > floor;
    const count = wasSealed ? events : growing;
    this.#endGap(block);
    this.#gaps.goOn(idAt(this.#words, start / WORD_BYTES));
    this.unsealed = { block, events: count };
    this.events += count;
    this.lastEventId = idAt(this.#words, start / WORD_BYTES + (count - 1) * EVENT_WORDS);
    this.chainedChecksum = undefined;
    this.endsLog = this.#options.unsealed === undefined;
    const offset = start + count * EVENT_BYTES;
    if (this.#hasEventsFrom(offset, floor)) {
      const message = wasSealed
        ? 'behind the durable events the block does not verify'
        : 'events lie behind the end of the unsealed block: what comes before them is missing';
      const finding = { reason: 'SEGMENT_CORRUPTED', message } as const;
      this.tail = this.#gapOf(
        finding,
        block,
        end - block,
        offset,
        Math.min(blockOffset(end), this.#bytes.length),
      );
    }
    return true;
  }

  /** Whether an id above `floor` lies anywhere from an offset on. */
  #hasEventsFrom(offset: number, floor: bigint): boolean {
    return findId(this.#words, offset / WORD_BYTES, floor) !== undefined;
  }

  /** The current gap, if there is one, ends before a block. */
  #endGap(end: number): void {
    const gap = this.#gap;
    if (gap === undefined) return;
    this.#gap = undefined;
    this.chainedChecksum = undefined;
    const { length } = this.#bytes;
    const blocks = Math.max(0, end - gap.block);
    const endOffset = Math.max(Math.min(blockOffset(end), length), Math.min(blockOffset(gap.block), length));
    this.#add(gap, gap.block, blocks, Math.min(blockOffset(gap.block), length), endOffset);
  }

  #add(finding: Finding, block: number, blocks: number, offset: number, endOffset: number): void {
    this.#gaps.add(this.#gapOf(finding, block, blocks, offset, endOffset));
  }

  #gapOf(
    { reason, message }: Finding,
    block: number,
    blocks: number,
    offset: number,
    endOffset: number,
  ): Omit<Gap, 'beforeEventId'> {
    const { file } = this.#options;
    return { file, reason, message, offset, endOffset, block, blocks, afterEventId: this.lastEventId };
  }
}
