import { dataView } from './bytes.js';
import { checksum, headerChecksum } from './checksum.js';
import {
  BlockHeaderOffset as At,
  BLOCK_EVENTS,
  BLOCK_HEADER_BYTES,
  EVENT_BYTES,
  EVENT_ID_OFFSET,
} from './layout.js';

/** The header of a sealed block. */
export interface BlockHeader {
  firstEventId: bigint;
  lastEventId: bigint;
  /** XXH64 of the events, seed 0. */
  blockChecksum: bigint;
  /** XXH64 of the events, seeded with the chained checksum of the block before. */
  chainedChecksum: bigint;
  /** Index of the block in its segment. */
  blockIndex: number;
  eventCount: number;
}

/**
 * Seals `block` (its 64-byte header and at least its events) in place: computes both checksums over the first
 * `eventCount` events (1 to 256) and writes the header.
 * @returns the block's chained checksum, the seed of the next block
 * @throws RangeError for another count
 */
export function sealBlock(block: Uint8Array, blockIndex: number, eventCount: number, seed: bigint): bigint {
  if (!(eventCount >= 1 && eventCount <= BLOCK_EVENTS)) {
    throw new RangeError(`a sealed block has 1 to ${BLOCK_EVENTS} events, not ${eventCount}`);
  }
  const events = block.subarray(BLOCK_HEADER_BYTES, BLOCK_HEADER_BYTES + eventCount * EVENT_BYTES);
  const header = block.subarray(0, BLOCK_HEADER_BYTES);
  const chained = checksum(events, seed);
  const view = dataView(block);
  const lastEvent = BLOCK_HEADER_BYTES + (eventCount - 1) * EVENT_BYTES;
  header.fill(0);
  view.setBigUint64(At.firstEventId, view.getBigUint64(BLOCK_HEADER_BYTES + EVENT_ID_OFFSET, true), true);
  view.setBigUint64(At.lastEventId, view.getBigUint64(lastEvent + EVENT_ID_OFFSET, true), true);
  view.setBigUint64(At.blockChecksum, checksum(events, 0n), true);
  view.setBigUint64(At.chainedChecksum, chained, true);
  view.setUint32(At.blockIndex, blockIndex, true);
  view.setUint16(At.eventCount, eventCount, true);
  view.setBigUint64(At.headerChecksum, headerChecksum(header, At.headerChecksum), true);
  return chained;
}

/** Reads the header of a block, or undefined where its checksum does not hold (never sealed, or damaged). */
export function decodeBlockHeader(block: Uint8Array): BlockHeader | undefined {
  const header = block.subarray(0, BLOCK_HEADER_BYTES);
  const view = dataView(header);
  if (view.getBigUint64(At.headerChecksum, true) !== headerChecksum(header, At.headerChecksum))
    return undefined;
  return {
    firstEventId: view.getBigUint64(At.firstEventId, true),
    lastEventId: view.getBigUint64(At.lastEventId, true),
    blockChecksum: view.getBigUint64(At.blockChecksum, true),
    chainedChecksum: view.getBigUint64(At.chainedChecksum, true),
    blockIndex: view.getUint32(At.blockIndex, true),
    eventCount: view.getUint16(At.eventCount, true),
  };
}
