/*
 * An image of wal_tail.ring, read while a recorder may be at work.
 *
 * The recorder's threads write the ring's memory; here it is read as a file, which shares its pages. An event is whole
 * once its id is there, since the id is stored last, but a read that copies the event may begin before the id is
 * stored. So the ring is read twice, and of the second image only those events count whose id was in the first.
 *
 * The ring is read before the segments. A recorder reuses a slot only when its events are in a segment, so what was
 * overwritten between the two reads is in the segments by the time they are read.
 */
import { bytesInUse } from '../bytes.js';
import { WalError } from '../errors.js';
import { asWords } from '../event-ids.js';
import { BLOCK_BYTES, BLOCK_EVENTS, MAX_TAIL_BLOCKS, TAIL_RING_HEADER_BYTES } from '../layout.js';
import {
  decodeTailRingHeader,
  readTailRing,
  type SegmentsEnd,
  type TailRingContent,
  tailRingBytes,
  tailRingEventWord,
} from '../tail-ring.js';
import { closeFile, isErrno, openRegularFile, readFully } from './log-files.js';
import { contentBytes } from './segment-extent.js';

/** The ring as it was before the segments were read. Of a file that is none, only the front. */
export class TailRingImage {
  readonly bytes: Uint8Array;
  /** The same as 32-bit words. */
  readonly words: Int32Array;
  /** Whether all of it is zero: a recorder that was killed before it had written the header had appended nothing. */
  readonly isUnused: boolean;
  /** Events that came, went or were being stored between the two reads. */
  readonly #unsettled: number;
  readonly #bootId: string;

  private constructor(bytes: Uint8Array, unsettled: number, bootId: string, isUnused = false) {
    this.bytes = bytes;
    this.isUnused = isUnused;
    this.words = asWords(bytes);
    this.#unsettled = unsettled;
    this.#bootId = bootId;
  }

  /**
   * Reads the ring at `file`. `bootId` is that of the machine now. `onProgress` is called after each megabyte; what it
   * throws ends the read. Memory is only given for what a sound header vouches for.
   * @returns undefined where there is none
   * @throws WalError OPEN_FAILED, READ_FAILED
   */
  static read(file: string, bootId: string, onProgress?: () => void): TailRingImage | undefined {
    let opened: ReturnType<typeof openRegularFile>;
    try {
      opened = openRegularFile(file);
    } catch (error) {
      if (error instanceof WalError && isErrno(error.cause, 'ENOENT')) return undefined;
      throw error;
    }
    try {
      const { fd, bytes: fileBytes } = opened;
      const front = new Uint8Array(Math.min(TAIL_RING_HEADER_BYTES, fileBytes));
      const found = front.subarray(0, readFully(fd, front, file));
      if (decodeTailRingHeader(found, fileBytes) === undefined) {
        // What is larger than any ring is none, whatever is in it.
        const mayBeUnused = fileBytes <= tailRingBytes(MAX_TAIL_BLOCKS) && bytesInUse(found) === 0;
        const isUnused = mayBeUnused && contentBytes(fd, fileBytes, file, onProgress) === 0;
        return new TailRingImage(found, 0, bootId, isUnused);
      }
      const buffer = new Uint8Array(fileBytes);
      const once = buffer.subarray(0, readFully(fd, buffer, file, onProgress));
      const slots = Math.max(0, Math.floor((once.length - TAIL_RING_HEADER_BYTES) / BLOCK_BYTES));
      const ids = copyIds(asWords(once), slots);
      const bytes = buffer.subarray(0, readFully(fd, once, file, onProgress));
      const unsettled = bytes.length === once.length ? cutUnsettled(asWords(bytes), slots, ids) : 0;
      return new TailRingImage(bytes, unsettled, bootId);
    } finally {
      closeFile(opened.fd, file);
    }
  }

  /** The events beyond the end of the segments. */
  beyond(end: SegmentsEnd): TailRingContent {
    const content = readTailRing(this.bytes, end, this.#bootId);
    if (content.state !== 'foreign' || this.#unsettled === 0) return content;
    return { ...content, note: `${content.note} (a recorder was writing it)` };
  }
}

function copyIds(words: Int32Array, slots: number): Int32Array {
  const ids = new Int32Array(slots * BLOCK_EVENTS * 2);
  let to = 0;
  for (let slot = 0; slot < slots; slot++) {
    for (let event = 0; event < BLOCK_EVENTS; event++) {
      const at = tailRingEventWord(slot, event);
      ids[to++] = words[at];
      ids[to++] = words[at + 1];
    }
  }
  return ids;
}

/** Zeroes the ids that the first read had not: an id of 0 does not grow, so no walk goes on there. */
function cutUnsettled(words: Int32Array, slots: number, ids: Int32Array): number {
  let cut = 0;
  let from = 0;
  for (let slot = 0; slot < slots; slot++) {
    for (let event = 0; event < BLOCK_EVENTS; event++, from += 2) {
      const at = tailRingEventWord(slot, event);
      if (words[at] === ids[from] && words[at + 1] === ids[from + 1]) continue;
      words[at] = 0;
      words[at + 1] = 0;
      cut++;
    }
  }
  return cut;
}
