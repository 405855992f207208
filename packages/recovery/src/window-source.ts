import type { SegmentFile, WalError } from '@fswal/format';
import type { Gap, LogSummary, TailRingReport, TornTail } from './recovery-report.js';
import type { ReplayWindow, WindowContent } from './replay-window.js';
import type { VerifiedSegment } from './segment-verifiers.js';

/** Instead of a window's content: the log goes on, and there is nothing of it yet. */
export const NOTHING_YET = 'nothing yet';
/** Instead of a window's content: what was read has no event to deliver; the log goes on. */
export const PASSED_OVER = 'passed over';

/**
 * What the preloader fills windows from, in the order of the log. Synchronous, on whatever thread; writes nothing and
 * locks nothing. Each way to read a log is one: in order until the first damage, past damage, along with a recorder.
 */
export interface WindowSource {
  /** Bytes that a window needs for each segment listed. A segment that grows later asks its window for more. */
  readonly windowBytes: number;
  /** How many segments there are to read; Infinity where more may come. */
  readonly segmentCount: number;
  readonly summary: LogSummary;
  /** Segment files read and verified so far, and their bytes. */
  readonly segments: number;
  readonly bytes: number;
  /** How the log ended; known once `readNext` has returned undefined. */
  readonly end: LogEnd;
  /**
   * Fills the window with the next events: those of one segment at most.
   * @param verified where the next segment, `ahead(0)`, lies in the window already and is sound by itself
   * @returns what the window holds; undefined at the end of the log
   */
  readNext(
    window: ReplayWindow,
    verified?: VerifiedSegment,
  ): WindowContent | typeof NOTHING_YET | typeof PASSED_OVER | undefined;
  /** The segment that will be read next, and those after it; undefined where that is not known or there are no more. */
  ahead?(index: number): SegmentFile | undefined;
  /** From here on the next window begins at the first event that the target names, wherever reading stood. */
  seek(target: SeekTarget): void;
}

/** How a log ended. */
export interface LogEnd {
  /** Damage at or before the durable position, or a failure to read. */
  readonly error: WalError | undefined;
  readonly tail: TornTail | null;
  readonly tailRing: TailRingReport | null;
  /** What was passed over. */
  readonly gaps: readonly Gap[];
  /** The last event of the log; 0 = none. */
  readonly endEventId: bigint;
}

/** The first event whose u64 at a word is at least `value`: its id, or its timestamp. */
export interface SeekTarget {
  readonly word: SeekWord;
  readonly value: bigint;
}

/** Word of an event that a log can be searched by, as it grows from event to event. */
export const SeekWord = { eventId: 0, timestamp: 2 } as const;
export type SeekWord = (typeof SeekWord)[keyof typeof SeekWord];
