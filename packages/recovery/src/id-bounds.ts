import { blockOffset, type DurablePosition, type SegmentHeader } from '@fswal/format';

/**
 * Which ids the blocks of a segment may have, whatever the blocks themselves say. Its header tells where it is sound and
 * names its first event; else the durable position does, as all events behind it have greater ids, and all before it
 * smaller ones.
 */
export class IdBounds {
  /** Whether the first event of the segment is named. */
  readonly isNamed: boolean;
  readonly #header: SegmentHeader | undefined;
  readonly #durable: DurablePosition;
  readonly #segmentIndex: number;

  /** @param header undefined where it is damaged */
  constructor(header: SegmentHeader | undefined, durable: DurablePosition, segmentIndex: number) {
    this.isNamed = header !== undefined && header.firstEventId > 0n;
    this.#header = header;
    this.#durable = durable;
    this.#segmentIndex = segmentIndex;
  }

  /** The ids of a block are above this one. */
  floor(block: number): bigint {
    if (this.isNamed) return (this.#header as SegmentHeader).firstEventId - 1n;
    const { segmentIndex, offset, eventId } = this.#durable;
    const isBehind = this.#segmentIndex === segmentIndex && blockOffset(block) >= offset;
    return isBehind || this.#segmentIndex > segmentIndex ? eventId : 0n;
  }

  /** The ids of a block are at most this one; undefined where that is not known. */
  most(block: number): bigint | undefined {
    if (this.#header?.closedNs) return this.#header.lastEventId;
    const { segmentIndex, offset, eventId } = this.#durable;
    if (this.isNamed || eventId === 0n) return undefined;
    const isBefore = this.#segmentIndex === segmentIndex && blockOffset(block + 1) <= offset;
    return isBefore || this.#segmentIndex < segmentIndex ? eventId : undefined;
  }
}
