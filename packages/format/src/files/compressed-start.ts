/*
 * What the front of a compressed segment tells: its size, its header, its first event. A log may have thousands of
 * them, and whoever only wants to know where to begin need not unpack one.
 */
import { dataView } from '../bytes.js';
import { closeFile, openRegularFile, readFully } from './log-files.js';
import { MAX_COMPRESSED_BYTES, MAX_SEGMENT_BYTES } from './lz4.js';
import {
  BLOCK_SIZE_BYTES,
  blockBytes,
  damagedFrame,
  decodeFrameHeader,
  isCompressed,
  MAX_RATIO,
  maxFrameBytes,
} from './lz4-frame.js';

/** Enough for the length of the longest run of literals that a block can begin with: a byte for each 255 of 4 MB. */
const START_BYTES = 32 * 1024;

/** The front of a compressed segment. Only what the frame declares: it is not verified. */
export interface CompressedStart {
  /** Bytes of the segment; undefined where the frame does not say. */
  readonly contentBytes: number | undefined;
  /** The first bytes of the segment; fewer than asked for where they do not unpack. */
  readonly content: Uint8Array;
}

/**
 * Reads no more than the front of the file, and unpacks `contentBytes` of it.
 * @throws WalError OPEN_FAILED, READ_FAILED; SEGMENT_CORRUPTED where the file cannot be a compressed segment
 */
export function readCompressedStart(file: string, contentBytes: number): CompressedStart {
  const { fd, bytes } = openRegularFile(file);
  try {
    const start = new Uint8Array(Math.min(START_BYTES, bytes));
    return decodeCompressedStart(start.subarray(0, readFully(fd, start, file)), bytes, contentBytes, file);
  } finally {
    closeFile(fd, file);
  }
}

/**
 * The whole of an open compressed file; nothing is allocated where its front says that it is none.
 * @param fileBytes size of the file
 * @param onProgress called after each megabyte
 * @throws WalError READ_FAILED; SEGMENT_CORRUPTED where the file cannot be a compressed segment
 */
export function readCompressedFile(
  fd: number,
  fileBytes: number,
  file: string,
  onProgress?: () => void,
): Uint8Array {
  const start = new Uint8Array(Math.min(START_BYTES, fileBytes));
  decodeCompressedStart(start.subarray(0, readFully(fd, start, file)), fileBytes, 0, file);
  const frame = new Uint8Array(fileBytes);
  return frame.subarray(0, readFully(fd, frame, file, onProgress));
}

/**
 * @param start as much of the file's front as there is, up to 32 KiB
 * @throws WalError SEGMENT_CORRUPTED
 */
function decodeCompressedStart(
  start: Uint8Array,
  fileBytes: number,
  unpackBytes: number,
  file: string,
): CompressedStart {
  const { contentBytes, blocksOffset } = decodeFrameHeader(start, MAX_SEGMENT_BYTES, file);
  const mostBytes = contentBytes === undefined ? MAX_COMPRESSED_BYTES : maxFrameBytes(contentBytes);
  if (fileBytes > mostBytes || (contentBytes ?? 0) > fileBytes * MAX_RATIO) {
    const message = `${fileBytes} bytes cannot be an LZ4 frame of ${contentBytes ?? `up to ${MAX_SEGMENT_BYTES}`} bytes`;
    throw damagedFrame(message, file, 0);
  }
  return { contentBytes, content: unpackStart(start.subarray(blocksOffset), new Uint8Array(unpackBytes)) };
}

/** The first bytes of the first block, as many as `into` takes. */
function unpackStart(blocks: Uint8Array, into: Uint8Array): Uint8Array {
  if (blocks.length < BLOCK_SIZE_BYTES) return into.subarray(0, 0);
  const word = dataView(blocks).getUint32(0, true);
  const block = blocks.subarray(BLOCK_SIZE_BYTES, BLOCK_SIZE_BYTES + blockBytes(word));
  if (isCompressed(word)) return into.subarray(0, unpackPrefix(block, into));
  into.set(block.subarray(0, into.length));
  return into.subarray(0, block.length);
}

/**
 * Unpacks the front of an LZ4 block until `into` is full: sequences of a token, literals, and a match of what was
 * unpacked before.
 * @returns how many bytes are in `into`: fewer than it takes where the block ends before, or is none
 */
export function unpackPrefix(block: Uint8Array, into: Uint8Array): number {
  let at = 0;
  let out = 0;
  /** A length whose first four bits are all set goes on in the bytes that follow. */
  const longer = (length: number) => {
    if (length < 15) return length;
    let byte: number;
    do {
      byte = block[at++] ?? 0;
      length += byte;
    } while (byte === 255);
    return length;
  };
  while (at < block.length) {
    const token = block[at++] as number;
    const literals = Math.min(longer(token >> 4), into.length - out);
    if (at + literals > block.length) return out;
    into.set(block.subarray(at, at + literals), out);
    at += literals;
    out += literals;
    if (out === into.length) break;
    const distance = (block[at] ?? 0) | ((block[at + 1] ?? 0) << 8);
    at += 2;
    if (distance === 0 || distance > out) return out;
    for (let match = longer(token & 15) + 4; match > 0 && out < into.length; match--, out++) {
      into[out] = into[out - distance] as number;
    }
    if (out === into.length) break;
  }
  return out;
}
