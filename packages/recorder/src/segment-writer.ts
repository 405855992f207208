import {
  BLOCK_BYTES,
  BLOCK_EVENTS,
  BLOCK_HEADER_BYTES,
  blockOffset,
  checksum,
  decodeBlockHeader,
  EVENT_BYTES,
  eventOffset,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  sealBlock,
  WalError,
} from '@fswal/format';
import type { LogPosition } from './control.js';
import { nowNs, type OpenSegment, type SegmentFiles } from './segment-files.js';

/** What a segment holds when writing begins or goes on. */
export interface SegmentProgress {
  /** Sealed blocks. */
  readonly blocks: number;
  /** Events in them. */
  readonly events: number;
  /** 0 = none. */
  readonly firstEventId: bigint;
  readonly lastEventId: bigint;
  /** Chained checksum of the last sealed block, or the seed of block 0. */
  readonly chained: bigint;
  /** Byte after the last event. */
  readonly endOffset: number;
  /** XXH64 of the events of the last block where it is not full, else 0. */
  readonly prefixChecksum: bigint;
  /** Events of an unsealed block behind them that are in the file already. It has to be sealed first. */
  readonly tailEvents: number;
}

/** The progress of a segment of which `bytes` are the content and `found` what verification counted. */
export function progressOf(
  bytes: Uint8Array,
  found: { blocks: number; events: number; tailEvents: number; chained: bigint },
): SegmentProgress {
  const { blocks, events, tailEvents, chained } = found;
  const firstEventId = eventIdOf(bytes.subarray(blockOffset(0)), 0);
  if (blocks === 0) {
    const none = { lastEventId: 0n, endOffset: SEGMENT_HEADER_BYTES, prefixChecksum: 0n };
    return { blocks, events, tailEvents, chained, firstEventId, ...none };
  }
  const lastBlock = bytes.subarray(blockOffset(blocks - 1));
  const count = decodeBlockHeader(lastBlock)?.eventCount ?? 0;
  return {
    blocks,
    events,
    tailEvents,
    chained,
    firstEventId,
    lastEventId: eventIdOf(lastBlock, count - 1),
    endOffset: blockOffset(blocks - 1) + eventOffset(count),
    prefixChecksum: count === BLOCK_EVENTS ? 0n : prefixOf(lastBlock, count),
  };
}

/**
 * Writes one segment: seals blocks in place, in the memory they lie in, and writes them to the file. Every byte of the
 * file is written once: the events of a block that is written in parts, then what is missing, its header last.
 *
 * A call that throws can be made again: what it had written is written once more, or left as it is.
 */
export class SegmentWriter {
  readonly segment: OpenSegment;
  readonly #files: SegmentFiles;
  #blocks: number;
  #events: number;
  #firstEventId: bigint;
  #lastEventId: bigint;
  #chained: bigint;
  #endOffset: number;
  #sealedPrefix: bigint;
  /** Events of the unsealed block that are in the file already. */
  #tailEvents: number;

  constructor(segment: OpenSegment, files: SegmentFiles, progress: SegmentProgress) {
    this.segment = segment;
    this.#files = files;
    this.#blocks = progress.blocks;
    this.#events = progress.events;
    this.#firstEventId = progress.firstEventId;
    this.#lastEventId = progress.lastEventId;
    this.#chained = progress.chained;
    this.#endOffset = progress.endOffset;
    this.#sealedPrefix = progress.prefixChecksum;
    this.#tailEvents = progress.tailEvents;
  }

  /** A writer for a segment without events. `link` is the chained checksum of the segment before. */
  static start(segment: OpenSegment, files: SegmentFiles, link: bigint): SegmentWriter {
    return new SegmentWriter(segment, files, {
      blocks: 0,
      events: 0,
      firstEventId: 0n,
      lastEventId: 0n,
      chained: segment.version === 1 ? 0n : link,
      endOffset: SEGMENT_HEADER_BYTES,
      prefixChecksum: 0n,
      tailEvents: 0,
    });
  }

