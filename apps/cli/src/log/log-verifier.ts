import path from 'node:path';
import {
  asWords,
  BLOCK_BYTES,
  BLOCK_HEADER_BYTES,
  blockOffset,
  EVENT_BYTES,
  idAt,
  LogScan,
  type PreviousSegment,
  SEGMENT_HEADER_BYTES,
  type SegmentFile,
  type SegmentsEnd,
  type SegmentVerdict,
  type Status,
  type VerifyOptions,
  verifySegment,
  WalError,
  WORD_BYTES,
} from '@fswal/format';
import {
  type KnownDurable,
  type LogSurvey,
  listLogDirectory,
  readBootId,
  readTailRingPlace,
  salvageSegmentFile,
  surveyLog,
  TailRingImage,
} from '@fswal/format/files';
import { type SalvagedSegment, salvageSegment, soundUnsealed, type UnsealedEvents } from '@fswal/recovery';
import { plural } from '../units.js';
import { type ReadSegment, readListedSegment } from './listed-segment.js';
import { rowOfError, rowOfVerdict, rowOfVerification, type SegmentRow, withGaps } from './segment-row.js';

/** What became of a log as a whole. */
export interface LogVerdict {
  /** OK, or the code with which a strict recovery of this log ends. */
  readonly status: Status;
  readonly error: WalError | undefined;
  /** Events that a strict recovery delivers: those before the first damage, the tail ring's included. */
  readonly events: number;
  /** 0 = none. */
  readonly firstEventId: bigint;
  readonly lastEventId: bigint;
  /** How many of the events only the tail ring has. */
  readonly ringEvents: number;
  /** What an operator should know beside. */
  readonly notes: readonly string[];
}

/**
 * Verifies every byte of a log, segment by segment, and comes to the same end as a strict recovery. After that end each
 * file is still verified: by itself, and its link to the one before as far as that is sound. Of a damaged one every block
 * is looked at.
 *
 * A recorder may be at work, so things are read in the order that `LogReader` of @fswal/recovery explains: the tail
 * ring, the durable position, the list of segments, the segments.
 */
export class LogVerifier {
  readonly durable: KnownDurable;
  readonly files: readonly SegmentFile[];
  readonly #dir: string;
  readonly #packed: ReadonlyMap<number, SegmentFile>;
  readonly #ring: TailRingImage | undefined;
  readonly #notes: string[];
  readonly #scan: LogScan;
  #error: WalError | undefined;
  #events = 0;
  #firstEventId = 0n;
  #end: SegmentsEnd = { lastEventId: 0n, words: new Int32Array(0), lastEventWord: 0, eventsInBlock: 0 };
  #isOutrun = false;
  /** Where the log ends in a torn tail. */
  #tornFile = '';
  /** The last file that is damaged or was judged alone: what is known of its end. */
  #previous: (PreviousSegment & { readonly segmentIndex: number }) | undefined;

  private constructor(
    dir: string,
    ring: TailRingImage | undefined,
    { durable, files, otherForms, missing }: LogSurvey,
    notes: string[],
  ) {
    this.#dir = dir;
    this.#ring = ring;
    this.durable = durable;
    this.files = files;
    this.#packed = otherForms;
    this.#notes = notes;
    this.#scan = new LogScan(durable.position);
    this.#error = missing;
  }

  /** @throws WalError DIRECTORY_NOT_FOUND, OPEN_FAILED, READ_FAILED; SEGMENT_CORRUPTED for a damaged `wal_tail.place` */
  static open(dir: string): LogVerifier {
    const { file, note } = readTailRingPlace(dir);
    const ring = file === undefined ? undefined : TailRingImage.read(file, readBootId());
    const survey = surveyLog(dir);
    const notes = [note, survey.durable.report.note].filter((text) => text !== undefined);
    return new LogVerifier(dir, ring, survey, notes);
  }

  /** Verifies the segments one by one. Those that a recorder takes away meanwhile have no row. */
  *rows(): Generator<SegmentRow, void, undefined> {
    for (const file of this.files) {
      const row = this.#verify(file);
      if (row !== undefined) yield row;
    }
  }

  /** Whether retention has taken listed segments before they were read: what looks like damage may be that. */
  get isOutrun(): boolean {
    return this.#isOutrun;
  }

