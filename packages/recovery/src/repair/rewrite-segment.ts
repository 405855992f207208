import {
  BLOCK_BYTES,
  BLOCK_EVENTS,
  BLOCK_HEADER_BYTES,
  BlockHeaderOffset,
  blockOffset,
  checksum,
  encodeSegmentHeader,
  eventOffset,
  type FormatVersion,
  SEGMENT_HEADER_BYTES,
  sealBlock,
} from '@fswal/format';
import type { SoundParts } from '../segment-salvage.js';

/** What a segment has besides its blocks. */
export interface SegmentFrame {
  readonly version: FormatVersion;
  readonly segmentIndex: number;
  /** Chained checksum of the block before. */
  readonly seed: bigint;
  readonly createdNs: bigint;
  /** Not 0: the segment is closed. */
  readonly closedNs: bigint;
}

/** A closed segment. */
export interface RewrittenSegment {
  readonly bytes: Uint8Array;
  readonly blocks: number;
  readonly events: number;
  readonly chainedChecksum: bigint;
}

/** The closed segment of nothing but the sound parts of a damaged one, its blocks numbered and chained anew. */
export function rewriteSegment(from: Uint8Array, parts: SoundParts, frame: SegmentFrame): RewrittenSegment {
  const sources = blocksOf(from, parts);
  const bytes = new Uint8Array(blockOffset(sources.length));
  const view = new DataView(bytes.buffer);
  let chained = frame.version === 1 ? 0n : frame.seed;
  let events = 0;
  sources.forEach(({ start, count }, block) => {
    const at = blockOffset(block);
    bytes.set(from.subarray(start + BLOCK_HEADER_BYTES, start + eventOffset(count)), at + BLOCK_HEADER_BYTES);
    chained = sealBlock(bytes.subarray(at, at + BLOCK_BYTES), block, count, chained);
    events += count;
  });
  const { version, segmentIndex, createdNs, closedNs } = frame;
  const lastBlock = blockOffset(sources.length - 1);
  const empty = sources.length === 0;
  encodeSegmentHeader(
    {
      version,
      segmentIndex,
      blockCount: sources.length,
      eventCount: events,
      firstEventId: empty
        ? 0n
        : view.getBigUint64(SEGMENT_HEADER_BYTES + BlockHeaderOffset.firstEventId, true),
      lastEventId: empty ? 0n : view.getBigUint64(lastBlock + BlockHeaderOffset.lastEventId, true),
      createdNs,
      closedNs,
      lastChainedChecksum: empty ? 0n : chained,
    },
    bytes,
  );
  return { bytes, blocks: sources.length, events, chainedChecksum: chained };
}

/** Whether the first sealed block is chained to `seed` already. True where there is none. */
export function isChainedTo(bytes: Uint8Array, { runs }: SoundParts, seed: bigint): boolean {
  const first = runs[0];
  if (first === undefined) return true;
  const start = blockOffset(first.block);
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, BLOCK_HEADER_BYTES);
  const events = bytes.subarray(start + BLOCK_HEADER_BYTES, start + eventOffset(countIn(bytes, start)));
  return checksum(events, seed) === view.getBigUint64(BlockHeaderOffset.chainedChecksum, true);
}

/** Events of the parts. */
export function countEvents(bytes: Uint8Array, parts: SoundParts): number {
  return blocksOf(bytes, parts).reduce((sum, { count }) => sum + count, 0);
}

/** Id of the first event of the parts, of which there is one. */
export function firstEventOf(bytes: Uint8Array, parts: SoundParts): bigint {
  const [first] = blocksOf(bytes, parts);
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(first.start + eventOffset(0), true);
}

/** The last block of the parts: where it starts, and its events. Undefined where there is none. */
export function lastBlockOf(
  bytes: Uint8Array,
  parts: SoundParts,
): { start: number; count: number } | undefined {
  return blocksOf(bytes, parts).at(-1);
}

function blocksOf(bytes: Uint8Array, { runs, unsealed }: SoundParts): { start: number; count: number }[] {
  const blocks: { start: number; count: number }[] = [];
  for (const { block, count } of runs) {
    for (let i = block; i < block + count; i++) {
      blocks.push({ start: blockOffset(i), count: countIn(bytes, blockOffset(i)) });
    }
  }
  if (unsealed !== undefined) blocks.push({ start: blockOffset(unsealed.block), count: unsealed.events });
  return blocks;
}

/** By the header of a sealed block. */
function countIn(bytes: Uint8Array, start: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, BLOCK_HEADER_BYTES);
  return Math.min(BLOCK_EVENTS, view.getUint16(BlockHeaderOffset.eventCount, true));
}
