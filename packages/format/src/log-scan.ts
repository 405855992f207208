import { decodeBlockHeader } from './block-header.js';
import { isZero } from './bytes.js';
import { checksum } from './checksum.js';
import { Status, WalError, type WalErrorCode } from './errors.js';
import { asWords, countGrowing, idAt } from './event-ids.js';
import { segmentFileName } from './file-names.js';
import {
  BLOCK_BYTES,
  BLOCK_EVENTS,
  BLOCK_HEADER_BYTES,
  blockOffset,
  EVENT_BYTES,
  eventOffset,
  SEGMENT_HEADER_BYTES,
  WORD_BYTES,
} from './layout.js';
import type { DurablePosition } from './meta.js';
import { type PreviousSegment, type SegmentVerification, verifySegment } from './verify-segment.js';

/** What is to be done with one segment. */
export interface SegmentVerdict {
  /**
   * - `keep`: all of it is sound.
   * - `tail`: sound up to `endOffset`; what follows is a torn tail beyond the durable position, and the log ends here.
   * - `refuse`: damage at or before the durable position. `error` says what and where; the events before it are sound.
   */
  readonly decision: 'keep' | 'tail' | 'refuse';
  readonly verification: SegmentVerification;
  /** Sound sealed blocks from block 0 on. */
  readonly blocks: number;
  /** Sound events of the block after them. */
  readonly tailEvents: number;
  readonly events: number;
  /** Last sound event of the log so far; 0 = none. */
  readonly lastEventId: bigint;
  /** Byte after the last sound event. */
  readonly endOffset: number;
  /** Why the segment is not kept whole. */
  readonly error: WalError | undefined;
  /** Blocks that verify behind a torn tail. They cannot be reached: what comes before them is missing. */
  readonly unreachableBlocks: number;
}

/**
 * Reads a log's segments in order and decides what each of them is worth, given the durable position. Pure: the bytes
 * come from the caller, and the decision is the same for the recorder that resumes and the recovery that replays.
 *
 *   evidence                                     | at or below the durable position | above it
 *   ---------------------------------------------|----------------------------------|---------
 *   checksums and chain hold, ids grow           | keep                             | keep
 *   anything else                                | refuse: its checksum status      | tail
 *   sound, but it ends below the position        | refuse: DURABLE_LOST             | -
 *   a segment is missing between two             | refuse: SEGMENT_GAP              | refuse: SEGMENT_GAP
 *
 * In the block that holds the position, which need not be sealed, the prefix checksum stands for the block's own.
 * A position that is an anchor (see `isAnchor`) has nothing at or below it: the log begins there.
 */
export class LogScan {
  readonly #durable: DurablePosition;
  #previous: PreviousSegment | undefined;
  #lastSegmentIndex = -1;
  #lastEventId = 0n;
  #ended = false;
  /** Where the last sound event ends. */
  #endPlace: { file: string; offset: number; block: number } | undefined;

  /** @param after where an earlier scan stood; without it the next segment judged is where the log begins */
  constructor(durable: DurablePosition, after?: { segmentIndex: number; previous: PreviousSegment }) {
    this.#durable = durable;
    if (isAnchor(durable)) this.#lastEventId = durable.eventId;
    if (after === undefined) return;
    this.#lastSegmentIndex = after.segmentIndex;
    this.#previous = after.previous;
    this.#lastEventId = after.previous.lastEventId;
  }

  /** Last sound event so far; 0 = none. */
  get lastEventId(): bigint {
    return this.#lastEventId;
  }

  /** Chained checksum of the last sound sealed block so far. */
  get chainedChecksum(): bigint {
    return this.#previous?.chainedChecksum ?? 0n;
  }

