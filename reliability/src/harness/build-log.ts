/* Logs from nothing but the format, of ids 1, 2, 3 ... and the formula's content, in any state that a kill may leave. */
import {
  asWords,
  BLOCK_BYTES,
  BLOCK_EVENTS,
  BLOCK_HEADER_BYTES,
  blockOffset,
  checksum,
  type DurablePosition,
  encodeMeta,
  encodeSegmentHeader,
  encodeTailRingHeader,
  eventOffset,
  META_FILE,
  SEGMENT_HEADER_BYTES,
  sealBlock,
  segmentBytes,
  segmentFileName,
  tailRingBytes,
  tailRingEventWord,
  WORD_BYTES,
} from '@fswal/format';
import { readBootId } from '@fswal/format/files';
import { fillContent } from './children/formula.js';

export const BLOCKS = 16;
/** Events of a full segment. */
export const SEGMENT_EVENTS = BLOCKS * BLOCK_EVENTS;

/** Stores the event of that id at a word index. */
export function storeEvent(words: Int32Array, at: number, id: number): void {
  fillContent(words, at, id);
  words[at] = id | 0;
  words[at + 1] = Math.floor(id / 2 ** 32);
}

export interface BuildSpec {
  /** Events in the segments: full blocks, then an unsealed one with the rest. */
  readonly events: number;
  /** First event. Default 1. */
  readonly from?: number;
  /** The last durable event. Default: the last one. */
  readonly durable?: number;
  /** Added to the ids that the content is made of: another log's content under the same ids. */
  readonly salt?: number;
}

/** The files of a log whose recorder was killed, but for its tail ring. */
export function buildLog({
  events,
  from = 1,
  durable = from + events - 1,
  salt = 0,
}: BuildSpec): Map<string, Uint8Array> {
  const image = new Map<string, Uint8Array>();
  let chained = 0n;
  let position: DurablePosition = {
    segmentIndex: 0,
    offset: SEGMENT_HEADER_BYTES,
    eventId: 0n,
    prefixChecksum: 0n,
  };
  for (let first = 0, segmentIndex = 0; first < events; first += SEGMENT_EVENTS, segmentIndex++) {
    const count = Math.min(SEGMENT_EVENTS, events - first);
    const bytes = new Uint8Array(segmentBytes(BLOCKS));
    const words = asWords(bytes);
    for (let done = 0; done < count; done += BLOCK_EVENTS) {
      const block = done / BLOCK_EVENTS;
      const inBlock = Math.min(BLOCK_EVENTS, count - done);
      const start = blockOffset(block);
      for (let n = 0; n < inBlock; n++) {
        const id = from + first + done + n;
        const at = (start + eventOffset(n)) / WORD_BYTES;
        storeEvent(words, at, id);
        if (salt !== 0) fillContent(words, at, id + salt);
        if (id === durable) {
          const end = start + eventOffset(n + 1);
          const whole = n + 1 === BLOCK_EVENTS;
          const prefix = bytes.subarray(start + BLOCK_HEADER_BYTES, end);
          position = {
            segmentIndex,
            offset: end,
            eventId: BigInt(id),
            prefixChecksum: whole ? 0n : checksum(prefix, 0n),
          };
        }
      }
      if (inBlock === BLOCK_EVENTS) {
        chained = sealBlock(bytes.subarray(start, start + BLOCK_BYTES), block, inBlock, chained);
      }
    }
    const closed = count === SEGMENT_EVENTS;
    encodeSegmentHeader(
      {
        version: 2,
        segmentIndex,
        blockCount: closed ? BLOCKS : 0,
        eventCount: closed ? count : 0,
        firstEventId: BigInt(from + first),
        lastEventId: closed ? BigInt(from + first + count - 1) : 0n,
        createdNs: 1n,
        closedNs: closed ? 2n : 0n,
        lastChainedChecksum: closed ? chained : 0n,
      },
      bytes,
    );
    image.set(segmentFileName(segmentIndex), bytes);
  }
  image.set(META_FILE, encodeMeta(position));
  return image;
}

/** The header of a segment without an event: a new one, or one made of a retired file. */
export function writePreparedHeader(bytes: Uint8Array, segmentIndex: number, firstEventId = 0n): void {
  encodeSegmentHeader(
    {
      version: 2,
      segmentIndex,
      blockCount: 0,
      eventCount: 0,
      firstEventId,
      lastEventId: 0n,
      createdNs: 3n,
      closedNs: 0n,
      lastChainedChecksum: 0n,
    },
    bytes,
  );
}

export interface RingSpec {
  readonly tailBlocks?: number;
  /** Last event before this life of the recorder; 0: the ring has seen every event. */
  readonly after: number;
  readonly lastId: number;
  readonly bootId?: string;
  /** Chained checksum of the block that `after` is the last event of. */
  readonly link?: bigint;
  readonly salt?: number;
}

/** The tail ring of a recorder that was killed after `lastId`. */
export function buildRing({
  tailBlocks = 8,
  after,
  lastId,
  bootId = readBootId(),
  link = 0n,
  salt = 0,
}: RingSpec): Uint8Array {
  const image = new Uint8Array(tailRingBytes(tailBlocks));
  encodeTailRingHeader({ tailBlocks, afterEventId: BigInt(after), link, bootId }, image);
  const words = asWords(image);
  const oldest = Math.max(after + 1, lastId - (tailBlocks + 1) * BLOCK_EVENTS);
  for (let id = oldest; id <= lastId; id++) {
    const index = id - after - 1;
    const at = tailRingEventWord(Math.floor(index / BLOCK_EVENTS) % tailBlocks, index % BLOCK_EVENTS);
    storeEvent(words, at, id);
    if (salt !== 0) fillContent(words, at, id + salt);
  }
  return image;
}
