import path from 'node:path';
import {
  type DurablePosition,
  isAnchor,
  LogScan,
  type PreviousSegment,
  type SegmentVerdict,
  WalError,
} from '@fswal/format';
import { type LogSurvey, surveyLog } from '@fswal/format/files';
import { timed } from '@fswal/telemetry/clock';
import { FollowedLog } from './followed-log.js';
import { FollowedSegment } from './followed-segment.js';
import type { LogSummary } from './recovery-report.js';
import { type ReplayWindow, seekInWindow, type WindowContent } from './replay-window.js';
import { firstEventOf, SegmentLocator } from './segment-locator.js';
import { type ReaderTelemetry, RecoveryTelemetry } from './telemetry.js';
import { windowBytesFor } from './window-bytes.js';
import { type LogEnd, NOTHING_YET, type SeekTarget, SeekWord, type WindowSource } from './window-source.js';

/** So many looks that find nothing are cheap ones, before the next looks at the directory too. */
const CHEAP_LOOKS = 8;
/** Something has changed, and the next look may find events. */
const AGAIN = 'again';

type Step = WindowContent | typeof NOTHING_YET | typeof AGAIN | undefined;

export interface LogFollowerOptions {
  readonly dir: string;
  /** Begins at this event, or the next higher one; where that is gone, at the oldest. 0 = at the oldest. */
  readonly fromEventId: bigint;
  /** Called after each megabyte read; what it throws ends the read. */
  readonly onProgress?: () => void;
  /** What reading takes is recorded there, of a segment when it was left. */
  readonly telemetry?: ReaderTelemetry;
}

/**
 * Reads a log along with the recorder that writes it: first what is there, then what comes. Each segment is read until
 * nothing can be added to it, or the next one has events; see FollowedSegment for what is believed of one that grows.
 * The tail ring is not read: a recorder at work brings its events into segments within a millisecond, and of one that was
 * killed the next one does.
 *
 * Who looks at files that others write sees them in between two writes. So what does not fit is damage only where it
 * cannot be that, as facts that were read before show: the durable position, the closed header, the next segment. Those
 * are read first, then the segment anew.
 *
 *   looks wrong, and                          | then
 *   ------------------------------------------|-----------------------------------------------------
 *   is at or below the durable position       | the error that strict recovery has
 *   the segment is closed, or the log goes on | the same
 *   neither                                   | nothing yet: it is being written, or a torn tail which
 *                                             | the next recorder cuts
 *   the name leads elsewhere                  | goes on in that file, at the same place
 *   the name is gone, older ones too          | SEGMENT_NOT_FOUND: retention was faster
 */
export class LogFollower implements WindowSource {
  readonly windowBytes: number;
  readonly segmentCount = Number.POSITIVE_INFINITY;
  readonly summary: LogSummary;
  segments = 0;
  bytes = 0;

  readonly #log: FollowedLog;
  readonly #onProgress: () => void;
  readonly #telemetry: ReaderTelemetry;
  /** Where the next event is looked for; undefined as soon as one was delivered. */
  #target: SeekTarget | undefined;
  /** Whether events were delivered since it began: from then on none may be left out. */
  #hasDelivered = false;
  /** What the directory held when it began; undefined = it is to begin anew. */
  #survey: LogSurvey | undefined;
  #durable: DurablePosition;
  #segmentIndex = 0;
  /** Undefined while it is not there. */
  #segment: FollowedSegment | undefined;
  #previous: PreviousSegment | undefined;
  /** The last event of the log so far, delivered or passed over. */
  #lastEventId = 0n;
  #looks = 0;
  #error: WalError | undefined;

  private constructor(options: LogFollowerOptions, survey: LogSurvey, telemetry: ReaderTelemetry) {
    this.#onProgress = options.onProgress ?? (() => {});
    this.#log = new FollowedLog(options.dir, this.#onProgress, telemetry);
    this.#telemetry = telemetry;
    const { fromEventId } = options;
    this.#target = fromEventId > 0n ? { word: SeekWord.eventId, value: fromEventId } : undefined;
    this.#survey = survey;
    this.#durable = survey.durable.position;
    this.windowBytes = windowBytesFor(options.dir, survey.kept);
    const oldestSegmentIndex = survey.kept[0]?.segmentIndex ?? null;
    this.summary = { oldestSegmentIndex, durable: survey.durable.report };
    this.#begin(survey);
  }

  /** @throws WalError DIRECTORY_NOT_FOUND, OPEN_FAILED, READ_FAILED */
  static open(options: LogFollowerOptions): LogFollower {
    const { dir, telemetry = RecoveryTelemetry.create().reader } = options;
    const survey = timed(telemetry.buildIndex, () => surveyLog(dir));
    return new LogFollower(options, survey, telemetry);
  }