  /** Whether a verdict has ended the log: no further segment is part of it. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Judges the next segment. `file` is for the messages. Once the log has ended a verdict is about that file alone: it
   * no longer moves the scan.
   */
  judge(segmentIndex: number, bytes: Uint8Array, file: string): SegmentVerdict {
    const gap = this.#lastSegmentIndex >= 0 && segmentIndex !== this.#lastSegmentIndex + 1;
    const verification = verifySegment(bytes, {
      segmentIndex,
      ...(this.#previous === undefined ? { afterEventId: this.#lastEventId } : { previous: this.#previous }),
    });
    const verdict = gap
      ? this.#refuseGap(segmentIndex, verification, file)
      : this.#decide(segmentIndex, bytes, verification, file);
    if (this.#ended) return verdict;
    this.#lastSegmentIndex = segmentIndex;
    this.#lastEventId = verdict.lastEventId;
    this.#ended = verdict.decision !== 'keep';
    if (verdict.events > 0) {
      this.#previous = {
        lastEventId: verdict.lastEventId,
        chainedChecksum: verification.chainedChecksum,
        complete: isComplete(verification, bytes),
      };
      this.#endPlace = { file, offset: verdict.endOffset, block: blockOf(verdict.endOffset) };
    } else if (verification.state !== 'sealed') {
      // It was never written on, so nothing can come after it.
      const { lastEventId, chainedChecksum } = this;
      this.#previous = { lastEventId, chainedChecksum, complete: false };
    }
    return verdict;
  }

  /** After the last segment: the error where the log ends before the durable position. */
  finish(): WalError | undefined {
    const { eventId } = this.#durable;
    if (this.#lastEventId >= eventId) return undefined;
    const message = `the log ends at event ${this.#lastEventId}, but was durable up to event ${eventId}`;
    return new WalError(Status.DURABLE_LOST, message, { ...this.#endPlace, eventId: this.#lastEventId });
  }

  #decide(segmentIndex: number, bytes: Uint8Array, v: SegmentVerification, file: string): SegmentVerdict {
    const durable = this.#durable;
    const nothingDurable = durable.eventId === 0n || segmentIndex > durable.segmentIndex;
    if (nothingDurable) return this.#keepOrTail(bytes, v, file, v.tailEvents, v.endOffset);
    if (segmentIndex < durable.segmentIndex) return this.#decideBelow(bytes, v, file);
    return this.#decideHolding(bytes, v, file);
  }

  /** A segment before the one that holds the durable position: all of it is durable, and it was filled or closed. */
  #decideBelow(bytes: Uint8Array, v: SegmentVerification, file: string): SegmentVerdict {
    if (v.status !== Status.OK && !isCut(v, bytes)) return this.#refuseDamage(v, file);
    if (isComplete(v, bytes)) return this.#keepOrTail(bytes, v, file, v.tailEvents, v.endOffset);
    return this.#lost(v, file);
  }

  /** The segment that holds the durable position: sound before it, torn at worst after it. */
  #decideHolding(bytes: Uint8Array, v: SegmentVerification, file: string): SegmentVerdict {
    const { offset, eventId } = this.#durable;
    if (offset <= SEGMENT_HEADER_BYTES) return this.#keepOrTail(bytes, v, file, v.tailEvents, v.endOffset);
    const block = blockOf(offset);
    const start = blockOffset(block);
    const count = (offset - start - BLOCK_HEADER_BYTES) / EVENT_BYTES;
    if (!Number.isInteger(count) || count <= 0) {
      const message = `the durable position ${offset} is not at an event's end`;
      return this.#refuse(v, Status.SEGMENT_CORRUPTED, message, file);
    }
    if (bytes.length < offset && (v.status === Status.OK || isCut(v, bytes))) return this.#lost(v, file);
    if (v.at !== undefined && (v.at.block < block || v.at.offset < start)) return this.#refuseDamage(v, file);
    const refusal = block < v.blocks ? undefined : this.#judgeUnsealed(bytes, v, file, block, count);
    if (refusal !== undefined) return refusal;
    if (idAt(asWords(bytes), (offset - EVENT_BYTES) / WORD_BYTES) !== eventId) {
      const message = `event ${eventId} is not at the durable position that ${file} and the metadata file agree on`;
      return this.#refuse(v, Status.SEGMENT_CORRUPTED, message, file, offset - EVENT_BYTES, block);
    }
    if (v.endOffset >= offset) return this.#keepOrTail(bytes, v, file, v.tailEvents, v.endOffset);
    return this.#keepOrTail(bytes, v, file, count, offset);
  }

  /**
   * The block that holds the durable position, `count` events into it, and that is not a sound sealed one: its prefix
   * must match the checksum in the metadata file. @returns undefined where it does
   */
  #judgeUnsealed(
    bytes: Uint8Array,
    v: SegmentVerification,
    file: string,
    block: number,
    count: number,
  ): SegmentVerdict | undefined {
    const { offset, prefixChecksum } = this.#durable;
    const start = blockOffset(block);
    const unused = v.state === 'prepared' && v.header?.version !== 1;
    const torn = mayBeTorn(v.status) || v.at?.offset !== start;
    if (v.status !== Status.OK && (unused || !torn)) return this.#refuseDamage(v, file);
    if (unused || block > v.blocks) return this.#lost(v, file);
    const floor = v.blocks > 0 ? v.sealedLastEventId : this.#lastEventId;
    const first = start + BLOCK_HEADER_BYTES;
    const whole = countGrowing(asWords(bytes), first / WORD_BYTES, count, floor);
    const sealed = count === BLOCK_EVENTS;
    // A block's end has no prefix checksum: there the block was sealed before the position was published.
    if (!sealed && whole === count && checksum(bytes.subarray(first, offset), 0n) === prefixChecksum) {
      return undefined;
    }
    const written = first + whole * EVENT_BYTES;
    if (v.status === Status.OK && written < offset && isZero(bytes, written, offset))
      return this.#lost(v, file);
    const missing = sealed ? Status.HEADER_CHECKSUM_MISMATCH : Status.BLOCK_CHECKSUM_MISMATCH;
    const status = v.status === Status.OK ? missing : v.status;
    const message = sealed
      ? 'the durable block is not sealed any more'
      : 'the durable events of the unsealed block are damaged';
    return this.#refuse(v, status, message, file, start, block);
  }

