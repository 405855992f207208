import path from 'node:path';
import { isWhole, type SegmentFile, segmentForms, verifySegment, WalError } from '@fswal/format';
import { readSegmentFile, statName } from '@fswal/format/files';

/** A segment as it was read. */
export interface ReadSegment {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * Reads a segment from the form of it that recovery takes, while a recorder may compress it or take it away.
 *
 * @param packed its `.lz4`, where that was listed beside its `.wal`: the first of them that verifies whole is taken
 * @returns undefined where the segment is gone
 * @throws WalError OPEN_FAILED, READ_FAILED, SEGMENT_CORRUPTED
 */
export function readListedSegment(
  dir: string,
  listed: SegmentFile,
  packed: SegmentFile | undefined,
): ReadSegment | undefined {
  for (const { file, onlyIfWhole } of segmentForms(listed, packed)) {
    const read = onlyIfWhole ? wholeOrNothing(dir, file) : readIfThere(dir, file);
    if (read !== undefined) return read;
  }
  return undefined;
}

function wholeOrNothing(dir: string, file: SegmentFile): ReadSegment | undefined {
  try {
    const read = readIfThere(dir, file);
    if (read === undefined) return undefined;
    return isWhole(verifySegment(read.bytes, { segmentIndex: file.segmentIndex })) ? read : undefined;
  } catch (error) {
    if (error instanceof WalError && error.code === 'SEGMENT_CORRUPTED') return undefined;
    throw error;
  }
}

/** Undefined as well where the file was renamed while it was read: it may hold another segment by now. */
function readIfThere(dir: string, { name, compressed }: SegmentFile): ReadSegment | undefined {
  const file = path.join(dir, name);
  const before = identify(file);
  if (before === undefined) return undefined;
  try {
    const bytes = readSegmentFile(file, compressed);
    return identify(file) === before ? { name, bytes } : undefined;
  } catch (error) {
    if (identify(file) === undefined) return undefined;
    throw error;
  }
}

/** Undefined where there is no such file. */
function identify(file: string): string | undefined {
  const stats = statName(file);
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}`;
}
