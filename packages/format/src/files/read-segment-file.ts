import { readCompressedFile } from './compressed-start.js';
import { closeFile, openRegularFile, readFully, refuseLarger } from './log-files.js';
import { decompressSegment, MAX_COMPRESSED_BYTES, MAX_SEGMENT_BYTES } from './lz4.js';
import { LARGEST_BLOCK_BYTES } from './lz4-frame.js';
import { salvageFrame } from './salvage-frame.js';
import { contentBytes, declaredBytes, readFileHeader, usedBytes } from './segment-extent.js';

/**
 * The bytes of a segment from either form of its file. Of a closed one, what lies behind its blocks is zero here,
 * whatever is in the file. Where the header does not verify, only what comes before the zeros at the end of the file.
 * @throws WalError OPEN_FAILED, READ_FAILED; SEGMENT_CORRUPTED for a file that no segment can be, or a damaged LZ4 frame
 */
export function readSegmentFile(file: string, compressed: boolean): Uint8Array {
  const { fd, bytes } = openRegularFile(file);
  try {
    if (!compressed) return readPlain(fd, bytes, file);
    return decompressSegment(readCompressedFile(fd, bytes, file), MAX_SEGMENT_BYTES, file);
  } finally {
    closeFile(fd, file);
  }
}

/** The room that a closed segment does not use is not read, and takes no memory until somebody writes there. */
function readPlain(fd: number, fileBytes: number, file: string): Uint8Array {
  refuseLarger(fileBytes, MAX_SEGMENT_BYTES, file);
  const header = readFileHeader(fd, file);
  const declared = declaredBytes(header, fileBytes);
  const content = new Uint8Array(declared === undefined ? usedBytes(fd, fileBytes, file) : fileBytes);
  content.set(header.subarray(0, content.length));
  const rest = content.subarray(header.length, declared);
  const count = readFully(fd, rest, file, undefined, header.length);
  return count < rest.length ? content.subarray(0, header.length + count) : content;
}

/**
 * What can be had of a segment file that `readSegmentFile` finds corrupted, up to its last block that is not zero: of
 * one larger than any segment its front, of a compressed one see `salvageFrame`.
 * @throws WalError OPEN_FAILED, READ_FAILED
 */
export function salvageSegmentFile(file: string, compressed: boolean): Uint8Array {
  const { fd, bytes } = openRegularFile(file);
  try {
    return compressed ? salvageCompressed(fd, bytes, file) : salvagePlain(fd, bytes, file);
  } finally {
    closeFile(fd, file);
  }
}

function salvagePlain(fd: number, fileBytes: number, file: string): Uint8Array {
  const mostBytes = Math.min(fileBytes, MAX_SEGMENT_BYTES);
  const declared = declaredBytes(readFileHeader(fd, file), mostBytes) ?? mostBytes;
  const content = new Uint8Array(usedBytes(fd, declared, file));
  return content.subarray(0, readFully(fd, content, file));
}

function salvageCompressed(fd: number, fileBytes: number, file: string): Uint8Array {
  const mostBytes = Math.min(fileBytes, MAX_COMPRESSED_BYTES);
  // The zeros at the end of the file may be those of its last block, and no more.
  const frameBytes = Math.min(mostBytes, contentBytes(fd, mostBytes, file) + LARGEST_BLOCK_BYTES);
  const frame = new Uint8Array(frameBytes);
  return salvageFrame(frame.subarray(0, readFully(fd, frame, file)), MAX_SEGMENT_BYTES);
}