  /** Blocks that can still be written. A file that was cut inside its last block has none. */
  get roomBlocks(): number {
    return Math.max(0, this.segment.capacityBlocks - this.#blocks);
  }
  get tailEvents(): number {
    return this.#tailEvents;
  }
  get chained(): bigint {
    return this.#chained;
  }
  get empty(): boolean {
    return this.#firstEventId === 0n;
  }
  /** XXH64 of the events of the last sealed block where it is not full, else 0. */
  get sealedPrefix(): bigint {
    return this.#sealedPrefix;
  }
  /** For a writer of the same segment in another thread. */
  get progress(): SegmentProgress {
    return {
      blocks: this.#blocks,
      events: this.#events,
      firstEventId: this.#firstEventId,
      lastEventId: this.#lastEventId,
      chained: this.#chained,
      endOffset: this.#endOffset,
      prefixChecksum: this.#sealedPrefix,
      tailEvents: this.#tailEvents,
    };
  }
  get position(): LogPosition {
    return { segmentIndex: this.segment.segmentIndex, offset: this.#endOffset, eventId: this.#lastEventId };
  }

  /** Seals and writes `count` full blocks that lie one behind the other in `memory`, by one write. */
  writeBlocks(memory: Uint8Array, count: number): void {
    if (this.#tailEvents > 0) throw new Error('the block that was begun must be sealed first');
    let chained = this.#chained;
    for (let i = 0; i < count; i++) {
      const block = memory.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES);
      chained = sealBlock(block, this.#blocks + i, BLOCK_EVENTS, chained);
    }
    this.#begin(memory);
    this.#files.write(this.segment, memory.subarray(0, count * BLOCK_BYTES), blockOffset(this.#blocks));
    this.#took(
      memory.subarray((count - 1) * BLOCK_BYTES),
      count,
      count * BLOCK_EVENTS,
      chained,
      BLOCK_EVENTS,
    );
  }

  /** Writes the events of `block` up to the `count`-th that are not in the file yet, without sealing it. */
  writeEvents(block: Uint8Array, count: number): void {
    if (count <= this.#tailEvents) return;
    this.#begin(block);
    const from = eventOffset(this.#tailEvents);
    const to = eventOffset(count);
    try {
      this.#files.write(this.segment, block.subarray(from, to), blockOffset(this.#blocks) + from);
    } catch (error) {
      this.#clearHalfEvent(error);
      throw error;
    }
    this.#tailEvents = count;
    this.#lastEventId = eventIdOf(block, count - 1);
    this.#endOffset = blockOffset(this.#blocks) + to;
  }

  /** Seals `block` with `count` events: what is missing of its events first, its header last. */
  seal(block: Uint8Array, count: number): void {
    this.writeEvents(block, count);
    const chained = sealBlock(block, this.#blocks, count, this.#chained);
    this.#files.write(this.segment, block.subarray(0, BLOCK_HEADER_BYTES), blockOffset(this.#blocks));
    this.#took(block, 1, count, chained, count);
  }

  /**
   * XXH64 of the events of the last block, where it is not full, else 0: what certifies the position inside it.
   * `block` is the block being written.
   */
  prefixChecksum(block: Uint8Array): bigint {
    return this.#tailEvents === 0 ? this.#sealedPrefix : prefixOf(block, this.#tailEvents);
  }

  /** The final header. */
  closedHeader(): SegmentHeader {
    return {
      version: this.segment.version,
      segmentIndex: this.segment.segmentIndex,
      blockCount: this.#blocks,
      eventCount: this.#events,
      firstEventId: this.#firstEventId,
      lastEventId: this.#lastEventId,
      createdNs: this.segment.createdNs,
      closedNs: nowNs(),
      lastChainedChecksum: this.#chained,
    };
  }

  /** The header that says that the segment is open; its first id, once there is one, tells older content apart. */
  openHeader(firstEventId = this.#firstEventId): SegmentHeader {
    return {
      ...this.closedHeader(),
      blockCount: 0,
      eventCount: 0,
      firstEventId,
      lastEventId: 0n,
      closedNs: 0n,
      lastChainedChecksum: 0n,
    };
  }

  /** An event whose writing ended amid it has its id there, which says that it is whole: that goes again. */
  #clearHalfEvent(error: unknown): void {
    const end = error instanceof WalError ? (error.offset ?? 0) : 0;
    const half = end % EVENT_BYTES;
    if (half > 0) this.#files.write(this.segment, new Uint8Array(half), end - half);
  }

  /** Before the first event of the segment: the header that names it. */
  #begin(block: Uint8Array): void {
    if (!this.empty) return;
    const first = eventIdOf(block, 0);
    this.#files.writeHeader(this.segment, this.openHeader(first));
    this.#firstEventId = first;
  }

  #took(lastBlock: Uint8Array, blocks: number, events: number, chained: bigint, countInLast: number): void {
    this.#lastEventId = eventIdOf(lastBlock, countInLast - 1);
    this.#blocks += blocks;
    this.#events += events;
    this.#chained = chained;
    this.#tailEvents = 0;
    this.#sealedPrefix = countInLast === BLOCK_EVENTS ? 0n : prefixOf(lastBlock, countInLast);
    this.#endOffset = blockOffset(this.#blocks - 1) + eventOffset(countInLast);
  }
}

function eventIdOf(block: Uint8Array, eventIndex: number): bigint {
  return new DataView(block.buffer, block.byteOffset + eventOffset(eventIndex), 8).getBigUint64(0, true);
}

function prefixOf(block: Uint8Array, count: number): bigint {
  return checksum(block.subarray(BLOCK_HEADER_BYTES, eventOffset(count)), 0n);
}
