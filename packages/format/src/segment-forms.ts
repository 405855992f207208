import { compressedSegmentFileName, type SegmentFile } from './file-names.js';

/** A file that a segment may be read from. */
export interface SegmentForm {
  readonly file: SegmentFile;
  /** Whether the next form is to be tried where this one is not a full segment that verifies. */
  readonly onlyIfWhole: boolean;
}

/**
 * What a reader, who moves nothing, reads a segment from, in turn: as a recorder chooses when it opens the log.
 *
 * @param listed as the directory has it; the plain one where both forms are there
 * @param packed its `.lz4`, where that was listed beside its `.wal`: somebody was interrupted while compressing it
 */
export function segmentForms(listed: SegmentFile, packed: SegmentFile | undefined): readonly SegmentForm[] {
  const asItIs = { file: listed, onlyIfWhole: false };
  if (listed.compressed) return [asItIs];
  if (packed !== undefined)
    return [{ file: listed, onlyIfWhole: true }, { file: packed, onlyIfWhole: true }, asItIs];
  // A recorder may compress it before its turn comes.
  const name = compressedSegmentFileName(listed.segmentIndex);
  return [asItIs, { file: { ...listed, name, compressed: true }, onlyIfWhole: false }];
}
