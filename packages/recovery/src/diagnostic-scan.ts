import path from 'node:path';
import {
  blockOffset,
  countSoundBlocks,
  type DurablePosition,
  LogScan,
  type SegmentVerdict,
  segmentFileName,
  WalError,
  type WalErrorCode,
} from '@fswal/format';
import { GapList } from './gap-list.js';
import type { Gap } from './recovery-report.js';
import { soundUnsealed } from './salvage-segment.js';
import { SegmentSalvage, type SoundParts } from './segment-salvage.js';

/** A segment of a log that may be damaged. */
export interface JudgedSegment extends SoundParts {
  /**
   * That of a strict scan, which goes on anew behind each refusal. Behind damage the log also ends, in a `tail`, at the
   * durable position where nothing but that certifies the last events.
   */
  readonly verdict: SegmentVerdict;
}

/**
 * Judges the segments of a log as `LogScan` does, and where that refuses one goes on behind the damage: with what
 * verifies of the segment, then with the next one. Pure; what it passes over is in `gaps`.
 */
export class DiagnosticScan {
  #durable: DurablePosition;
  readonly #list = new GapList();
  #scan: LogScan;
  #lastSegmentIndex = -1;
  #lastEventId = 0n;
  #chained: bigint | undefined;
  /** Whether the log has ended before the next segment. */
  #hasEnded = false;

  constructor(durable: DurablePosition) {
    this.#durable = durable;
    this.#scan = new LogScan(durable);
    this.#lastEventId = this.#scan.lastEventId;
  }

  get gaps(): readonly Gap[] {
    return this.#list.gaps;
  }

  /** The last event so far; 0 = none. */
  get lastEventId(): bigint {
    return this.#lastEventId;
  }

  /** What the next block is chained to, undefined where nobody knows. */
  get chainedChecksum(): bigint | undefined {
    return this.#chained;
  }

  /** Judges the next segment. After a `tail` there is none. */
  judge(segmentIndex: number, bytes: Uint8Array, file: string): JudgedSegment {
    this.#goTo(segmentIndex, file);
    const verdict = this.#judgeLinked(segmentIndex, bytes, file);
    if (verdict.decision === 'refuse') return this.#salvage(segmentIndex, bytes, file, verdict);
    const { blocks, tailEvents, events, verification, lastEventId } = verdict;
    if (events > 0) {
      this.#list.goOn(verification.firstEventId);
      this.#lastEventId = lastEventId;
      this.#chained = tailEvents > 0 ? undefined : verification.chainedChecksum;
    }
    return {
      verdict,
      runs: blocks > 0 ? [{ block: 0, count: blocks }] : [],
      unsealed: tailEvents > 0 ? { block: blocks, events: tailEvents } : undefined,
    };
  }

