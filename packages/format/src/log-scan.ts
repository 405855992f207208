import { decide, type Place } from './decision-table.js';
import { Status, WalError, type WalErrorCode } from './errors.js';
import { asWords, idAt } from './event-ids.js';
import { segmentFileName } from './file-names.js';
import { EVENT_BYTES, SEGMENT_HEADER_BYTES, WORD_BYTES } from './layout.js';
import type { DurablePosition } from './meta.js';
import { blockOf, examineSegment, type Finding, isComplete } from './segment-evidence.js';
import { countSoundBlocks } from './sound-block.js';
import {
  type PreviousSegment,
  type SegmentVerification,
  type VerifyOptions,
  verifySegment,
} from './verify-segment.js';

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
 * Reads a log's segments in order and decides what each of them is worth, given the durable position: it finds the
 * evidence and its place, and `DECISIONS` says what is done about it. Pure: the bytes come from the caller, and the
 * decision is the same for the recorder that resumes and the recovery that replays.
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

  /** How the next segment is to be verified. */
  verifyOptions(segmentIndex: number): VerifyOptions {
    const previous = this.#previous;
    return previous === undefined
      ? { segmentIndex, afterEventId: this.#lastEventId }
      : { segmentIndex, previous };
  }

  /**
   * Judges the next segment. `file` is for the messages. Once the log has ended a verdict is about that file alone: it
   * no longer moves the scan.
   *
   * @param verification of these bytes with `verifyOptions`, by whoever has made it already
   */
  judge(
    segmentIndex: number,
    bytes: Uint8Array,
    file: string,
    verification: SegmentVerification = verifySegment(bytes, this.verifyOptions(segmentIndex)),
  ): SegmentVerdict {
    const gap = this.#lastSegmentIndex >= 0 && segmentIndex !== this.#lastSegmentIndex + 1;
    const finding = gap
      ? this.#missing(segmentIndex)
      : examineSegment(segmentIndex, bytes, verification, this.#durable, this.#lastEventId, file);
    const verdict = this.#decide(finding, segmentIndex, bytes, verification, file);
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
      const { chainedChecksum } = this.#previous ?? this;
      this.#previous = { lastEventId: this.#lastEventId, chainedChecksum, complete: false };
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

  #decide(
    finding: Finding,
    segmentIndex: number,
    bytes: Uint8Array,
    v: SegmentVerification,
    file: string,
  ): SegmentVerdict {
    const end = finding.end ?? { tailEvents: v.tailEvents, offset: v.endOffset };
    const lastEventId = this.#lastEventAt(bytes, end.offset);
    const mayHide = !finding.durable && v.status !== Status.OK;
    const behind = mayHide ? countSoundBlocks(bytes, v.blocks, lastEventId) : 0;
    const beyond: Place = behind > 0 ? 'beyond, with sound blocks behind' : 'beyond';
    const decision = decide(finding.evidence, finding.durable ? 'durable' : beyond);
    if (decision.do === 'refuse') return this.#refuse(finding, decision.code, segmentIndex, v, file);
    const torn = decision.do === 'tail';
    return {
      decision: torn ? 'tail' : 'keep',
      verification: v,
      blocks: v.blocks,
      tailEvents: end.tailEvents,
      events: v.events - v.tailEvents + end.tailEvents,
      lastEventId,
      endOffset: end.offset,
      error: torn ? damage(v, v.status, v.at?.message ?? '', file, lastEventId, v.at?.offset) : undefined,
      unreachableBlocks: behind,
    };
  }

  #missing(segmentIndex: number): Finding {
    const message = `segment ${this.#lastSegmentIndex + 1} is missing before segment ${segmentIndex}`;
    return { evidence: 'segment missing', durable: segmentIndex <= this.#durable.segmentIndex, message };
  }

  #lastEventAt(bytes: Uint8Array, endOffset: number): bigint {
    if (endOffset <= SEGMENT_HEADER_BYTES) return this.#lastEventId;
    return idAt(asWords(bytes), (endOffset - EVENT_BYTES) / WORD_BYTES);
  }

  #refuse(
    { status = Status.SEGMENT_CORRUPTED, message = '', offset, block }: Finding,
    code: WalErrorCode | 'its own',
    segmentIndex: number,
    v: SegmentVerification,
    file: string,
  ): SegmentVerdict {
    const durable = this.#durable;
    const none = { blocks: 0, tailEvents: 0, events: 0, lastEventId: this.#lastEventId };
    const refused = { decision: 'refuse', verification: v, unreachableBlocks: 0 } as const;
    if (code === Status.SEGMENT_GAP) {
      const error = damage(v, code, message, file, this.#lastEventId, 0, 0);
      return { ...refused, ...none, endOffset: SEGMENT_HEADER_BYTES, error };
    }
    const isLost = code === Status.DURABLE_LOST;
    // The events of the unsealed block are left out: a checksum covers all of them or none, so that nothing tells which
    // are right, even where the rest is merely missing. Only a segment before the one that holds the durable position may
    // end with such a block: a repair that was killed leaves it so, and seals it when it goes on.
    const { blocks, tailEvents, events, endOffset, ...sound } =
      isLost && segmentIndex < durable.segmentIndex ? v : sealedPart(v);
    const lastEventId = events > 0 ? sound.lastEventId : this.#lastEventId;
    const lost = `the segment ends at ${v.endOffset}, but the log was durable up to segment ${durable.segmentIndex}, offset ${durable.offset} (event ${durable.eventId})`;
    const error = isLost
      ? damage(v, code, lost, file, lastEventId, v.endOffset, blocks)
      : damage(v, code === 'its own' ? status : code, message, file, lastEventId, offset, block);
    return { ...refused, blocks, tailEvents, events, lastEventId, endOffset, error };
  }
}

/** What verification says, but for the events of the unsealed block. */
function sealedPart(v: SegmentVerification): SegmentVerification {
  const { sealedLastEventId: lastEventId, sealedEndOffset: endOffset } = v;
  return { ...v, tailEvents: 0, events: v.events - v.tailEvents, lastEventId, endOffset };
}

/**
 * Whether a position only says where the log begins: retention has taken what came before segment `segmentIndex`, up to
 * event `eventId`, and nothing of what is left is durable. Its offset is 0, before the segment's header.
 */
export function isAnchor({ offset, eventId }: DurablePosition): boolean {
  return offset === 0 && eventId !== 0n;
}

/** Whether anything of a segment is durable: damage of its header is then no torn tail. */
export function isDurableIn(
  segmentIndex: number,
  { eventId, segmentIndex: last, offset }: DurablePosition,
): boolean {
  if (eventId === 0n) return false;
  return segmentIndex < last || (segmentIndex === last && offset > SEGMENT_HEADER_BYTES);
}

/** The segments that are part of the log: not those that retention was about to take when it was interrupted. */
export function withoutRetired<T extends { readonly segmentIndex: number }>(
  segments: readonly T[],
  durable: DurablePosition,
): readonly T[] {
  return isAnchor(durable) ? segments.filter((s) => s.segmentIndex >= durable.segmentIndex) : segments;
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
