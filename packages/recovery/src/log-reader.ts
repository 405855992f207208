import path from 'node:path';
import {
  blockOffset,
  eventOffset,
  idAt,
  isDurableIn,
  isWhole,
  LogScan,
  type SegmentFile,
  type SegmentForm,
  type SegmentVerification,
  segmentForms,
  verifyLink,
  verifySegment,
  WalError,
} from '@fswal/format';
import { type KnownDurable, type LogSurvey, listLogDirectory, surveyLog } from '@fswal/format/files';
import { timed } from '@fswal/telemetry/clock';
import { isMissing } from './is-missing.js';
import { LogTail, tornTail } from './log-tail.js';
import { MAX_SURVEYS, outrun, surveyBehind } from './outrun.js';
import { readAround } from './read-around.js';
import type { LogSummary, TornTail } from './recovery-report.js';
import {
  eventsOfBlock,
  eventWord,
  type ReplayWindow,
  seekInWindow,
  type WindowContent,
} from './replay-window.js';
import { isBeingWritten, openEnd, type ReadEnd } from './segment-growth.js';
import { SegmentLocator } from './segment-locator.js';
import { SegmentReader } from './segment-reader.js';
import type { VerifiedSegment } from './segment-verifiers.js';
import { type ReaderTelemetry, RecoveryTelemetry } from './telemetry.js';
import { windowBytesFor } from './window-bytes.js';
import { type LogEnd, PASSED_OVER, type SeekTarget, SeekWord, type WindowSource } from './window-source.js';

/** A segment as it lies in a window. */
interface FoundSegment extends Omit<VerifiedSegment, 'openNs' | 'closeNs'> {
  readonly segmentIndex: number;
  /** Path of the file that it was read from. */
  readonly file: string;
  readonly verification: SegmentVerification;
}

export interface LogReaderOptions {
  readonly dir: string;
  /** Replay begins at this event, or the next higher one. 0 = at the oldest. */
  readonly fromEventId: bigint;
  /** Where the tail ring lies. Default: where the last recorder had it. */
  readonly tailRingDir?: string | undefined;
  /** Called after each megabyte read; what it throws ends the read. */
  readonly onProgress?: () => void;
  /** Called with what reading each segment took, in nanoseconds, and its bytes. */
  readonly onRead?: (ns: number, bytes: number) => void;
  /** What reading takes is recorded there. */
  readonly telemetry?: ReaderTelemetry;
  /** Identifies the boot of the machine; tests give another. */
  readonly bootId?: string;
}

/**
 * Reads a log directory in order, window by window: segments, verified and judged, then what a killed recorder left
 * in its tail ring. Ends at the first damage.
 *
 * A recorder may be at work meanwhile, so the order of the reads matters: the tail ring first (what it loses
 * afterwards is in the segments by then), then the durable position (older than the segments that it is held
 * against), then the list of segments, and each segment as its turn comes. Retention may be faster: the log is then
 * listed anew or, where events were delivered, ends with SEGMENT_NOT_FOUND. It is not damaged.
 */
export class LogReader implements WindowSource {
  readonly windowBytes: number;
  readonly segmentCount: number;
  readonly summary: LogSummary;
  segments = 0;
  bytes = 0;

  readonly #dir: string;
  readonly #onProgress: () => void;
  readonly #onRead: NonNullable<LogReaderOptions['onRead']>;
  readonly #telemetry: ReaderTelemetry;
  readonly #behind: LogTail;
  #files: readonly SegmentFile[] = [];
  #otherForms: ReadonlyMap<number, SegmentFile> = new Map();
  #locator: SegmentLocator;
  #durable: KnownDurable;
  /** Why the log cannot be read from its beginning. */
  #missing: WalError | undefined;
  /** Times that reading has begun since it was opened, or since the last seek. */
  #beginnings = 1;
  /** Whether events were delivered since then: from there on none may be left out. */
  #hasDelivered = false;
  #scan: LogScan;
  #next = 0;
  /** Before the first window after a seek. */
  #seeking = false;
  /** Undefined as soon as it has been reached. */
  #from: SeekTarget | undefined;
  /** Of the segment before, where it was not closed. */
  #openEnd: ReadEnd | undefined;
  #error: WalError | undefined;
  #tail: TornTail | null = null;
  #endEventId = 0n;
  #done = false;

