import path from 'node:path';
import { MIN_BLOCKS_PER_SEGMENT, type SegmentFile, segmentBytes, WalError } from '@fswal/format';
import {
  closeFile,
  declaredBytes,
  MAX_SEGMENT_BYTES,
  openRegularFile,
  readCompressedStart,
  readFileHeader,
  statName,
} from '@fswal/format/files';

/**
 * Bytes that hold the largest of these segments, and some blocks of a tail ring. Of compressed ones the first tells;
 * files without a header that verifies do not count.
 */
export function windowBytesFor(dir: string, files: readonly SegmentFile[]): number {
  let bytes = segmentBytes(MIN_BLOCKS_PER_SEGMENT);
  for (const { name, compressed } of files) {
    if (compressed) continue;
    const file = path.join(dir, name);
    const fileBytes = orZero(() => Number(statName(file)?.size ?? 0));
    if (fileBytes <= bytes || fileBytes > MAX_SEGMENT_BYTES) continue;
    bytes = Math.max(
      bytes,
      orZero(() => plainBytes(file)),
    );
  }
  const packed = files.find(({ compressed }) => compressed);
  if (packed === undefined) return bytes;
  return Math.max(
    bytes,
    orZero(() => readCompressedStart(path.join(dir, packed.name), 0).contentBytes ?? 0),
  );
}

function plainBytes(file: string): number {
  const { fd, bytes } = openRegularFile(file);
  try {
    return declaredBytes(readFileHeader(fd, file), bytes) ?? 0;
  } finally {
    closeFile(fd, file);
  }
}

/** Whoever reads the file says what is wrong with it. */
function orZero(bytesOf: () => number): number {
  try {
    return bytesOf();
  } catch (error) {
    if (error instanceof WalError) return 0;
    throw error;
  }
}
