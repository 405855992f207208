import {
  asWords,
  BLOCK_BYTES,
  BLOCK_EVENTS,
  BLOCK_HEADER_BYTES,
  BlockHeaderOffset,
  checksum,
  type DurablePosition,
  eventOffset,
  idAt,
  type SegmentsEnd,
  WORD_BYTES,
} from '@fswal/format';
import type { SoundParts } from '../segment-salvage.js';
import { lastBlockOf } from './rewrite-segment.js';

/** The last block of a segment, copied: what comes after the segment is held against it. */
export class SegmentEnd {
  readonly lastEventId: bigint;
  readonly #segmentIndex: number;
  readonly #start: number;
  readonly #block = new Uint8Array(BLOCK_BYTES);
  readonly #count: number;
  readonly #isSealed: boolean;

  /** @param parts of which the last is the end; they are not empty */
  constructor(segmentIndex: number, bytes: Uint8Array, parts: SoundParts) {
    const last = lastBlockOf(bytes, parts);
    if (last === undefined) throw new Error(`segment ${segmentIndex} was kept without an event`);
    const { start, count } = last;
    this.#segmentIndex = segmentIndex;
    this.#start = start;
    this.#count = count;
    this.#isSealed = parts.unsealed === undefined;
    this.#block.set(bytes.subarray(start, start + eventOffset(count)));
    this.lastEventId = idAt(asWords(this.#block), eventOffset(count - 1) / WORD_BYTES);
  }

  /**
   * The durable position where the log ends here. A position at a block's end has no checksum of its own, as the header
   * has one: of a full block without a header all events but the last are certified, and its id tells of that.
   */
  get position(): DurablePosition {
    const count = this.#isSealed ? this.#count : Math.min(this.#count, BLOCK_EVENTS - 1);
    const events = this.#block.subarray(BLOCK_HEADER_BYTES, eventOffset(count));
    return {
      segmentIndex: this.#segmentIndex,
      offset: this.#start + eventOffset(count),
      eventId: idAt(asWords(this.#block), eventOffset(count - 1) / WORD_BYTES),
      prefixChecksum: count === BLOCK_EVENTS ? 0n : checksum(events, 0n),
    };
  }

  /** Chained checksum of the block, as its header has it: 0 while it is not sealed. */
  get chainedChecksum(): bigint {
    return new DataView(this.#block.buffer).getBigUint64(BlockHeaderOffset.chainedChecksum, true);
  }

  /** What a tail ring must connect to. */
  get segmentsEnd(): SegmentsEnd {
    return {
      lastEventId: this.lastEventId,
      words: asWords(this.#block),
      lastEventWord: eventOffset(this.#count - 1) / WORD_BYTES,
      eventsInBlock: this.#count - 1,
    };
  }
}