  private constructor(
    options: LogReaderOptions,
    survey: LogSurvey,
    behind: LogTail,
    telemetry: ReaderTelemetry,
  ) {
    this.#dir = options.dir;
    this.#onProgress = options.onProgress ?? (() => {});
    this.#onRead = options.onRead ?? (() => {});
    this.#telemetry = telemetry;
    this.#behind = behind;
    const { durable, missing } = survey;
    this.#durable = durable;
    this.#missing = missing;
    this.#locator = this.#list(survey);
    this.segmentCount = this.#files.length;
    this.windowBytes = windowBytesFor(options.dir, this.#files);
    this.summary = { oldestSegmentIndex: this.#files[0]?.segmentIndex ?? null, durable: durable.report };
    this.#scan = new LogScan(durable.position);
    const { fromEventId } = options;
    this.#beginAt(fromEventId > 0n ? { word: SeekWord.eventId, value: fromEventId } : undefined);
  }

  /** @throws WalError DIRECTORY_NOT_FOUND, OPEN_FAILED, READ_FAILED; SEGMENT_CORRUPTED for a damaged `wal_tail.place` */
  static open(options: LogReaderOptions): LogReader {
    // Before anything else for its error; what counts is the list that is made last.
    listLogDirectory(options.dir);
    const behind = LogTail.open(options);
    const { dir, telemetry = RecoveryTelemetry.create().reader } = options;
    const survey = timed(telemetry.buildIndex, () => surveyLog(dir));
    return new LogReader(options, survey, behind, telemetry);
  }

  get end(): LogEnd {
    return {
      error: this.#error,
      tail: this.#tail,
      tailRing: this.#behind.report,
      gaps: [],
      endEventId: this.#endEventId,
    };
  }

  seek(target: SeekTarget): void {
    this.#beginnings = 1;
    this.#hasDelivered = false;
    this.#beginAt(target);
    this.#seeking = true;
  }

  #list({ files, otherForms }: LogSurvey): SegmentLocator {
    this.#files = files;
    this.#otherForms = otherForms;
    return new SegmentLocator(this.#dir, files, this.#telemetry);
  }

  #beginAt(from: SeekTarget | undefined): void {
    this.#from = from;
    this.#next = from === undefined ? 0 : this.#locator.locate(from);
    this.#scan = new LogScan(this.#durable.position);
    this.#behind.restart();
    this.#openEnd = undefined;
    this.#error = undefined;
    this.#tail = null;
    this.#endEventId = 0n;
    this.#done = false;
    if (this.#missing !== undefined) this.#fail(this.#missing);
  }

  /** Events are sound, or the id of each is all that tells they are whole: in an unsealed block and the tail ring. */
  readNext(window: ReplayWindow, verified?: VerifiedSegment): WindowContent | typeof PASSED_OVER | undefined {
    if (this.#seeking) {
      const around = this.#readAround(window);
      if (around !== undefined) return around;
    }
    if (!this.#done) {
      const file = this.#files[this.#next];
      if (file !== undefined) return this.#take(file, window, verified) ?? PASSED_OVER;
      this.#endSegments();
    }
    return this.#behind.fill(window);
  }

  /** What a seek does not wait for, the rest of the segment, comes next. */
  #readAround(window: ReplayWindow): WindowContent | undefined {
    this.#seeking = false;
    const file = this.#files[this.#next];
    if (this.#done || this.#from === undefined || file === undefined) return undefined;
    if (file.compressed || this.#otherForms.has(file.segmentIndex)) return undefined;
    let reader: SegmentReader | undefined;
    try {
      reader = this.#open(file);
      const target = this.#from;
      const opened = reader;
      const content = timed(this.#telemetry.seek, () =>
        readAround(opened, file.segmentIndex, window, target),
      );
      if (content === undefined || !reader.isCurrent()) return undefined;
      const last = content.blocks - 1;
      const lastEventId = idAt(window.words, eventWord(last, eventsOfBlock(window.words, last) - 1));
      this.#from = { word: SeekWord.eventId, value: lastEventId + 1n };
      this.#hasDelivered = true;
      return content;
    } catch (error) {
      // Reading the whole segment comes upon the same, and says what it is.
      if (error instanceof WalError) return undefined;
      throw error;
    } finally {
      reader?.close();
    }
  }

  ahead(index: number): SegmentFile | undefined {
    return this.#done || this.#seeking ? undefined : this.#files[this.#next + index];
  }

  #take(
    segment: SegmentFile,
    window: ReplayWindow,
    verified: VerifiedSegment | undefined,
  ): WindowContent | undefined {
    this.#next++;
    const { segmentIndex, name } = segment;
    if (verified !== undefined) {
      this.#telemetry.open.record(verified.openNs);
      this.#telemetry.close.record(verified.closeNs);
      const bytes = window.bytes.subarray(0, verified.count);
      const verification = verifyLink(bytes, this.#scan.verifyOptions(segmentIndex));
      const file = path.join(this.#dir, name);
      if (verification !== undefined)
        return this.#judge({ ...verified, segmentIndex, file, verification }, window);
    }
    for (const form of segmentForms(segment, this.#otherForms.get(segmentIndex))) {
      let reader: SegmentReader | undefined;
      try {
        reader = this.#open(form.file);
        const found = this.#read(reader, form, window);
        if (found !== undefined && reader.isCurrent()) return this.#judge(found, window, reader);
      } catch (error) {
        if (!(error instanceof WalError)) throw error;
        if (isMissing(error)) continue;
        this.#telemetry.unreadable(error);
        return this.#fail(error);
      } finally {
        reader?.close();
      }
    }
    return this.#passGone(segmentIndex);
  }

  /** Listed and gone since. Where that was not retention's work, it is no part of the log or leaves a gap. */
  #passGone(segmentIndex: number): undefined {
    const survey = timed(this.#telemetry.buildIndex, () => surveyBehind(this.#dir, segmentIndex));
    if (survey === undefined) return undefined;
    if (this.#hasDelivered || this.#beginnings === MAX_SURVEYS)
      return this.#fail(outrun(this.#dir, segmentIndex, survey.files, this.#endEventId));
    this.#beginnings++;
    this.#durable = survey.durable;
    this.#missing = survey.missing;
    this.#locator = this.#list(survey);
    this.#beginAt(this.#from);
  }

  #open({ name, compressed }: SegmentFile): SegmentReader {
    return SegmentReader.open(path.join(this.#dir, name), compressed, this.#onProgress, this.#telemetry);
  }

  /** @returns what is in the window; undefined where it is to be whole and is not */
  #read(reader: SegmentReader, form: SegmentForm, window: ReplayWindow): FoundSegment | undefined {
    const start = performance.now();
    const { file } = reader;
    const { segmentIndex } = form.file;
    const found = this.#readVerified(reader, form, window);
    if (found === undefined) return undefined;
    const { readNs } = reader;
    return { ...found, segmentIndex, file, readNs, verifyNs: (performance.now() - start) * 1e6 - readNs };
  }

  #readVerified(reader: SegmentReader, { file, onlyIfWhole }: SegmentForm, window: ReplayWindow) {
    const options = this.#scan.verifyOptions(file.segmentIndex);
    if (!onlyIfWhole) {
      const found = reader.readVerified(window, options);
      const isTail = !isDurableIn(file.segmentIndex, this.#durable.position);
      // Of a torn tail the report says how much is cut off.
      return found.verification.state === 'unreadable' && isTail
        ? { ...found, count: reader.read(window) }
        : found;
    }
    try {
      // Whole by itself: whether it follows the one before is for the judgement.
      const { count, verification } = reader.readVerified(window, { segmentIndex: file.segmentIndex });
      if (!isWhole(verification)) return undefined;
      return { count, verification: verifySegment(window.bytes.subarray(0, count), options) };
    } catch (error) {
      if (error instanceof WalError && error.code === 'SEGMENT_CORRUPTED') return undefined;
      throw error;
    }
  }

  /** @param reader still open, for a segment that may be being written */
  #judge(found: FoundSegment, window: ReplayWindow, reader?: SegmentReader): WindowContent | undefined {
    const { segmentIndex, file, count, verification } = found;
    const bytes = window.bytes.subarray(0, count);
    const verdict = this.#scan.judge(segmentIndex, bytes, file, verification);
    this.#onRead(found.readNs, count);
    this.#telemetry.segment(found.readNs, found.verifyNs, count, verdict.error);
    this.#onProgress();
    this.segments++;
    this.bytes += count;
    this.#endEventId = verdict.lastEventId;
    const { blocks } = verdict;
    let { tailEvents } = verdict;
    if (tailEvents > 0 && reader !== undefined)
      tailEvents = reader.settle(window, blockOffset(blocks) + eventOffset(0), tailEvents);
    if (blocks > 0 || tailEvents > 0) this.#behind.keepEnd(window, blocks, tailEvents);
    if (verdict.decision === 'refuse') this.#fail(verdict.error as WalError);
    else if (verdict.decision === 'tail') {
      const beyond = this.#files.slice(this.#next).map(({ name }) => name);
      const isTorn = reader === undefined || !isBeingWritten(reader, bytes, this.#openEnd);
      if (isTorn) this.#tail = tornTail(verdict, bytes, file, beyond);
      this.#endSegments();
    }
    this.#openEnd = openEnd(file, verdict);
    return this.#contentFrom(window, segmentIndex, blocks, tailEvents);
  }

  #contentFrom(
    window: ReplayWindow,
    segmentIndex: number,
    blocks: number,
    tailEvents: number,
  ): WindowContent | undefined {
    if (blocks === 0 && tailEvents === 0) return undefined;
    const atFront = { startBlock: 0, startEvent: 0 };
    const start =
      this.#from === undefined ? atFront : seekInWindow(window.words, blocks, tailEvents, this.#from);
    if (start === undefined) return undefined;
    this.#from = undefined;
    this.#hasDelivered = true;
    return { segmentIndex, blocks, tailEvents, ...start };
  }

  /** After the last segment, or the cut of the torn one: held against the durable position, then the tail ring. */
  #endSegments(): undefined {
    this.#done = true;
    const lost = this.#scan.finish();
    if (lost !== undefined) return this.#fail(lost);
    const ringEnd = this.#behind.begin(this.#scan.lastEventId, this.#from);
    if (ringEnd > 0n) this.#endEventId = ringEnd;
  }

  #fail(error: WalError): undefined {
    this.#error = error;
    this.#done = true;
  }
}
