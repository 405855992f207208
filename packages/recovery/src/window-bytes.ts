import fs from 'node:fs';
import path from 'node:path';
import { MIN_BLOCKS_PER_SEGMENT, type SegmentFile, segmentBytes, WalError } from '@fswal/format';
import { MAX_SEGMENT_BYTES, readCompressedStart } from '@fswal/format/files';

/** Bytes that hold the largest of these files, and some blocks of a tail ring. Of compressed ones the first tells. */
export function windowBytesFor(dir: string, files: readonly SegmentFile[]): number {
  let bytes = segmentBytes(MIN_BLOCKS_PER_SEGMENT);
  for (const { name, compressed } of files) {
    if (compressed) continue;
    const stats = fs.lstatSync(path.join(dir, name), { throwIfNoEntry: false });
    if (stats?.isFile() && stats.size <= MAX_SEGMENT_BYTES) bytes = Math.max(bytes, stats.size);
  }
  const packed = files.find(({ compressed }) => compressed);
  if (packed === undefined) return bytes;
  try {
    return Math.max(bytes, readCompressedStart(path.join(dir, packed.name), 0).contentBytes ?? 0);
  } catch (error) {
    // Whoever reads it says what is wrong with it.
    if (error instanceof WalError) return bytes;
    throw error;
  }
}
