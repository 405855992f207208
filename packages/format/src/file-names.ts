import { MAX_SEGMENT_INDEX } from './layout.js';

/** The durable position. */
export const META_FILE = 'wal_meta.dat';
/** What `META_FILE` is written as before it is renamed. */
export const META_TEMP_FILE = 'wal_meta.dat.tmp';
/** The tail ring of an open recorder, or of one that was killed. */
export const TAIL_RING_FILE = 'wal_tail.ring';
/** Names the directory of the tail ring, where that is not the log's own. */
export const TAIL_RING_PLACE_FILE = 'wal_tail.place';
/** Appended to the name of a damaged file when it is moved aside. */
export const BROKEN_SUFFIX = '.broken';

const SEGMENT_NAME = /^FS\.(\d{8})\.wal(\.lz4)?$/;
/** A file of a log, or one that was made beside it: what is being written, what was moved aside. */
const LOG_NAME = /^(FS\.\d{8}\.wal|wal_(meta\.dat|tail\.ring|tail\.place))(\.|$)/;

/** A segment file by its name. */
export interface SegmentFile {
  readonly name: string;
  readonly segmentIndex: number;
  readonly compressed: boolean;
}

/** `FS.00000012.wal` @throws RangeError for an index that does not fit 8 digits */
export function segmentFileName(segmentIndex: number): string {
  if (!Number.isInteger(segmentIndex) || segmentIndex < 0 || segmentIndex > MAX_SEGMENT_INDEX) {
    throw new RangeError(
      `a segment index is a whole number from 0 to ${MAX_SEGMENT_INDEX}, not ${segmentIndex}`,
    );
  }
  return `FS.${String(segmentIndex).padStart(8, '0')}.wal`;
}

/** `FS.00000012.wal.lz4` */
export function compressedSegmentFileName(segmentIndex: number): string {
  return `${segmentFileName(segmentIndex)}.lz4`;
}

/** What a file name says of a segment, or undefined for any other name. */
export function parseSegmentFileName(name: string): SegmentFile | undefined {
  const match = SEGMENT_NAME.exec(name);
  if (match === null) return undefined;
  return { name, segmentIndex: Number(match[1]), compressed: match[2] !== undefined };
}

/** Whether a file may be of a log: its segments, its other files, and all names that begin with theirs and a dot. */
export function isLogFileName(name: string): boolean {
  return LOG_NAME.test(name);
}
