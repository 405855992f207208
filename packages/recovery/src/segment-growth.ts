/*
 * What looks like a torn tail may be a log that is being written: a segment that was read while it was open, and one
 * after it that goes on where it ended later. Told by reading again: a torn tail stays as it is.
 */
import {
  asWords,
  BLOCK_BYTES,
  BLOCK_HEADER_BYTES,
  blockOffset,
  idAt,
  SEGMENT_HEADER_BYTES,
  type SegmentVerdict,
  WalError,
} from '@fswal/format';
import { isMissing } from './is-missing.js';
import { ReplayWindow } from './replay-window.js';
import { SegmentReader } from './segment-reader.js';

const CHUNK_BYTES = 1 << 18;

/** Where a segment ended when it was read. */
export interface ReadEnd {
  readonly file: string;
  readonly endOffset: number;
  readonly lastEventId: bigint;
}

/** Where a segment ended, if a recorder may have gone on there since; undefined where it was closed. */
export function openEnd(
  file: string,
  { decision, verification, endOffset, lastEventId }: SegmentVerdict,
): ReadEnd | undefined {
  return decision === 'keep' && verification.state !== 'sealed'
    ? { file, endOffset, lastEventId }
    : undefined;
}

/**
 * Whether the segment that the log seems torn in, or the one before it, has changed since it was read.
 *
 * @param reader of the segment, still open
 * @param bytes what was read of it
 * @param before where the one before it ended
 * @throws WalError OPEN_FAILED, READ_FAILED where that cannot be told
 */
export function isBeingWritten(
  reader: SegmentReader,
  bytes: Uint8Array,
  before: ReadEnd | undefined,
): boolean {
  return (before !== undefined && hasGrown(before)) || hasChanged(reader, bytes);
}

function hasGrown({ file, endOffset, lastEventId }: ReadEnd): boolean {
  let reader: SegmentReader;
  try {
    reader = SegmentReader.open(file, false, () => {});
  } catch (error) {
    // Compressed or taken since: a recorder is at work, and one that is closed was closed after it was read.
    if (error instanceof WalError && isMissing(error)) return true;
    throw error;
  }
  try {
    const id = new Uint8Array(BigUint64Array.BYTES_PER_ELEMENT);
    const isLater = (offset: number) =>
      reader.readInto(id, offset) === id.length && idAt(asWords(id), 0) > lastEventId;
    return isLater(endOffset) || isLater(nextBlockOffset(endOffset) + BLOCK_HEADER_BYTES);
  } finally {
    reader.close();
  }
}

/** Of the block behind the one in which the events end: a recorder that was opened anew goes on there. */
function nextBlockOffset(endOffset: number): number {
  return blockOffset(Math.ceil((endOffset - SEGMENT_HEADER_BYTES) / BLOCK_BYTES));
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