  get end(): LogEnd {
    const nothing = { tail: null, tailRing: null, gaps: [] };
    return { ...nothing, error: this.#error, endEventId: this.#lastEventId };
  }

  seek(target: SeekTarget): void {
    this.#target = target;
    this.#beginAnew();
  }

  readNext(window: ReplayWindow): WindowContent | typeof NOTHING_YET | undefined {
    try {
      let step: Step = AGAIN;
      while (step === AGAIN) step = this.#error === undefined ? this.#step(window) : undefined;
      return step;
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
      this.#telemetry.unreadable(error);
      return this.#fail(error);
    }
  }

  #step(window: ReplayWindow): Step {
    if (this.#survey === undefined) {
      this.#onProgress();
      return this.#begin(this.#look());
    }
    if (this.#segment === undefined) return this.#enter(window);
    const content = this.#take(window, this.#segment);
    if (content !== undefined) return content;
    const { status, state, isFinished } = this.#segment;
    if (isFinished) return this.#leave(this.#segment);
    const isStrange = status !== 'OK' || (state === 'sealed' && this.#log.exists(this.#segmentIndex + 1));
    const isDue = this.#looks++ % CHEAP_LOOKS === 0;
    return isStrange || isDue ? this.#lookAround(window, this.#segment) : NOTHING_YET;
  }

  // Where to read

  #beginAnew(): typeof AGAIN {
    this.#segment?.close();
    this.#segment = undefined;
    this.#survey = undefined;
    this.#error = undefined;
    return AGAIN;
  }

  #begin(survey: LogSurvey): typeof AGAIN | undefined {
    const { durable, files, missing } = survey;
    const target = this.#target;
    const locator = new SegmentLocator(this.#log.dir, files, this.#telemetry);
    const at = target === undefined ? 0 : locator.locate(target);
    this.#survey = survey;
    this.#durable = durable.position;
    this.#segmentIndex = files[at]?.segmentIndex ?? durable.position.segmentIndex;
    this.#previous = undefined;
    this.#lastEventId = isAnchor(durable.position) ? durable.position.eventId : 0n;
    this.#hasDelivered = false;
    this.#looks = 0;
    return missing === undefined ? AGAIN : this.#fail(missing);
  }

  /** Opens the segment that is next. */
  #enter(window: ReplayWindow): Step {
    const reader = this.#log.open(this.#segmentIndex);
    if (reader === undefined) return this.#looks++ % CHEAP_LOOKS === 0 ? this.#lookForLater() : NOTHING_YET;
    const segment = new FollowedSegment(reader, this.#segmentIndex, this.#previous, this.#lastEventId);
    this.#segment = segment;
    const { segmentIndex, eventId } = this.#durable;
    // Ids alone do not tell whether the durable events of an unsealed block are sound.
    return segmentIndex === segment.segmentIndex && eventId > 0n
      ? this.#checkDurable(window, segment)
      : AGAIN;
  }

  #leave(segment: FollowedSegment): typeof AGAIN {
    this.#telemetry.segment(segment.readNs, segment.verifyNs, segment.endOffset);
    this.#previous = segment.asPrevious;
    segment.close();
    this.#segment = undefined;
    this.#segmentIndex++;
    return AGAIN;
  }

  // What is new

