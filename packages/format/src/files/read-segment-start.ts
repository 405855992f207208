import { WalError } from '../errors.js';
import { BLOCK_HEADER_BYTES, EVENT_BYTES, SEGMENT_HEADER_BYTES } from '../layout.js';
import { decodeSegmentHeader, type SegmentHeader } from '../segment-header.js';
import { readCompressedStart } from './compressed-start.js';
import { closeFile, isErrno, openRegularFile, readFully } from './log-files.js';

const FIRST_EVENT_OFFSET = SEGMENT_HEADER_BYTES + BLOCK_HEADER_BYTES;
const START_BYTES = FIRST_EVENT_OFFSET + EVENT_BYTES;

/** Why an open fails that may succeed another time, or for somebody else: they say nothing of what is in the file. */
const PASSING = ['EIO', 'EMFILE', 'ENFILE', 'ENOMEM', 'EACCES', 'EPERM'];

/** The front of a segment, only to find out where to begin: whoever reads the segment judges it, header included. */
export interface SegmentStart {
  readonly header: SegmentHeader;
  /** The 64 bytes of the first event, whatever is there. Empty where the file ends before. */
  readonly firstEvent: Uint8Array;
}

/**
 * The front of a segment file, or undefined where it cannot be opened or is not that of segment `segmentIndex`. Of a
 * compressed segment no more than that is unpacked.
 * @throws WalError READ_FAILED; OPEN_FAILED where the device or the process is to blame: what they hide may be anything
 */
export function readSegmentStart(
  file: string,
  segmentIndex: number,
  compressed: boolean,
): SegmentStart | undefined {
  return fromSegmentFile(() => {
    const bytes = readStart(file, compressed, START_BYTES);
    const header = decodeSegmentHeader(bytes);
    if (header.segmentIndex !== segmentIndex) return undefined;
    return {
      header,
      firstEvent: bytes.length < START_BYTES ? new Uint8Array(0) : bytes.subarray(FIRST_EVENT_OFFSET),
    };
  });
}

/**
 * What is read of a segment file; undefined where it is none.
 * @throws WalError READ_FAILED, OPEN_FAILED as `readSegmentStart`
 */
export function fromSegmentFile<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof WalError) || error.code === 'READ_FAILED') throw error;
    if (PASSING.some((errno) => isErrno(error.cause, errno))) throw error;
    return undefined;
  }
}

function readStart(file: string, compressed: boolean, startBytes: number): Uint8Array {
  if (compressed) return readCompressedStart(file, startBytes).content;
  const { fd } = openRegularFile(file);
  try {
    const bytes = new Uint8Array(startBytes);
    return bytes.subarray(0, readFully(fd, bytes, file));
  } finally {
    closeFile(fd, file);
  }
}
