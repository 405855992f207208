/*
 * Every offset, size and magic number of the log, defined once. All integers are little-endian.
 *
 *   FS.00000012.wal
 *   +------------------+---------+---------+-----+-----------+
 *   | segment header   | block 0 | block 1 | ... | block N-1 |     16 <= N <= 130,000
 *   +------------------+---------+---------+-----+-----------+
 *     64 B               16,448 B each
 *
 *   block   = block header (64 B) | event 0 (64 B) | ... | event 255
 *
 *   wal_tail.ring = ring header (4,096 B) | slot 0 | slot 1 | ...        a slot has the shape of a block
 *   wal_meta.dat  = 32 bytes: the durable position
 */

// Sizes

export const EVENT_BYTES = 64;
export const BLOCK_EVENTS = 256;
export const BLOCK_HEADER_BYTES = 64;
export const BLOCK_BYTES = BLOCK_HEADER_BYTES + BLOCK_EVENTS * EVENT_BYTES;
export const SEGMENT_HEADER_BYTES = 64;
export const MIN_BLOCKS_PER_SEGMENT = 16;
export const MAX_BLOCKS_PER_SEGMENT = 130_000;
export const MAX_SEGMENT_INDEX = 99_999_999;

/** The same sizes in 32-bit words, for code that works on `Int32Array`s. */
export const WORD_BYTES = 4;
export const EVENT_WORDS = EVENT_BYTES / WORD_BYTES;
export const BLOCK_HEADER_WORDS = BLOCK_HEADER_BYTES / WORD_BYTES;
export const BLOCK_WORDS = BLOCK_BYTES / WORD_BYTES;

// Segment header

export const SEGMENT_MAGIC = 0x4653;
export const FORMAT_VERSIONS = [1, 2] as const;
/** 1: what the C++ system reads. 2: the chain of checksums goes on from segment to segment. */
export type FormatVersion = (typeof FORMAT_VERSIONS)[number];

export const SegmentHeaderOffset = {
  magic: 0, // u16
  version: 2, // u8
  headerBytes: 3, // u8
  segmentIndex: 4, // u32
  blockCount: 8, // u32
  eventCount: 12, // u32
  firstEventId: 16, // u64
  lastEventId: 24, // u64
  createdNs: 32, // u64
  closedNs: 40, // u64, 0 = open
  headerChecksum: 48, // u64
  lastChainedChecksum: 56, // u64
} as const;

// Block header

export const BlockHeaderOffset = {
  firstEventId: 0, // u64
  lastEventId: 8, // u64
  blockChecksum: 16, // u64
  chainedChecksum: 24, // u64
  headerChecksum: 32, // u64
  blockIndex: 40, // u32
  eventCount: 44, // u16
  padding: 46, // zero up to 64
} as const;

// Event

/** The one field of an event that the log itself knows: u64, > 0, growing. It is the commit word. */
export const EVENT_ID_OFFSET = 0;

/** The other fields of a RequestEvent; recorder and recovery never look at them. */
export const RequestEventOffset = {
  timestamp: 8, // u64
  price: 16, // i64
  quantity: 24, // i64
  userId: 32, // u32
  orderId: 36, // u32
  type: 40, // u8
  orderType: 41, // u8
  side: 42, // u8
  padding: 43, // zero up to 64
} as const;

// wal_meta.dat

export const META_BYTES = 32;
/** What version 1 writers wrote: the first 16 of the 32 bytes. */
export const META_V1_BYTES = 16;

export const MetaOffset = {
  offset: 0, // u32
  segmentIndex: 4, // u32
  eventId: 8, // u64
  prefixChecksum: 16, // u64
  checksum: 24, // u64
} as const;

// wal_tail.ring

export const TAIL_RING_HEADER_BYTES = 4096;
export const TAIL_RING_MAGIC = 0x4c_41_54_5f_4c_41_57_46n; // "FWAL_TAL"
export const TAIL_RING_VERSION = 1;
export const MIN_TAIL_BLOCKS = 4;
export const MAX_TAIL_BLOCKS = 130_000;

export const TailRingOffset = {
  magic: 0, // u64
  version: 8, // u32
  tailBlocks: 12, // u32
  afterEventId: 16, // u64
  bootId: 24, // 16 bytes
  link: 40, // u64
  checksum: 48, // u64
} as const;

// Facts that hold between them

const relations: readonly (readonly [boolean, string])[] = [
  [BLOCK_BYTES === 16_448, 'a block is 16,448 bytes'],
  [
    SegmentHeaderOffset.lastChainedChecksum + 8 === SEGMENT_HEADER_BYTES,
    'the segment header fills its 64 bytes',
  ],
  [BlockHeaderOffset.padding < BLOCK_HEADER_BYTES, 'the block header fits its 64 bytes'],
  [RequestEventOffset.padding < EVENT_BYTES, 'the event fits its 64 bytes'],
  [512 % EVENT_BYTES === 0, 'an event never crosses a disk sector'],
  [SEGMENT_HEADER_BYTES % EVENT_BYTES === 0, 'events of a segment are aligned'],
  [BLOCK_HEADER_BYTES % EVENT_BYTES === 0, 'events of a block are aligned'],
  [TAIL_RING_HEADER_BYTES % EVENT_BYTES === 0, 'events of the tail ring are aligned'],
  [TailRingOffset.checksum + 8 <= TAIL_RING_HEADER_BYTES, 'the ring header fits'],
  [MetaOffset.checksum + 8 === META_BYTES, 'the meta file is 32 bytes'],
  [segmentBytes(MAX_BLOCKS_PER_SEGMENT) < 2 ** 31, 'an offset in a segment is a positive int32'],
];
for (const [holds, fact] of relations) {
  if (!holds) throw new Error(`layout: it does not hold that ${fact}`);
}

/** Size in bytes of a segment file of `blocksPerSegment` blocks. */
export function segmentBytes(blocksPerSegment: number): number {
  return SEGMENT_HEADER_BYTES + blocksPerSegment * BLOCK_BYTES;
}

/** Whether a whole segment can have this size: its header and 1 block or more. */
export function isSegmentSize(bytes: number): boolean {
  const blocks = (bytes - SEGMENT_HEADER_BYTES) / BLOCK_BYTES;
  return Number.isInteger(blocks) && blocks >= 1 && blocks <= MAX_BLOCKS_PER_SEGMENT;
}

/** Byte offset of a block in its segment file. */
export function blockOffset(blockIndex: number): number {
  return SEGMENT_HEADER_BYTES + blockIndex * BLOCK_BYTES;
}

/** Byte offset of an event in its block. */
export function eventOffset(eventIndex: number): number {
  return BLOCK_HEADER_BYTES + eventIndex * EVENT_BYTES;
}
