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
}

/**
 * What is wrong with a sealed block by itself, whatever lies before it: it is not the one that it says it is, its events
 * do not match their checksum, or their ids do not grow as its header says.
 *
 * @param bytes of the segment, from its front
 * @param header of the block, whose checksum holds
 */
export function blockFault(bytes: Uint8Array, block: number, header: BlockHeader): BlockFault | undefined {
  const start = blockOffset(block);
  const { eventCount: count, firstEventId, lastEventId } = header;
  const padding = isZero(bytes, start + BlockHeaderOffset.padding, start + BLOCK_HEADER_BYTES);
  if (header.blockIndex !== block || count === 0 || count > BLOCK_EVENTS || !padding) {
    return { reason: 'SEGMENT_CORRUPTED', message: 'the block header is not one of this block' };
  }
  const end = start + eventOffset(count);
  if (end > bytes.length)
    return { reason: 'SEGMENT_CORRUPTED', message: `the file ends inside block ${block}` };
  if (checksum(bytes.subarray(start + BLOCK_HEADER_BYTES, end), 0n) !== header.blockChecksum) {
    return { reason: 'BLOCK_CHECKSUM_MISMATCH', message: 'the events are not those that were sealed' };
  }
  const words = asWords(bytes);
  const first = (start + eventOffset(0)) / WORD_BYTES;
  const last = (start + eventOffset(count - 1)) / WORD_BYTES;
  const grows = firstEventId > 0n && countGrowing(words, first, count, firstEventId - 1n) === count;
  if (grows && idAt(words, first) === firstEventId && idAt(words, last) === lastEventId) return undefined;
  return { reason: 'SEGMENT_CORRUPTED', message: 'the event ids do not grow, or not as the header says' };
}

/**
 * The header of a sealed block of a segment, if the block is sound by itself and its ids are above `afterEventId`.
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
  if (header === undefined || header.firstEventId <= afterEventId) return undefined;
  if (blockFault(bytes, block, header) !== undefined) return undefined;
  if (chained === undefined) return header;
  const events = bytes.subarray(start + BLOCK_HEADER_BYTES, start + eventOffset(header.eventCount));
  return checksum(events, chained) === header.chainedChecksum ? header : undefined;
}
