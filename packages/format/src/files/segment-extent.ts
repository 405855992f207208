/*
 * How much of a plain segment file there is to read. Its size alone tells little: a damaged or planted file may be a
 * hole of 2 GB, and memory is only given for what a sound header vouches for, or what is not zero.
 */
import { bytesInUse } from '../bytes.js';
import { WalError } from '../errors.js';
import { BLOCK_BYTES, blockOffset, MAX_BLOCKS_PER_SEGMENT, SEGMENT_HEADER_BYTES } from '../layout.js';
import { decodeSegmentHeader } from '../segment-header.js';
import { readFully } from './log-files.js';

const CHUNK_BYTES = 1 << 20;

/**
 * Bytes of a plain segment file as its header has it: the blocks of a closed segment, else the whole file.
 * @param header the first 64 bytes of the file, or all of one that has fewer
 * @returns undefined where the header does not verify
 */
export function declaredBytes(header: Uint8Array, fileBytes: number): number | undefined {
  try {
    const { closedNs, blockCount } = decodeSegmentHeader(header);
    const isBounded = closedNs !== 0n && blockCount <= MAX_BLOCKS_PER_SEGMENT;
    return isBounded ? Math.min(fileBytes, blockOffset(blockCount)) : fileBytes;
  } catch (error) {
    if (error instanceof WalError) return undefined;
    throw error;
  }
}

/**
 * Bytes of an open file up to the last one that is not zero. Looks from the end, through a megabyte of memory.
 * `onProgress` is called after each megabyte.
 * @throws WalError READ_FAILED
 */
export function contentBytes(fd: number, fileBytes: number, file: string, onProgress?: () => void): number {
  const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, fileBytes));
  const zeros = Buffer.alloc(chunk.length);
  for (let end = fileBytes; end > 0; end -= chunk.length) {
    const start = Math.max(0, end - chunk.length);
    const part = chunk.subarray(0, readFully(fd, chunk.subarray(0, end - start), file, onProgress, start));
    // Comparing is many times as fast as looking at each byte.
    if (!part.equals(zeros.subarray(0, part.length))) return start + bytesInUse(part);
  }
  return 0;
}

/**
 * Bytes of an open file up to the end of the last block that is not all zero: what may be worth something where there
 * is no header. `onProgress` is called after each megabyte.
 * @returns at least the room of a segment header, as far as the file has it
 * @throws WalError READ_FAILED
 */
export function usedBytes(fd: number, fileBytes: number, file: string, onProgress?: () => void): number {
  const used = contentBytes(fd, fileBytes, file, onProgress);
  const blocks = Math.ceil((used - SEGMENT_HEADER_BYTES) / BLOCK_BYTES);
  return Math.min(fileBytes, blockOffset(Math.max(0, blocks)));
}

/** The first 64 bytes of an open file, or all of one that has fewer. @throws WalError READ_FAILED */
export function readFileHeader(fd: number, file: string): Uint8Array {
  const header = new Uint8Array(SEGMENT_HEADER_BYTES);
  return header.subarray(0, readFully(fd, header, file));
}
