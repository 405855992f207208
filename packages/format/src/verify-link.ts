import { decodeBlockHeader } from './block-header.js';
import { BLOCK_BYTES, blockOffset, eventOffset, SEGMENT_HEADER_BYTES } from './layout.js';
import { decodeSegmentHeader } from './segment-header.js';
import { isChained } from './sound-block.js';
import type { SegmentVerification, VerifyOptions } from './verify-segment.js';

/**
 * What `verifySegment` says of a sealed segment that has been verified without the one before it, and found sound: only
 * the link between the two is looked at. So segments can be verified side by side.
 *
 * @returns undefined where it does not link, or nothing can be told from the link alone: then it is to be verified anew
 */
export function verifyLink(bytes: Uint8Array, options: VerifyOptions = {}): SegmentVerification | undefined {
  const header = decodeSegmentHeader(bytes);
  const { previous, afterEventId = 0n } = options;
  const before = previous?.lastEventId ?? afterEventId;
  const blocks = header.blockCount;
  if (header.segmentIndex !== (options.segmentIndex ?? header.segmentIndex)) return undefined;
  if (blocks === 0 || header.firstEventId <= before) return undefined;
  if (header.version === 1) {
    if (previous?.complete === false) return undefined;
  } else if (previous?.chainedChecksum !== undefined) {
    const first = decodeBlockHeader(bytes.subarray(blockOffset(0), blockOffset(1)));
    if (first === undefined || !isChained(bytes, 0, first, previous.chainedChecksum)) return undefined;
  }
  const last = decodeBlockHeader(bytes.subarray(blockOffset(blocks - 1), blockOffset(blocks)));
  if (last === undefined) return undefined;
  const endOffset = blockOffset(blocks - 1) + eventOffset(last.eventCount);
  return {
    status: 'OK',
    state: 'sealed',
    header,
    blocks,
    tailEvents: 0,
    events: header.eventCount,
    firstEventId: header.firstEventId,
    lastEventId: header.lastEventId,
    chainedChecksum: header.lastChainedChecksum,
    endOffset,
    sealedLastEventId: header.lastEventId,
    sealedEndOffset: endOffset,
    capacityBlocks: Math.floor((bytes.length - SEGMENT_HEADER_BYTES) / BLOCK_BYTES),
  };
}