  #keepOrTail(
    bytes: Uint8Array,
    v: SegmentVerification,
    file: string,
    tailEvents: number,
    endOffset: number,
  ): SegmentVerdict {
    const events = v.events - v.tailEvents + tailEvents;
    const lastEventId =
      endOffset > SEGMENT_HEADER_BYTES
        ? idAt(asWords(bytes), (endOffset - EVENT_BYTES) / WORD_BYTES)
        : this.#lastEventId;
    const torn = v.status !== Status.OK;
    return {
      decision: torn ? 'tail' : 'keep',
      verification: v,
      blocks: v.blocks,
      tailEvents,
      events,
      lastEventId,
      endOffset,
      error: torn ? damage(v, v.status, v.at?.message ?? '', file, lastEventId, v.at?.offset) : undefined,
      unreachableBlocks: torn ? countSoundBlocks(bytes, v.blocks, lastEventId) : 0,
    };
  }

  #refuseDamage(v: SegmentVerification, file: string): SegmentVerdict {
    return this.#refuse(v, v.status, v.at?.message ?? '', file, v.at?.offset);
  }

  /** The events of the unsealed block are left out: no checksum tells whether the damage is among them. */
  #refuse(
    v: SegmentVerification,
    status: Status,
    message: string,
    file: string,
    offset?: number,
    block?: number,
  ): SegmentVerdict {
    const lastEventId = v.blocks > 0 ? v.sealedLastEventId : this.#lastEventId;
    return {
      decision: 'refuse',
      verification: v,
      blocks: v.blocks,
      tailEvents: 0,
      events: v.events - v.tailEvents,
      lastEventId,
      endOffset: v.sealedEndOffset,
      error: damage(v, status, message, file, lastEventId, offset, block),
      unreachableBlocks: 0,
    };
  }

  /** What is there is sound as far as can be told, yet more was durable. */
  #lost(v: SegmentVerification, file: string): SegmentVerdict {
    const { segmentIndex, offset, eventId } = this.#durable;
    const message = `the segment ends at ${v.endOffset}, but the log was durable up to segment ${segmentIndex}, offset ${offset} (event ${eventId})`;
    const lastEventId = v.events > 0 ? v.lastEventId : this.#lastEventId;
    return {
      decision: 'refuse',
      verification: v,
      blocks: v.blocks,
      tailEvents: v.tailEvents,
      events: v.events,
      lastEventId,
      endOffset: v.endOffset,
      error: damage(v, Status.DURABLE_LOST, message, file, lastEventId, v.endOffset, v.blocks),
      unreachableBlocks: 0,
    };
  }

  #refuseGap(segmentIndex: number, v: SegmentVerification, file: string): SegmentVerdict {
    const message = `segment ${this.#lastSegmentIndex + 1} is missing before segment ${segmentIndex}`;
    const lastEventId = this.#lastEventId;
    return {
      decision: 'refuse',
      verification: v,
      blocks: 0,
      tailEvents: 0,
      events: 0,
      lastEventId,
      endOffset: SEGMENT_HEADER_BYTES,
      error: damage(v, Status.SEGMENT_GAP, message, file, lastEventId, 0, 0),
      unreachableBlocks: 0,
    };
  }
}

