import path from 'node:path';
import {
  asWords,
  BLOCK_HEADER_BYTES,
  decodeSegmentHeader,
  EVENT_BYTES,
  idAt,
  SEGMENT_HEADER_BYTES,
  type SegmentFile,
  type SegmentHeader,
  type SegmentState,
  WalError,
  WORD_BYTES,
} from '@fswal/format';
import { closeFile, openRegularFile, readCompressedStart, readFully } from '@fswal/format/files';

const FIRST_EVENT_OFFSET = SEGMENT_HEADER_BYTES + BLOCK_HEADER_BYTES;
const FRONT_BYTES = FIRST_EVENT_OFFSET + EVENT_BYTES;

/** What the front of a segment file says. Nothing of it is verified but the header's own checksum. */
export interface SegmentFront {
  readonly file: SegmentFile;
  /** Size of the file. */
  readonly bytes: number;
  /** Size of the segment; of a compressed one undefined where its frame does not say. */
  readonly contentBytes: number | undefined;
  readonly state: SegmentState;
  /** Undefined where it cannot be read: `error` says why. */
  readonly header: SegmentHeader | undefined;
  readonly error: WalError | undefined;
  /** 0 = no event, or not known. */
  readonly firstEventId: bigint;
}

/**
 * Reads the front of a segment in either form, of a compressed one as well no more than that.
 * @returns undefined where the file is gone: a recorder may have taken it since it was listed
 */
export function readSegmentFront(dir: string, file: SegmentFile): SegmentFront | undefined {
  const name = path.join(dir, file.name);
  let bytes = 0;
  let contentBytes: number | undefined;
  try {
    const front = readFront(name);
    bytes = front.bytes;
    const start = file.compressed ? readCompressedStart(name, FRONT_BYTES) : undefined;
    contentBytes = file.compressed ? start?.contentBytes : bytes;
    const content = start?.content ?? front.content;
    const header = decodeSegmentHeader(content);
    if (header.segmentIndex !== file.segmentIndex) {
      const message = `the header says that this is segment ${header.segmentIndex}`;
      throw new WalError('SEGMENT_CORRUPTED', message, { offset: 0 });
    }
    const firstEventId = firstIdOf(header, content);
    const state = header.closedNs !== 0n ? 'sealed' : firstEventId === 0n ? 'prepared' : 'open';
    return { file, bytes, contentBytes, state, header, error: undefined, firstEventId };
  } catch (error) {
    if (!(error instanceof WalError)) throw error;
    if ((error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return undefined;
    const { code, reason, offset, cause } = error;
    const named = new WalError(code, reason, { file: name, offset, cause });
    return {
      file,
      bytes,
      contentBytes,
      state: 'unreadable',
      header: undefined,
      error: named,
      firstEventId: 0n,
    };
  }
}

function readFront(file: string): { bytes: number; content: Uint8Array } {
  const { fd, bytes } = openRegularFile(file);
  try {
    const content = new Uint8Array(Math.min(FRONT_BYTES, bytes));
    return { bytes, content: content.subarray(0, readFully(fd, content, file)) };
  } finally {
    closeFile(fd, file);
  }
}

/** The version 1 system leaves the first id 0 while a segment is open: there the first event itself tells. */
function firstIdOf({ version, closedNs, firstEventId }: SegmentHeader, content: Uint8Array): bigint {
  if (version !== 1 || closedNs !== 0n || content.length < FRONT_BYTES) return firstEventId;
  return idAt(asWords(content), FIRST_EVENT_OFFSET / WORD_BYTES);
}