  #take(window: ReplayWindow, segment: FollowedSegment): WindowContent | typeof AGAIN | undefined {
    const { hasEvents, endOffset, segmentIndex } = segment;
    const news = segment.takeNew(window);
    if (news === undefined) return undefined;
    if (!hasEvents) this.segments++;
    this.bytes += segment.endOffset - endOffset;
    this.#lastEventId = segment.lastEventId;
    return this.#deliver(window, { segmentIndex, ...news });
  }

  #deliver(window: ReplayWindow, content: WindowContent): WindowContent | typeof AGAIN {
    const { blocks, tailEvents, startBlock } = content;
    const target = this.#target;
    const start =
      target === undefined ? content : seekInWindow(window.words, blocks, tailEvents, target, startBlock);
    if (start === undefined) return AGAIN;
    this.#target = undefined;
    this.#hasDelivered = true;
    return { ...content, startBlock: start.startBlock, startEvent: start.startEvent };
  }

  // What is wrong

  /** Nothing new was found: is this the end of the log, or damage, or does the log go on elsewhere? */
  #lookAround(window: ReplayWindow, segment: FollowedSegment): Step {
    if (!segment.isCurrent()) return this.#reopen(segment);
    const durable = this.#log.readDurable();
    const goesOn = this.#log.hasBegun(this.#segmentIndex + 1);
    const content = this.#take(window, segment);
    if (content !== undefined) return content;
    const isSound = segment.status === 'OK';
    const isClosed = segment.state === 'sealed';
    if (segment.isFinished || (isSound && isClosed && goesOn)) return this.#leave(segment);
    const isOver = goesOn || segment.reader.compressed;
    const isBehind = !isAnchor(durable) && durable.eventId > this.#lastEventId;
    const isSuspect = !isSound && (isOver || isClosed);
    if (!isBehind && !isSuspect) return NOTHING_YET;
    const judged = this.#judge(window, segment, durable);
    if (judged === undefined) return NOTHING_YET;
    const { decision, error, verification } = judged.verdict;
    if (decision === 'keep') return judged.lost === undefined ? NOTHING_YET : this.#fail(judged.lost);
    const isDamage = decision === 'refuse' || isOver || verification.state === 'sealed';
    return isDamage ? this.#failIn(segment, error as WalError) : NOTHING_YET;
  }

  /** Before anything of the segment that holds the durable position is delivered. */
  #checkDurable(window: ReplayWindow, segment: FollowedSegment): Step {
    const verdict = this.#judge(window, segment, this.#durable)?.verdict;
    if (verdict?.decision !== 'refuse') return AGAIN;
    const step = this.#failIn(segment, verdict.error as WalError);
    const { blocks, lastEventId } = verdict;
    if (step === AGAIN || blocks === 0) return step;
    this.#lastEventId = lastEventId;
    const { segmentIndex } = segment;
    return this.#deliver(window, { segmentIndex, blocks, tailEvents: 0, startBlock: 0, startEvent: 0 });
  }

  /**
   * What strict recovery makes of the segment as it is now, where the durable position was read before.
   * @returns undefined where the file is not the segment's any more
   */
  #judge(
    window: ReplayWindow,
    segment: FollowedSegment,
    durable: DurablePosition,
  ): { verdict: SegmentVerdict; lost: WalError | undefined } | undefined {
    const { reader, segmentIndex } = segment;
    const previous = this.#previous;
    const scan = new LogScan(
      durable,
      previous === undefined ? undefined : { segmentIndex: segmentIndex - 1, previous },
    );
    const bytes = window.bytes.subarray(0, reader.read(window));
    const verdict = scan.judge(segmentIndex, bytes, reader.file);
    return reader.isCurrent() ? { verdict, lost: scan.finish() } : undefined;
  }

  /** The name leads to another file, or to none. */
  #reopen(segment: FollowedSegment): Step {
    const reader = this.#log.open(this.#segmentIndex);
    if (reader !== undefined) {
      segment.goOnIn(reader);
      return AGAIN;
    }
    if (segment.status === 'OK' && segment.state === 'sealed') return this.#leave(segment);
    if (!segment.hasEvents) {
      // It was made ahead and not used. Another one may come.
      segment.close();
      this.#segment = undefined;
    }
    return this.#lookForLater();
  }

  /** The segment is not there: is this the end of the log, or was retention faster, or is there a gap? */
  #lookForLater(): Step {
    const { durable, kept } = this.#look();
    const { position } = durable;
    const lastEventId = this.#lastEventId;
    const [oldest] = kept;
    const later = kept.find(({ segmentIndex }) => segmentIndex >= this.#segmentIndex);
    if (oldest === undefined || later === undefined) {
      if (isAnchor(position) || position.eventId <= lastEventId) return NOTHING_YET;
      const message = `the log ends at event ${lastEventId}, but was durable up to event ${position.eventId}`;
      return this.#fail(new WalError('DURABLE_LOST', message, { file: this.#log.dir, eventId: lastEventId }));
    }
    // It has come, or it was changing its form while the list was made.
    if (later.segmentIndex === this.#segmentIndex || this.#log.exists(this.#segmentIndex)) return AGAIN;
    if (oldest.segmentIndex < this.#segmentIndex) {
      const message = `segment ${this.#segmentIndex} is missing before segment ${later.segmentIndex}`;
      const file = path.join(this.#log.dir, later.name);
      return this.#fail(new WalError('SEGMENT_GAP', message, { file, eventId: lastEventId }));
    }
    if (!this.#hasDelivered) return this.#beginAnew();
    const first = firstEventOf(this.#log.dir, oldest);
    // Taken as well, since: the next look finds a later one.
    if (first === null) return NOTHING_YET;
    const message = `events after ${lastEventId} were removed by retention before they were read; the oldest event kept is ${first.eventId}: open again from there`;
    const file = path.join(this.#log.dir, oldest.name);
    return this.#fail(new WalError('SEGMENT_NOT_FOUND', message, { file, eventId: first.eventId }));
  }

  /** Damage in the segment; a recorder that was interrupted while it compressed it may have left it in its other form. */
  #failIn(segment: FollowedSegment, error: WalError): typeof AGAIN | undefined {
    this.#telemetry.invalid(error);
    const packed = segment.reader.compressed ? undefined : this.#log.openCompressed(segment.segmentIndex);
    if (packed === undefined) return this.#fail(error);
    segment.goOnIn(packed);
    return AGAIN;
  }

  #look(): LogSurvey {
    return timed(this.#telemetry.buildIndex, () => surveyLog(this.#log.dir));
  }

  #fail(error: WalError): undefined {
    this.#error = error;
    this.#segment?.close();
    this.#segment = undefined;
  }
}
