import { readCompressedFile } from './compressed-start.js';
import { closeFile, openRegularFile, readRegularFile } from './log-files.js';
import { decompressSegment, MAX_SEGMENT_BYTES } from './lz4.js';

/**
 * The bytes of a segment from either form of its file.
 * @throws WalError OPEN_FAILED, READ_FAILED; SEGMENT_CORRUPTED for a file that no segment can be, or a damaged LZ4 frame
 */
export function readSegmentFile(file: string, compressed: boolean): Uint8Array {
  if (!compressed) return readRegularFile(file, MAX_SEGMENT_BYTES);
  const { fd, bytes } = openRegularFile(file);
  try {
    return decompressSegment(readCompressedFile(fd, bytes, file), MAX_SEGMENT_BYTES, file);
  } finally {
    closeFile(fd, file);
  }
}
