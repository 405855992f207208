/*
 * The container of a compressed segment: what is declared in it, checked before anything is unpacked, so that a hostile
 * frame can neither make this thread allocate more than a segment takes nor pass for a shorter file.
 *
 *   magic u32 | FLG u8 | BD u8 | content size u64 (if FLG says so) | dictionary id u32 (never) | HC u8
 *   { block size u32 (highest bit: not compressed) | block | block checksum u32 (if FLG says so) }...
 *   end mark u32 = 0 | content checksum u32 (if FLG says so)
 */
import { dataView } from '../bytes.js';
import { WalError } from '../errors.js';
import { xxh32 } from '../native.js';

const MAGIC = 0x184d2204;
/** Bits of FLG. */
export const Flag = {
  /** Version 1 of the frame format: the second highest bit alone. */
  version: 0xc0,
  version1: 0x40,
  blockChecksums: 0x10,
  contentSize: 0x08,
  contentChecksum: 0x04,
  reserved: 0x02,
  dictionary: 0x01,
} as const;
/** No block of any frame is larger. */
export const LARGEST_BLOCK_BYTES = 1 << 22;
/** By the three bits of BD. */
const BLOCK_MAX_BYTES = [
  ...[undefined, undefined, undefined, undefined],
  ...[1 << 16, 1 << 18, 1 << 20, LARGEST_BLOCK_BYTES],
];
const NOT_COMPRESSED = 0x8000_0000;
const CHECKSUM_BYTES = 4;

/** Where the content size is, and HC where there is none. */
export const CONTENT_SIZE_OFFSET = 6;
export const CONTENT_SIZE_BYTES = 8;
/** Up to the first block, with a content size. */
export const MAX_FRAME_HEADER_BYTES = CONTENT_SIZE_OFFSET + CONTENT_SIZE_BYTES + 1;
/** Size of a block, before it. */
export const BLOCK_SIZE_BYTES = 4;
/** A byte of a compressed block lengthens a match by at most this, and nothing else in it yields more. */
export const MAX_RATIO = 255;

/** What a frame declares. */
export interface FrameHeader {
  /** Bytes unpacked; undefined where the frame does not say. */
  readonly contentBytes: number | undefined;
  readonly blockMaxBytes: number;
  readonly blockChecksums: boolean;
  readonly contentChecksum: boolean;
  /** Where the first block's size is. */
  readonly blocksOffset: number;
}

/** Bytes of the largest frame that content of this size can have: blocks that do not compress are stored as they are. */
export function maxFrameBytes(contentBytes: number): number {
  const blocks = Math.ceil(contentBytes / (1 << 16)) + 1;
  return (
    MAX_FRAME_HEADER_BYTES + contentBytes + blocks * (BLOCK_SIZE_BYTES + CHECKSUM_BYTES) + CHECKSUM_BYTES
  );
}

/**
 * Reads and checks the front of a frame.
 * @param maxBytes of the content
 * @throws WalError SEGMENT_CORRUPTED
 */
export function decodeFrameHeader(frame: Uint8Array, maxBytes: number, file: string): FrameHeader {
  const view = dataView(frame);
  needBytes(frame, CONTENT_SIZE_OFFSET + 1, file);
  if (view.getUint32(0, true) !== MAGIC) throw damagedFrame('this is no LZ4 frame', file, 0);
  const flags = view.getUint8(4);
  const blockMaxBytes = BLOCK_MAX_BYTES[(view.getUint8(5) >> 4) & 7];
  const kind = flags & (Flag.version | Flag.reserved | Flag.dictionary);
  if (kind !== Flag.version1 || blockMaxBytes === undefined) {
    throw damagedFrame('this is an LZ4 frame of another kind', file, 4);
  }
  let at = CONTENT_SIZE_OFFSET;
  let contentBytes: number | undefined;
  if ((flags & Flag.contentSize) !== 0) {
    needBytes(frame, MAX_FRAME_HEADER_BYTES, file);
    contentBytes = Number(view.getBigUint64(at, true));
    if (contentBytes === 0 || contentBytes > maxBytes) {
      const message = `the LZ4 frame declares ${contentBytes} bytes; a segment has at most ${maxBytes}`;
      throw damagedFrame(message, file, at);
    }
    at += CONTENT_SIZE_BYTES;
  }
  if (view.getUint8(at) !== frameHeaderChecksum(frame.subarray(4, at))) {
    throw damagedFrame('the LZ4 frame header is damaged', file, at);
  }
  return {
    contentBytes,
    blockMaxBytes,
    blockChecksums: (flags & Flag.blockChecksums) !== 0,
    contentChecksum: (flags & Flag.contentChecksum) !== 0,
    blocksOffset: at + 1,
  };
}

/**
 * Checks all that a whole frame declares: that it is one frame to its last byte, and that its blocks can yield what the
 * header says, and no more than `maxBytes`. Allocates nothing.
 * @throws WalError SEGMENT_CORRUPTED
 */
export function checkFrame(frame: Uint8Array, maxBytes: number, file: string): FrameHeader {
  const header = decodeFrameHeader(frame, maxBytes, file);
  const { contentBytes, blockMaxBytes } = header;
  const limit = contentBytes ?? maxBytes;
  const view = dataView(frame);
  let at = header.blocksOffset;
  let mostBytes = 0;
  for (let blocks = 0; ; blocks++) {
    needBytes(frame, at + BLOCK_SIZE_BYTES, file);
    const word = view.getUint32(at, true);
    at += BLOCK_SIZE_BYTES;
    if (word === 0) break;
    // All blocks but the last are full.
    if (blocks * blockMaxBytes >= limit) {
      throw damagedFrame('the LZ4 frame has more blocks than a segment', file, at);
    }
    const bytes = blockBytes(word);
    if (bytes > blockMaxBytes) {
      throw damagedFrame('an LZ4 block is larger than its frame allows', file, at);
    }
    mostBytes += isCompressed(word) ? Math.min(blockMaxBytes, bytes * MAX_RATIO) : bytes;
    at += bytes + (header.blockChecksums ? CHECKSUM_BYTES : 0);
    needBytes(frame, at, file);
  }
  if (contentBytes !== undefined && contentBytes > mostBytes) {
    const message = `the LZ4 frame declares ${contentBytes} bytes, but its blocks hold at most ${mostBytes}`;
    throw damagedFrame(message, file, CONTENT_SIZE_OFFSET);
  }
  if (header.contentChecksum) at += CHECKSUM_BYTES;
  needBytes(frame, at, file);
  if (at !== frame.length) throw damagedFrame(`${frame.length - at} bytes follow the LZ4 frame`, file, at);
  return header;
}

/** By the word before a block: whether it is compressed, or the bytes themselves. */
export function isCompressed(blockSizeWord: number): boolean {
  return blockSizeWord < NOT_COMPRESSED;
}

/** Bytes of a block in the frame, by the word before it. */
export function blockBytes(blockSizeWord: number): number {
  return blockSizeWord % NOT_COMPRESSED;
}

/** HC of a frame, by what is between it and the magic. */
export function frameHeaderChecksum(descriptor: Uint8Array): number {
  return (xxh32(descriptor) >>> 8) & 0xff;
}

export function damagedFrame(message: string, file: string, offset: number, cause?: unknown): WalError {
  return new WalError('SEGMENT_CORRUPTED', message, { file, offset, cause });
}

function needBytes(frame: Uint8Array, bytes: number, file: string): void {
  if (bytes > frame.length) throw damagedFrame('the LZ4 frame ends too early', file, frame.length);
}
