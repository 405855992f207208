import fs from 'node:fs';
import path from 'node:path';
import { compressedSegmentFileName, type SegmentFile, verifySegment, WalError } from '@fswal/format';
import { readSegmentFile } from '@fswal/format/files';

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
  if (packed !== undefined) {
    return wholeOrNothing(dir, listed) ?? wholeOrNothing(dir, packed) ?? readIfThere(dir, listed);
  }
  if (listed.compressed) return readIfThere(dir, listed);
  const name = compressedSegmentFileName(listed.segmentIndex);
  return readIfThere(dir, listed) ?? readIfThere(dir, { ...listed, name, compressed: true });
}

function wholeOrNothing(dir: string, file: SegmentFile): ReadSegment | undefined {
  try {
    const read = readIfThere(dir, file);
    if (read === undefined) return undefined;
    const { status, state } = verifySegment(read.bytes, { segmentIndex: file.segmentIndex });
    return status === 'OK' && state === 'sealed' ? read : undefined;
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
  const stats = fs.lstatSync(file, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}`;
}
