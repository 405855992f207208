/*
 * What looks like a torn tail may be a log that is being written: a segment that was read while it was open, and one
 * after it that goes on where it ended later. Told by reading again: a torn tail stays as it is.
 */
import { type SegmentVerdict, WalError } from '@fswal/format';
import { ReplayWindow } from './replay-window.js';
import { SegmentReader } from './segment-reader.js';

const CHUNK_BYTES = 1 << 18;

/** Where a segment ended when it was read. */
export interface ReadEnd {
  readonly file: string;
  readonly segmentIndex: number;
  readonly endOffset: number;
}

/** Where a segment ended, if a recorder may have gone on there since; undefined where it was closed. */
export function openEnd(
  segmentIndex: number,
  file: string,
  { decision, verification, endOffset }: SegmentVerdict,
): ReadEnd | undefined {
  return decision === 'keep' && verification.state !== 'sealed'
    ? { file, segmentIndex, endOffset }
    : undefined;
}

/**
 * Whether the segment that the log seems torn in, or the one before it, has changed since it was read.
 *
 * @param reader of the segment, still open
 * @param bytes what was read of it
 * @param before where the one before it ended
 */
export function isBeingWritten(
  reader: SegmentReader,
  bytes: Uint8Array,
  before: ReadEnd | undefined,
): boolean {
  return (before !== undefined && hasGrown(before)) || hasChanged(reader, bytes);
}

function hasGrown({ file, segmentIndex, endOffset }: ReadEnd): boolean {
  try {
    const reader = SegmentReader.open(file, false, () => {});
    try {
      const window = ReplayWindow.allocate(reader.fileBytes);
      return reader.readVerified(window, { segmentIndex }).verification.endOffset > endOffset;
    } finally {
      reader.close();
    }
  } catch (error) {
    // Compressed or taken since: a recorder is at work, and one that is closed was closed after it was read.
    if (error instanceof WalError) return error.code === 'OPEN_FAILED';
    throw error;
  }
}

function hasChanged(reader: SegmentReader, bytes: Uint8Array): boolean {
  if (reader.compressed) return false;
  const again = ReplayWindow.allocate(CHUNK_BYTES);
  for (let offset = 0; offset < bytes.length; offset += CHUNK_BYTES) {
    const part = bytes.subarray(offset, offset + CHUNK_BYTES);
    const count = reader.readInto(again.bytes.subarray(0, part.length), offset);
    if (Buffer.compare(part, again.bytes.subarray(0, count)) !== 0) return true;
  }
  return false;
}
