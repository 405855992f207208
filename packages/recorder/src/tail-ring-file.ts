import fs from 'node:fs';
import {
  encodeTailRingHeader,
  TAIL_RING_FILE,
  TAIL_RING_HEADER_BYTES,
  TAIL_RING_PLACE_FILE,
  tailRingBytes,
  WalError,
} from '@fswal/format';
import { closeFile, encodeTailRingPlace, readBootId, readFully } from '@fswal/format/files';
import type { MappedFile, MmapProvider } from '@fswal/mmap';
import type { Folder } from './folder.js';
import { attempt, type SegmentFiles } from './segment-files.js';

/** The ring is in the log's own directory, or there is none. */
export function removeTailRingPlace(files: SegmentFiles): void {
  const file = files.folder.at(TAIL_RING_PLACE_FILE);
  if (fs.lstatSync(file, { throwIfNoEntry: false }) !== undefined) files.remove(TAIL_RING_PLACE_FILE);
}

/**
 * A ring of zeros with its header. The header comes last: until it is there the ring counts as unused. Before it, where
 * the ring is in another directory, comes the file that tells recovery and the next recorder so.
 */
export function createTailRing(
  provider: MmapProvider,
  files: SegmentFiles,
  ringFolder: Folder,
  tailBlocks: number,
  { afterEventId, link }: { afterEventId: bigint; link: bigint },
): MappedFile {
  removeTailRingPlace(files);
  const file = ringFolder.at(TAIL_RING_FILE);
  makeWay(ringFolder);
  const ring = provider.createMapped(file, tailRingBytes(tailBlocks));
  try {
    ringFolder.sync();
    if (ringFolder !== files.folder) {
      files.replace(TAIL_RING_PLACE_FILE, encodeTailRingPlace(files.folder.path, ringFolder.path));
    }
  } catch (error) {
    fs.unlinkSync(file);
    throw error;
  }
  const header = { tailBlocks, afterEventId, link, bootId: readBootId() };
  encodeTailRingHeader(header, new Uint8Array(ring.buffer));
  return ring;
}

/** Of a recorder whose events are all in segments. */
export function removeTailRing(ringFolder: Folder): void {
  const label = ringFolder.label(TAIL_RING_FILE);
  attempt('FILE_NOT_DELETED', label, () => fs.unlinkSync(ringFolder.at(TAIL_RING_FILE)));
  ringFolder.sync();
}

/**
 * Removes a ring without a header, which a recorder was killed while making. Its directory is locked.
 * @throws WalError FILE_ALREADY_EXISTS for any other: its events are not of this log
 */
function makeWay(ringFolder: Folder): void {
  const file = ringFolder.at(TAIL_RING_FILE);
  if (fs.lstatSync(file, { throwIfNoEntry: false }) === undefined) return;
  const label = ringFolder.label(TAIL_RING_FILE);
  const { fd } = ringFolder.openOwn(TAIL_RING_FILE, fs.constants.O_RDONLY);
  const header = new Uint8Array(TAIL_RING_HEADER_BYTES);
  try {
    readFully(fd, header, label);
  } finally {
    closeFile(fd, label);
  }
  if (!header.every((byte) => byte === 0)) {
    const message =
      'there is the tail ring of another log: open that log first, or choose another tailRingDir';
    throw new WalError('FILE_ALREADY_EXISTS', message, { file: label });
  }
  attempt('FILE_NOT_DELETED', label, () => fs.unlinkSync(file));
}
