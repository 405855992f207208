/*
 * What can still be had of a damaged compressed segment. The blocks of a frame that a recorder writes do not refer to
 * each other, so damage in one spoils that one alone. Nothing here tells whether a byte is right: the checksums of the
 * segment's own blocks do.
 */
import { dataView } from '../bytes.js';
import { WalError } from '../errors.js';
import { unpackPrefix } from './compressed-start.js';
import {
  BLOCK_SIZE_BYTES,
  blockBytes,
  decodeFrameHeader,
  type FrameHeader,
  isCompressed,
  MAX_FRAME_HEADER_BYTES,
  MAX_RATIO,
} from './lz4-frame.js';

/** What a recorder's frames declare, for one whose front is damaged. */
const USUAL_HEADER: FrameHeader = {
  contentBytes: undefined,
  blockMaxBytes: 1 << 22,
  blockChecksums: false,
  contentChecksum: true,
  blocksOffset: MAX_FRAME_HEADER_BYTES,
};
const BLOCK_CHECKSUM_BYTES = 4;

/**
 * The bytes of a segment as far as its damaged frame gives them, each in its place: zeros where a block does not
 * unpack, an early end where the sizes of the blocks are lost. Allocates `maxBytes` at most.
 */
export function salvageFrame(frame: Uint8Array, maxBytes: number): Uint8Array {
  const header = frameHeader(frame, maxBytes);
  const { blockMaxBytes, contentBytes = maxBytes } = header;
  const blocks = listBlocks(frame, header, maxBytes);
  const last = blocks.at(-1);
  if (last === undefined) return new Uint8Array(0);
  const mostBytes = (blocks.length - 1) * blockMaxBytes + last.mostBytes;
  const bytes = new Uint8Array(Math.min(mostBytes, contentBytes));
  let end = 0;
  blocks.forEach(({ packed, compressed }, i) => {
    const start = i * blockMaxBytes;
    const into = bytes.subarray(start, start + blockMaxBytes);
    const count = compressed ? unpackPrefix(packed, into) : Math.min(packed.length, into.length);
    if (!compressed) into.set(packed.subarray(0, count));
    if (count > 0) end = start + count;
  });
  return bytes.subarray(0, end);
}

function frameHeader(frame: Uint8Array, maxBytes: number): FrameHeader {
  try {
    return decodeFrameHeader(frame, maxBytes, '');
  } catch (error) {
    if (error instanceof WalError) return USUAL_HEADER;
    throw error;
  }
}

interface PackedBlock {
  readonly packed: Uint8Array;
  readonly compressed: boolean;
  readonly mostBytes: number;
}

/** The blocks up to the end mark, or to a size that no block has. */
function listBlocks(frame: Uint8Array, header: FrameHeader, maxBytes: number): PackedBlock[] {
  const { blockMaxBytes, blockChecksums } = header;
  const view = dataView(frame);
  const blocks: PackedBlock[] = [];
  let at = header.blocksOffset;
  while (at + BLOCK_SIZE_BYTES <= frame.length && blocks.length * blockMaxBytes < maxBytes) {
    const word = view.getUint32(at, true);
    const size = blockBytes(word);
    if (word === 0 || size > blockMaxBytes) break;
    at += BLOCK_SIZE_BYTES;
    const packed = frame.subarray(at, at + size);
    const compressed = isCompressed(word);
    const mostBytes = compressed ? Math.min(blockMaxBytes, packed.length * MAX_RATIO) : packed.length;
    blocks.push({ packed, compressed, mostBytes });
    at += size + (blockChecksums ? BLOCK_CHECKSUM_BYTES : 0);
  }
  return blocks;
}