  /**
   * The verdict on a segment. One that does not follow the segment before is listed, and judged by itself: a repair that
   * was killed leaves such a link, and the next one is to come to the same.
   */
  #judgeLinked(segmentIndex: number, bytes: Uint8Array, file: string): SegmentVerdict {
    const verdict = this.#scan.judge(segmentIndex, bytes, file);
    const { decision, error } = verdict;
    if (decision !== 'refuse' || error?.code !== 'CHAINED_CHECKSUM_MISMATCH' || error.block !== 0)
      return verdict;
    this.note(error);
    this.#goOnAnew(undefined, segmentIndex - 1);
    return this.#scan.judge(segmentIndex, bytes, file);
  }

  /** Passes over a segment of which nothing can be had. */
  passOver(segmentIndex: number, file: string, { code, reason }: WalError): void {
    this.#goTo(segmentIndex, file);
    this.#add(file, code, reason, 0, 0);
    this.#goOnAnew(undefined);
  }

  /** Lists something that is wrong with a file, or between two, and that costs no block by itself. */
  note({ code, reason, file = '', offset = 0, block = 0 }: WalError): void {
    this.#add(file, code, reason, offset, offset, block);
  }

  /** After the last segment. */
  finish(): void {
    const lost = this.#scan.finish();
    if (lost !== undefined && !this.#list.isOpen) this.note(lost);
  }

  /** Goes on with a segment, where retention took those before it while the log was read. That is no damage. */
  goBehindRetention(segmentIndex: number, dir: string, durable: DurablePosition): void {
    this.#durable = durable;
    this.#hasEnded = false;
    this.#passMissing(segmentIndex, dir, 'SEGMENT_NOT_FOUND', 'gone: retention was faster than the reader');
  }

  #goTo(segmentIndex: number, file: string): void {
    const dir = path.dirname(file);
    if (this.#lastSegmentIndex >= 0 && segmentIndex > this.#lastSegmentIndex + 1) {
      // Behind the end nothing is missing.
      if (this.#hasEnded) this.#goOnAnew(undefined, segmentIndex - 1);
      else this.#passMissing(segmentIndex, dir, 'SEGMENT_GAP', `missing before segment ${segmentIndex}`);
    }
    this.#lastSegmentIndex = segmentIndex;
  }

  /** @param why the segments before `segmentIndex` are not there */
  #passMissing(segmentIndex: number, dir: string, reason: WalErrorCode, why: string): void {
    const [first, last] = [this.#lastSegmentIndex + 1, segmentIndex - 1];
    const message = first === last ? `segment ${first} is ${why}` : `segments ${first} to ${last} are ${why}`;
    this.#add(path.join(dir, segmentFileName(first)), reason, message, 0, 0);
    this.#lastSegmentIndex = last;
    this.#goOnAnew(undefined);
  }

  #salvage(segmentIndex: number, bytes: Uint8Array, file: string, verdict: SegmentVerdict): JudgedSegment {
    const error = verdict.error as WalError;
    const before = this.#list.gaps.length;
    const salvage = new SegmentSalvage(
      bytes,
      {
        file,
        segmentIndex,
        afterEventId: this.#lastEventId,
        chainedChecksum: this.#chained,
        durable: this.#durable,
        unsealed: soundUnsealed(verdict),
      },
      this.#list,
    );
    this.#lastEventId = salvage.lastEventId;
    // What is there is sound, and yet it is not what was durable.
    if (this.#list.gaps.length === before) this.note(error);
    else if (this.#endsTooEarly(segmentIndex, bytes, salvage)) {
      const message = 'the segment ends before it was full, but later ones were durable';
      this.#add(file, 'DURABLE_LOST', message, bytes.length, bytes.length);
    }
    this.#hasEnded ||= salvage.endsLog;
    this.#goOnAnew(salvage.chainedChecksum);
    const { runs, unsealed } = salvage;
    return { verdict: withTail(verdict, salvage, bytes), runs, unsealed };
  }

  /** Whether a segment lacks its end without a gap that says so. */
  #endsTooEarly(segmentIndex: number, bytes: Uint8Array, { header, runs }: SegmentSalvage): boolean {
    if (this.#list.isOpen || header === undefined || header.closedNs !== 0n) return false;
    const last = runs.at(-1);
    const blocks = last === undefined ? 0 : last.block + last.count;
    return segmentIndex < this.#durable.segmentIndex && blockOffset(blocks + 1) <= bytes.length;
  }

  /** Behind the end no segment follows: none is chained to 0, or to one that is not complete. */
  #goOnAnew(chainedChecksum: bigint | undefined, segmentIndex = this.#lastSegmentIndex): void {
    this.#chained = chainedChecksum;
    const lastEventId = this.#lastEventId;
    const previous = this.#hasEnded
      ? { lastEventId, chainedChecksum: 0n, complete: false }
      : { lastEventId, chainedChecksum, complete: true };
    this.#scan = new LogScan(this.#durable, { segmentIndex, previous });
  }

  #add(
    file: string,
    reason: WalErrorCode,
    message: string,
    offset: number,
    endOffset: number,
    block = 0,
  ): void {
    const afterEventId = this.#lastEventId;
    this.#list.add({ file, reason, message, offset, endOffset, block, blocks: 0, afterEventId });
  }
}

/** The verdict on a segment that was salvaged: a torn tail where the log ends in it and more lies behind. */
function withTail(refused: SegmentVerdict, salvage: SegmentSalvage, bytes: Uint8Array): SegmentVerdict {
  const { tail, unsealed, events, lastEventId } = salvage;
  if (tail === undefined || unsealed === undefined) return refused;
  const { reason, message, file, offset, block } = tail;
  return {
    decision: 'tail',
    verification: refused.verification,
    blocks: block,
    tailEvents: unsealed.events,
    events,
    lastEventId,
    endOffset: offset,
    error: new WalError(reason, message, { file, block, offset, eventId: lastEventId }),
    unreachableBlocks: countSoundBlocks(bytes, block + 1, lastEventId),
  };
}
