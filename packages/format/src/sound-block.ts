import { type BlockHeader, decodeBlockHeader } from './block-header.js';
import { checksum } from './checksum.js';
import { asWords, countGrowing, idAt } from './event-ids.js';
import { BLOCK_EVENTS, BLOCK_HEADER_BYTES, blockOffset, eventOffset, WORD_BYTES } from './layout.js';

/**
 * The header of a sealed block of a segment, if the block is sound by itself: it is the one that it says it is, its header
 * and its events match their checksums, and its ids grow from above `afterEventId`.
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
  if (header === undefined || header.blockIndex !== block) return undefined;
  const count = header.eventCount;
  const end = start + eventOffset(count);
  if (count === 0 || count > BLOCK_EVENTS || end > bytes.length) return undefined;
  const events = bytes.subarray(start + BLOCK_HEADER_BYTES, end);
  if (checksum(events, 0n) !== header.blockChecksum) return undefined;
  if (chained !== undefined && checksum(events, chained) !== header.chainedChecksum) return undefined;
  const words = asWords(bytes);
  const first = (start + eventOffset(0)) / WORD_BYTES;
  const last = (start + eventOffset(count - 1)) / WORD_BYTES;
  if (countGrowing(words, first, count, afterEventId) !== count) return undefined;
  return idAt(words, first) === header.firstEventId && idAt(words, last) === header.lastEventId
    ? header
    : undefined;
}
