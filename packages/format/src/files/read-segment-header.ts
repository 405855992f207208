import { WalError } from '../errors.js';
import { SEGMENT_HEADER_BYTES } from '../layout.js';
import { decodeSegmentHeader, type SegmentHeader } from '../segment-header.js';
import { closeFile, openRegularFile, readFully } from './log-files.js';

/**
 * The header of a segment file, or undefined where it cannot be read or is not that of segment `segmentIndex`. Only to
 * find out where to begin: whoever reads the segment judges it, header included.
 */
export function readSegmentHeader(file: string, segmentIndex: number): SegmentHeader | undefined {
  try {
    const { fd } = openRegularFile(file);
    try {
      const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
      const header = decodeSegmentHeader(bytes.subarray(0, readFully(fd, bytes, file)));
      return header.segmentIndex === segmentIndex ? header : undefined;
    } finally {
      closeFile(fd, file);
    }
  } catch (error) {
    if (error instanceof WalError) return undefined;
    throw error;
  }
}
