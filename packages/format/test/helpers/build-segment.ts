import {
  BLOCK_BYTES,
  BLOCK_EVENTS,
  blockOffset,
  checksum,
  type DurablePosition,
  encodeSegmentHeader,
  eventOffset,
  type FormatVersion,
  RequestEvent,
  SEGMENT_HEADER_BYTES,
  sealBlock,
  segmentBytes,
  WORD_BYTES,
} from '../../src/index.js';

/** A segment in memory, and what the next one has to know of it. */
export interface Built {
  bytes: Uint8Array;
  segmentIndex: number;
  /** The ids of its events, in order. */
  ids: bigint[];
  chained: bigint;
  nextId: bigint;
  /** Byte after the last event. */
  endOffset: number;
}

export interface SegmentShape {
  version?: FormatVersion;
  segmentIndex?: number;
  capacityBlocks?: number;
  /** Events in each sealed block. */
  sealed?: number[];
  /** Events in the unsealed block behind them. */
  tail?: number;
  closed?: boolean;
  firstId?: bigint;
  idStep?: bigint;
  /** Chained checksum of the segment before. */
  link?: bigint;
  /** Tells the events of one log from those of another with the same ids. */
  salt?: number;
  /** What lies in the file already, as in a recycled one. */
  over?: Uint8Array;
  /** Whether an open segment's header names its first event. */
  named?: boolean;
}

export const FULL = BLOCK_EVENTS;

/** An event of its own kind for each id and salt. */
export function writeEvent(words: Int32Array, base: number, id: bigint, salt = 0): void {
  const event = new RequestEvent(words, base);
  const n = Number(BigInt.asUintN(31, id));
  event.timestamp = BigInt.asUintN(64, id * 1_000n + BigInt(salt));
  event.price = n * 7 - salt - 500;
  event.quantity = (n % 1_000) + salt + 1;
  event.userId = (n ^ 0x5555) >>> 0;
  event.orderId = n;
  words[base + 10] = n % 4;
  event.eventIdBig = id;
}

/** A segment as the recorder writes it. */
export function buildSegment(shape: SegmentShape = {}): Built {
  const { version = 2, segmentIndex = 0, sealed = [], tail = 0, firstId = 1n, idStep = 1n, salt = 0 } = shape;
  const capacityBlocks = shape.capacityBlocks ?? Math.max(1, sealed.length + (tail > 0 ? 1 : 0));
  const bytes = new Uint8Array(segmentBytes(capacityBlocks));
  if (shape.over !== undefined) bytes.set(shape.over.subarray(0, bytes.length));
  const words = new Int32Array(bytes.buffer);
  const ids: bigint[] = [];
  let chained = version === 1 ? 0n : (shape.link ?? 0n);
  let id = firstId;
  let endOffset = SEGMENT_HEADER_BYTES;
  const fill = (block: number, count: number) => {
    for (let i = 0; i < count; i++, id += idStep) {
      writeEvent(words, (blockOffset(block) + eventOffset(i)) / WORD_BYTES, id, salt);
      ids.push(id);
    }
    if (count > 0) endOffset = blockOffset(block) + eventOffset(count);
  };
  sealed.forEach((count, block) => {
    fill(block, count);
    chained = sealBlock(bytes.subarray(blockOffset(block), blockOffset(block + 1)), block, count, chained);
  });
  fill(sealed.length, tail);
  const { closed = false } = shape;
  const named = shape.named ?? true;
  encodeSegmentHeader(
    {
      version,
      segmentIndex,
      blockCount: closed ? sealed.length : 0,
      eventCount: closed ? ids.length : 0,
      firstEventId: (closed || named) && ids.length > 0 ? ids[0] : 0n,
      lastEventId: closed ? (ids.at(-1) ?? 0n) : 0n,
      createdNs: 1_000n,
      closedNs: closed ? 2_000n : 0n,
      lastChainedChecksum: closed ? chained : 0n,
    },
    bytes,
  );
  return { bytes, segmentIndex, ids, chained, nextId: id, endOffset };
}

/** Segments one after the other, linked; each shape adds to the defaults. */
export function buildLog(shapes: SegmentShape[], defaults: SegmentShape = {}): Built[] {
  const log: Built[] = [];
  for (const shape of shapes) {
    const before = log.at(-1);
    const link = before === undefined ? {} : { link: before.chained, firstId: before.nextId };
    log.push(buildSegment({ ...defaults, segmentIndex: log.length, ...link, ...shape }));
  }
  return log;
}

/** The durable position after event `count` of block `block`, as the recorder stores it. */
export function positionAt(segment: Built, block: number, count: number): DurablePosition {
  const start = blockOffset(block);
  const offset = start + eventOffset(count);
  const view = new DataView(segment.bytes.buffer);
  const events = segment.bytes.subarray(start + eventOffset(0), offset);
  return {
    segmentIndex: segment.segmentIndex,
    offset,
    eventId: view.getBigUint64(offset - 64, true),
    prefixChecksum: count === BLOCK_EVENTS ? 0n : checksum(events, 0n),
  };
}

export const NOTHING_DURABLE: DurablePosition = {
  segmentIndex: 0,
  offset: SEGMENT_HEADER_BYTES,
  eventId: 0n,
  prefixChecksum: 0n,
};

export function copyOf(built: Built): Built {
  return { ...built, bytes: built.bytes.slice() };
}

export { BLOCK_BYTES };