  /** After the last row. */
  finish(): LogVerdict {
    this.#error ??= this.#scan.finish();
    const verdict = { status: this.#error?.code ?? 'OK', error: this.#error, notes: this.#notes } as const;
    const firstEventId = this.#firstEventId;
    const inSegments = {
      events: this.#events,
      firstEventId,
      lastEventId: this.#end.lastEventId,
      ringEvents: 0,
    };
    if (this.#error !== undefined || this.#ring === undefined) return { ...verdict, ...inSegments };
    const end = { ...this.#end, lastEventId: this.#scan.lastEventId };
    const { runs, events, lastEventId, note } = this.#ring.beyond(end);
    if (note !== undefined) this.#notes.push(`tail ring: ${note}`);
    if (events === 0) return { ...verdict, ...inSegments };
    return {
      ...verdict,
      events: this.#events + events,
      firstEventId: this.#events > 0 ? firstEventId : idAt(this.#ring.words, runs[0].wordIndex),
      lastEventId,
      ringEvents: events,
    };
  }

  #verify(file: SegmentFile): SegmentRow | undefined {
    const { segmentIndex } = file;
    try {
      const packed = this.#packed.get(segmentIndex);
      const read = readListedSegment(this.#dir, file, packed);
      if (read === undefined) {
        const [oldest] = listLogDirectory(this.#dir).segments;
        if (oldest !== undefined && oldest.segmentIndex > segmentIndex) this.#isOutrun = true;
        return undefined;
      }
      if (packed !== undefined) {
        this.#notes.push(`segment ${segmentIndex} is there in both forms: ${read.name} counts`);
      }
      const isPast = this.#error !== undefined || this.#scan.ended;
      return isPast ? this.#judgeAlone(segmentIndex, read) : this.#judge(segmentIndex, read);
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
      this.#error ??= error;
      const place = this.#placeOf(segmentIndex);
      this.#previous = undefined;
      const row = rowOfError(file.name, segmentIndex, error, lastEventBefore(place));
      if (error.code !== 'SEGMENT_CORRUPTED') return row;
      const bytes = salvageSegmentFile(path.join(this.#dir, file.name), file.compressed);
      return withGaps(row, this.#salvage(segmentIndex, { name: file.name, bytes }, place));
    }
  }

  #judge(segmentIndex: number, { name, bytes }: ReadSegment): SegmentRow {
    const place = this.#scan.verifyOptions(segmentIndex);
    const verdict = this.#scan.judge(segmentIndex, bytes, path.join(this.#dir, name));
    const { decision, events, error, unreachableBlocks } = verdict;
    if (decision === 'refuse') this.#error = error;
    if (events > 0) {
      if (this.#events === 0) this.#firstEventId = verdict.verification.firstEventId;
      this.#events += events;
      this.#end = endOf(bytes, verdict);
    }
    if (decision === 'tail') this.#tornFile = name;
    if (unreachableBlocks > 0) {
      this.#notes.push(
        `${name}: ${plural(unreachableBlocks, 'sound block')} behind the torn tail cannot be reached`,
      );
    }
    const row = rowOfVerdict(name, segmentIndex, verdict);
    if (decision !== 'refuse') return row;
    if (error?.code !== 'SEGMENT_GAP')
      return withGaps(row, this.#salvage(segmentIndex, { name, bytes }, place, soundUnsealed(verdict)));
    // The gap is no fault of the file behind it, which may be sound.
    const {
      state,
      blocks,
      events: own,
      firstEventId,
      lastEventId,
    } = this.#judgeAlone(segmentIndex, { name, bytes });
    return { ...row, state, blocks, events: own, firstEventId, lastEventId };
  }

  /** Behind the end of the log: the file by itself, and its link to the one before where that is sound. */
  #judgeAlone(segmentIndex: number, { name, bytes }: ReadSegment): SegmentRow {
    const place = this.#placeOf(segmentIndex);
    const v = verifySegment(bytes, { segmentIndex, ...place });
    const { lastEventId, chainedChecksum } = v;
    const isSound = v.status === 'OK' && v.state === 'sealed';
    this.#previous = isSound ? { segmentIndex, lastEventId, chainedChecksum, complete: true } : undefined;
    if (this.#error === undefined && v.events > 0) {
      this.#notes.push(
        `${name}: ${plural(v.events, 'event')} behind the torn tail of ${this.#tornFile} cannot be reached`,
      );
    }
    const row = rowOfVerification(name, segmentIndex, v);
    return v.status === 'OK' ? row : withGaps(row, this.#salvage(segmentIndex, { name, bytes }, place));
  }

  #placeOf(segmentIndex: number): VerifyOptions {
    const before = this.#previous?.segmentIndex === segmentIndex - 1 ? this.#previous : undefined;
    return before === undefined ? { afterEventId: this.#scan.lastEventId } : { previous: before };
  }

  /** Looks behind the damage of a segment. The next one is linked to what is found there. */
  #salvage(
    segmentIndex: number,
    { name, bytes }: ReadSegment,
    place: VerifyOptions,
    unsealed?: UnsealedEvents,
  ): SalvagedSegment {
    const salvaged = salvageSegment(bytes, {
      file: path.join(this.#dir, name),
      segmentIndex,
      afterEventId: lastEventBefore(place),
      chainedChecksum: place.previous?.chainedChecksum,
      durable: this.durable.position,
      unsealed,
    });
    const { lastEventId, chainedChecksum } = salvaged;
    this.#previous = { segmentIndex, lastEventId, chainedChecksum, complete: true };
    return salvaged;
  }
}

function lastEventBefore({ previous, afterEventId = 0n }: VerifyOptions): bigint {
  return previous?.lastEventId ?? afterEventId;
}

/** The end of the segments as the tail ring must go on from it: the last block, copied out of its segment. */
function endOf(bytes: Uint8Array, { endOffset, lastEventId }: SegmentVerdict): SegmentsEnd {
  const block = Math.floor((endOffset - SEGMENT_HEADER_BYTES - 1) / BLOCK_BYTES);
  const start = blockOffset(block);
  const lastEvent = endOffset - EVENT_BYTES - start;
  return {
    lastEventId,
    words: asWords(bytes.slice(start, start + BLOCK_BYTES)),
    lastEventWord: lastEvent / WORD_BYTES,
    eventsInBlock: (lastEvent - BLOCK_HEADER_BYTES) / EVENT_BYTES,
  };
}