/**
 * Whether a position only says where the log begins: retention has taken what came before segment `segmentIndex`, up to
 * event `eventId`, and nothing of what is left is durable. Its offset is 0, before the segment's header.
 */
export function isAnchor({ offset, eventId }: DurablePosition): boolean {
  return offset === 0 && eventId !== 0n;
}

/** The segments that are part of the log: not those that retention was about to take when it was interrupted. */
export function withoutRetired<T extends { readonly segmentIndex: number }>(
  segments: readonly T[],
  durable: DurablePosition,
): readonly T[] {
  return isAnchor(durable) ? segments.filter((s) => s.segmentIndex >= durable.segmentIndex) : segments;
}

/** The block in which an event ends at `offset`. */
function blockOf(offset: number): number {
  return Math.floor((offset - SEGMENT_HEADER_BYTES - 1) / BLOCK_BYTES);
}

/** Whether nothing can be missing at the segment's end: it is closed, or its sound blocks fill the file. */
function isComplete(v: SegmentVerification, bytes: Uint8Array): boolean {
  if (v.status !== Status.OK) return false;
  return v.state === 'sealed' || (v.capacityBlocks > 0 && blockOffset(v.blocks) === bytes.length);
}

/** Whether all that is wrong is that the file ends too early. */
function isCut(v: SegmentVerification, bytes: Uint8Array): boolean {
  return bytes.length < SEGMENT_HEADER_BYTES || v.at?.offset === bytes.length;
}

/** Damage of a block that a power cut explains: its pages reached the disk in another order, or not at all. */
function mayBeTorn(status: Status): boolean {
  return status === Status.HEADER_CHECKSUM_MISMATCH || status === Status.BLOCK_CHECKSUM_MISMATCH;
}

function damage(
  v: SegmentVerification,
  code: Status,
  message: string,
  file: string,
  eventId: bigint,
  offset = v.endOffset,
  block = v.at?.block ?? v.blocks,
): WalError {
  return new WalError(code as WalErrorCode, message, { file, block, offset, eventId });
}

/** Blocks behind `fromBlock` that verify by themselves and hold later events. */
function countSoundBlocks(bytes: Uint8Array, fromBlock: number, after: bigint): number {
  let sound = 0;
  for (let block = fromBlock; blockOffset(block + 1) <= bytes.length; block++) {
    const start = blockOffset(block);
    const header = decodeBlockHeader(bytes.subarray(start, start + BLOCK_BYTES));
    if (header === undefined || header.firstEventId <= after || header.eventCount > BLOCK_EVENTS) continue;
    const events = bytes.subarray(start + BLOCK_HEADER_BYTES, start + eventOffset(header.eventCount));
    if (checksum(events, 0n) === header.blockChecksum) sound++;
  }
  return sound;
}

/**
 * The error where the segment that holds the durable position is missing with all before it, else undefined. Only the
 * list of segments tells: a scan that begins behind them finds an anchor.
 *
 * @param oldest the lowest segment index in the directory, undefined where there is none
 * @param dir for the message
 */
export function durableSegmentMissing(
  durable: DurablePosition,
  oldest: number | undefined,
  dir: string,
): WalError | undefined {
  const { segmentIndex, eventId, offset } = durable;
  if (isAnchor(durable) && oldest !== undefined && oldest > segmentIndex) {
    const message = `segment ${segmentIndex}, with which the log begins, is missing before segment ${oldest}`;
    return new WalError(Status.SEGMENT_GAP, message, {
      file: `${dir}/${segmentFileName(segmentIndex)}`,
      eventId,
    });
  }
  if (eventId === 0n || offset <= SEGMENT_HEADER_BYTES) return undefined;
  if (oldest !== undefined && oldest <= segmentIndex) return undefined;
  const message = `the segment that was durable up to event ${eventId} is missing`;
  const file = `${dir}/${segmentFileName(segmentIndex)}`;
  return new WalError(Status.DURABLE_LOST, message, { file, block: blockOf(offset), offset, eventId });
}
