import { type BlockHeader, decodeBlockHeader } from './block-header.js';
import { isZero } from './bytes.js';
import { checksum } from './checksum.js';
import type { WalErrorCode } from './errors.js';
import { asWords, countGrowing, idAt } from './event-ids.js';
import {
  BLOCK_EVENTS,
  BLOCK_HEADER_BYTES,
  BlockHeaderOffset,
  blockOffset,
  eventOffset,
  WORD_BYTES,
} from './layout.js';

/** What is wrong with a block. */
export interface BlockFault {
  readonly reason: WalErrorCode;
  readonly message: string;
  /** Byte in the file: that of the block, or the file's end where that comes too early. */
  readonly offset: number;
}

/**
 * What is wrong with a sealed block: it is not the one that it says it is, its events do not match their checksums, or
 * their ids do not grow as its header says.
 *
 * @param bytes of the segment, from its front
 * @param words the same as 32-bit words
 * @param header of the block, whose checksum holds
 * @param after the event before it; 0 = none, or whatever it is
 * @param chained the chained checksum of the block before; undefined = it is not known, and the chain is not looked at
 */
export function blockFault(
  bytes: Uint8Array,
  words: Int32Array,
  block: number,
  header: BlockHeader,
  after = 0n,
  chained?: bigint,
): BlockFault | undefined {
  const offset = blockOffset(block);
  const { eventCount: count, firstEventId, lastEventId } = header;
  const padding = isZero(bytes, offset + BlockHeaderOffset.padding, offset + BLOCK_HEADER_BYTES);
  if (header.blockIndex !== block || count === 0 || count > BLOCK_EVENTS || !padding) {
    return { reason: 'SEGMENT_CORRUPTED', message: 'the block header is not one of this block', offset };
  }
  // A file may have been cut behind the last used event: nothing is missing then.
  const end = offset + eventOffset(count);
  if (end > bytes.length) {
    const message = `the file ends inside block ${block}`;
    return { reason: 'SEGMENT_CORRUPTED', message, offset: bytes.length };
  }
  const events = bytes.subarray(offset + BLOCK_HEADER_BYTES, end);
  if (checksum(events, 0n) !== header.blockChecksum) {
    const message = 'the events are not those that were sealed';
    return { reason: 'BLOCK_CHECKSUM_MISMATCH', message, offset };
  }
  if (chained !== undefined && checksum(events, chained) !== header.chainedChecksum) {
    return { reason: 'CHAINED_CHECKSUM_MISMATCH', message: notChained(block), offset };
  }
  const first = (offset + eventOffset(0)) / WORD_BYTES;
  const last = (offset + eventOffset(count - 1)) / WORD_BYTES;
  const grows = countGrowing(words, first, count, after) === count;
  if (grows && idAt(words, first) === firstEventId && idAt(words, last) === lastEventId) return undefined;
  const message = 'the event ids do not grow, or not as the header says';
  return { reason: 'SEGMENT_CORRUPTED', message, offset };
}

/** What is wrong with a block, or a segment, that does not follow the one before. */
export function notChained(block: number): string {
  return `the ${block === 0 ? 'segment' : 'block'} does not follow the one before`;
}

/** Whether a sound block follows one of this chained checksum. @param header of the block */
export function isChained(
  bytes: Uint8Array,
  block: number,
  { eventCount, chainedChecksum }: BlockHeader,
  chained: bigint,
): boolean {
  const start = blockOffset(block);
  const events = bytes.subarray(start + BLOCK_HEADER_BYTES, start + eventOffset(eventCount));
  return checksum(events, chained) === chainedChecksum;
}

/**
 * The header of a sealed block of a segment, if the block is sound and its ids are above `afterEventId`.
 *
 * @param bytes of the segment, from its front
 * @param chained the chained checksum of the block before; undefined = it is not known, and the chain is not looked at
 */
export function soundBlock(
  bytes: Uint8Array,
  block: number,
  afterEventId: bigint,
  chained?: bigint,
): BlockHeader | undefined {
  const start = blockOffset(block);
  if (start + BLOCK_HEADER_BYTES > bytes.length) return undefined;
  const header = decodeBlockHeader(bytes.subarray(start, blockOffset(block + 1)));
  if (header === undefined) return undefined;
  const fault = blockFault(bytes, asWords(bytes), block, header, afterEventId, chained);
  return fault === undefined ? header : undefined;
}

/** Blocks from `fromBlock` on that verify by themselves and hold events after `afterEventId`. */
export function countSoundBlocks(bytes: Uint8Array, fromBlock: number, afterEventId: bigint): number {
  let sound = 0;
  for (let block = fromBlock; blockOffset(block) < bytes.length; block++) {
    if (soundBlock(bytes, block, afterEventId) !== undefined) sound++;
  }
  return sound;
}
