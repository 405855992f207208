/*
 * A recycled file also holds sound blocks of a segment that was retired, and all of their ids are smaller. Where nothing
 * else bounds the ids of a segment from below, the greatest ones are its own, and of the blocks before those only such
 * as are tied to them.
 */
import { BLOCK_EVENTS, type BlockHeader, isChained } from '@fswal/format';

/**
 * The first block of a segment that is tied to its last one, perhaps by way of others.
 * @param bytes of the segment
 * @param sound headers of the blocks that are sound by themselves, the hindmost first
 */
export function firstTiedBlock(bytes: Uint8Array, sound: Iterable<BlockHeader>): number {
  let first: BlockHeader | undefined;
  let greatest = 0n;
  for (const header of sound) {
    // With greater ids than all behind it, it is those that are of a retired segment.
    if (header.lastEventId > greatest) greatest = header.lastEventId;
    else if (first === undefined || !isTied(bytes, header, first)) continue;
    first = header;
  }
  return first?.blockIndex ?? 0;
}

/** By the chain, or as there is room for all ids between the two in the blocks between them. */
function isTied(bytes: Uint8Array, before: BlockHeader, after: BlockHeader): boolean {
  const between = after.blockIndex - before.blockIndex - 1;
  if (between === 0 && isChained(bytes, after.blockIndex, after, before.chainedChecksum)) return true;
  const ids = after.firstEventId - before.lastEventId - 1n;
  return ids >= 0n && ids <= BigInt(between * BLOCK_EVENTS);
}
