import { MAX_BLOCKS_PER_SEGMENT, segmentBytes } from '../layout.js';
import { readRegularFile } from './log-files.js';
import { decompressSegment } from './lz4.js';

const MAX_SEGMENT_BYTES = segmentBytes(MAX_BLOCKS_PER_SEGMENT);

/**
 * The bytes of a segment from either form of its file.
 * @throws WalError OPEN_FAILED, READ_FAILED; SEGMENT_CORRUPTED for a file that no segment can be, or a damaged LZ4 frame
 */
export function readSegmentFile(file: string, compressed: boolean): Uint8Array {
  const content = readRegularFile(file, MAX_SEGMENT_BYTES);
  return compressed ? decompressSegment(content, MAX_SEGMENT_BYTES, file) : content;
}
