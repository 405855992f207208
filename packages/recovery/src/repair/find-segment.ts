import { isWhole, type SegmentFile, type SegmentVerification, verifySegment, WalError } from '@fswal/format';
import { readSegmentFile, salvageSegmentFile } from '@fswal/format/files';
import type { LogFolder } from './log-folder.js';

/** A segment as it was found. */
export interface FoundSegment {
  readonly file: SegmentFile;
  readonly bytes: Uint8Array;
  /** What is wrong with the file as a whole. */
  readonly damage: WalError | undefined;
  /** The other form of the same segment, where there is one. */
  readonly otherForm: SegmentFile | undefined;
  /** Whether that holds the same. */
  readonly formsAgree: boolean;
}

type ReadForm = Pick<FoundSegment, 'file' | 'bytes' | 'damage'>;

/**
 * Reads a segment in the form that counts: the first that is whole, else the plain one.
 * @throws WalError READ_FAILED, OPEN_FAILED
 */
export function findSegment(
  folder: LogFolder,
  file: SegmentFile,
  otherForm: SegmentFile | undefined,
): FoundSegment {
  const found = readForm(folder, file);
  if (otherForm === undefined) return { ...found, otherForm, formsAgree: true };
  const other = readForm(folder, otherForm);
  const plain = verifyWhole(found);
  const packed = verifyWhole(other);
  if (plain === undefined && packed !== undefined) return { ...other, otherForm: file, formsAgree: false };
  const formsAgree =
    plain !== undefined &&
    packed?.chainedChecksum === plain.chainedChecksum &&
    packed.events === plain.events &&
    packed.lastEventId === plain.lastEventId;
  return { ...found, otherForm, formsAgree };
}

function readForm(folder: LogFolder, file: SegmentFile): ReadForm {
  const from = folder.at(file.name);
  try {
    return { file, bytes: readSegmentFile(from, file.compressed), damage: undefined };
  } catch (error) {
    if (!(error instanceof WalError)) throw error;
    const { code, reason, cause, offset } = error;
    const place = { file: folder.label(file.name), offset, cause };
    if (code === 'READ_FAILED') {
      const advice = 'nothing was changed: copy the directory to a sound disk and repair the copy';
      throw new WalError(code, `${reason}; ${advice}`, place);
    }
    if (code !== 'SEGMENT_CORRUPTED') throw error;
    return {
      file,
      bytes: salvageSegmentFile(from, file.compressed),
      damage: new WalError(code, reason, place),
    };
  }
}

/** What verification says of a full segment that verifies by itself; undefined for any other. */
function verifyWhole({ file, bytes, damage }: ReadForm): SegmentVerification | undefined {
  if (damage !== undefined) return undefined;
  const verification = verifySegment(bytes, { segmentIndex: file.segmentIndex });
  return isWhole(verification) ? verification : undefined;
}
