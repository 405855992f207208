import { type SegmentFile, type SegmentVerification, verifySegment, WalError } from '@fswal/format';
import { readSegmentFile } from '@fswal/format/files';
import type { Folder } from './folder.js';

/** What of a log directory's segment files is to be used. */
export interface ChosenForms {
  /** One file for each segment. */
  readonly chosen: readonly SegmentFile[];
  /** The same segment again, sound: names that may go. */
  readonly superfluous: readonly string[];
  /** Names of the other form where that is damaged or says something else: to be moved aside. */
  readonly damaged: readonly string[];
}

/**
 * Where a recorder was interrupted while it compressed a segment, both forms of it are there. The one that verifies
 * whole wins; of two, the `.wal`. Where neither does, both stay, and what reads the `.wal` judges it.
 *
 *   .wal         .lz4              used   the other
 *   whole        whole, the same   .wal   removed
 *   whole        anything else     .wal   moved aside
 *   incomplete   whole             .lz4   moved aside
 *   incomplete   not whole         .wal   moved aside
 *   damaged      whole             .lz4   moved aside
 *   damaged      not whole         .wal   stays
 *
 * Only a full segment is compressed, so a `.wal` without its final header is incomplete: of a power cut, say, before
 * anything of it was on the device.
 */
export function chooseForms(folder: Folder, segments: readonly SegmentFile[]): ChosenForms {
  const chosen: SegmentFile[] = [];
  const superfluous: string[] = [];
  const damaged: string[] = [];
  for (let i = 0; i < segments.length; i++) {
    const wal = segments[i] as SegmentFile;
    const lz4 = segments[i + 1];
    if (lz4?.segmentIndex !== wal.segmentIndex) {
      chosen.push(wal);
      continue;
    }
    i++;
    const plain = examine(folder, wal);
    const packed = examine(folder, lz4);
    const lz4Wins = plain?.state !== 'sealed' && packed?.state === 'sealed';
    chosen.push(lz4Wins ? lz4 : wal);
    if (lz4Wins) damaged.push(wal.name);
    else if (plain !== undefined) (isSame(plain, packed) ? superfluous : damaged).push(lz4.name);
  }
  return { chosen, superfluous, damaged };
}

/** What verification says of a sound segment; undefined for a damaged one. @throws WalError READ_FAILED, OPEN_FAILED */
function examine(
  folder: Folder,
  { name, segmentIndex, compressed }: SegmentFile,
): SegmentVerification | undefined {
  try {
    const verification = verifySegment(readSegmentFile(folder.at(name), compressed), { segmentIndex });
    return verification.status === 'OK' ? verification : undefined;
  } catch (error) {
    if (error instanceof WalError && error.code === 'SEGMENT_CORRUPTED') return undefined;
    throw error;
  }
}

function isSame(a: SegmentVerification, b: SegmentVerification | undefined): boolean {
  const same =
    a.chainedChecksum === b?.chainedChecksum && a.events === b.events && a.lastEventId === b.lastEventId;
  return same && a.state === 'sealed' && b.state === 'sealed';
}
