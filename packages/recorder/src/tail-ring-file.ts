import fs from 'node:fs';
import path from 'node:path';
import {
  encodeTailRingHeader,
  TAIL_RING_FILE,
  TAIL_RING_HEADER_BYTES,
  TAIL_RING_PLACE_FILE,
  tailRingBytes,
  WalError,
} from '@fswal/format';
import { encodeTailRingPlace, openRegularFile, readBootId, readFully } from '@fswal/format/files';
import { type MappedFile, type MmapProvider, syncDirectory } from '@fswal/mmap';
import { attempt, type SegmentFiles } from './segment-files.js';

/** The ring is in the log's own directory, or there is none. */
export function removeTailRingPlace(files: SegmentFiles): void {
  const file = files.path(TAIL_RING_PLACE_FILE);
  if (fs.lstatSync(file, { throwIfNoEntry: false }) !== undefined) files.remove(file);
}

/**
 * A ring of zeros with its header. The header comes last: until it is there the ring counts as unused. Before it, where
 * the ring is in another directory, comes the file that tells recovery and the next recorder so.
 */
export function createTailRing(
  provider: MmapProvider,
  files: SegmentFiles,
  options: { dir: string; tailRingDir: string; tailBlocks: number },
  afterEventId: bigint,
): MappedFile {
  const { dir, tailRingDir, tailBlocks } = options;
  removeTailRingPlace(files);
  const file = path.join(tailRingDir, TAIL_RING_FILE);
  makeWay(file);
  const ring = provider.createMapped(file, tailRingBytes(tailBlocks));
  try {
    syncDirectory(tailRingDir);
    if (tailRingDir !== dir) files.replace(TAIL_RING_PLACE_FILE, encodeTailRingPlace(dir, tailRingDir));
  } catch (error) {
    fs.unlinkSync(file);
    throw error;
  }
  encodeTailRingHeader({ tailBlocks, afterEventId, bootId: readBootId() }, new Uint8Array(ring.buffer));
  return ring;
}

/**
 * Removes a ring without a header, which a recorder was killed while making. Its directory is locked.
 * @throws WalError FILE_ALREADY_EXISTS for any other: its events are not of this log
 */
function makeWay(file: string): void {
  if (fs.lstatSync(file, { throwIfNoEntry: false }) === undefined) return;
  const { fd } = openRegularFile(file);
  const header = new Uint8Array(TAIL_RING_HEADER_BYTES);
  try {
    readFully(fd, header, file);
  } finally {
    fs.closeSync(fd);
  }
  if (!header.every((byte) => byte === 0)) {
    const message =
      'there is the tail ring of another log: open that log first, or choose another tailRingDir';
    throw new WalError('FILE_ALREADY_EXISTS', message, { file });
  }
  attempt('FILE_NOT_DELETED', file, () => fs.unlinkSync(file));
}
