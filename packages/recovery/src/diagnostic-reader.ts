import path from 'node:path';
import {
  BLOCK_HEADER_BYTES,
  BLOCK_WORDS,
  blockOffset,
  isWhole,
  type SegmentFile,
  type SegmentForm,
  segmentForms,
  verifySegment,
  WalError,
  WORD_BYTES,
} from '@fswal/format';
import { type LogSurvey, listLogDirectory, surveyLog } from '@fswal/format/files';
import { nsSince, timed } from '@fswal/telemetry/clock';
import { DiagnosticScan, type JudgedSegment } from './diagnostic-scan.js';
import { isMissing } from './is-missing.js';
import type { LogReaderOptions } from './log-reader.js';
import { LogTail, tornTail } from './log-tail.js';
import { MAX_SURVEYS, outrun, surveyBehind } from './outrun.js';
import type { LogSummary, TornTail } from './recovery-report.js';
import { type ReplayWindow, seekInWindow, type WindowContent } from './replay-window.js';
import { isBeingWritten, openEnd, type ReadEnd } from './segment-growth.js';
import { SegmentLocator } from './segment-locator.js';
import { SegmentReader } from './segment-reader.js';
import { type ReaderTelemetry, RecoveryTelemetry } from './telemetry.js';
import { windowBytesFor } from './window-bytes.js';
import { type LogEnd, type SeekTarget, SeekWord, type WindowSource } from './window-source.js';

/** How reading one form of a segment went. */
type Outcome = WindowContent | 'nothing to deliver' | 'try the next form';

/**
 * Reads all of a log that verifies, window by window, past any damage: what it passes over is in `end.gaps`. Only what
 * lies behind a torn tail is not delivered, as it never became part of the log. The order of the reads is that of
 * `LogReader`, and where a log is sound so is what comes out. Where retention was faster, it begins anew or goes on with
 * the oldest segment that is kept, and says what went between.
 */
export class DiagnosticReader implements WindowSource {
  readonly windowBytes: number;
  readonly segmentCount: number;
  readonly summary: LogSummary;
  segments = 0;
  bytes = 0;

  readonly #options: LogReaderOptions;
  readonly #telemetry: ReaderTelemetry;
  #survey: LogSurvey;
  #locator: SegmentLocator;
  readonly #behind: LogTail;
  #scan: DiagnosticScan;
  #next = 0;
  /** Times in a row that the log was listed anew. */
  #surveys = 0;
  /** Whether events were delivered since reading has begun: from there on none may be left out unsaid. */
  #hasDelivered = false;
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
    this.#telemetry = telemetry;
    this.#options = options;
    this.#survey = survey;
    this.#behind = behind;
    const { files, durable } = survey;
    this.#locator = new SegmentLocator(options.dir, files, telemetry);
    this.segmentCount = files.length;
    this.windowBytes = windowBytesFor(options.dir, files);
    this.summary = { oldestSegmentIndex: files[0]?.segmentIndex ?? null, durable: durable.report };
    this.#scan = new DiagnosticScan(durable.position);
    const { fromEventId } = options;
    this.#beginAt(fromEventId > 0n ? { word: SeekWord.eventId, value: fromEventId } : undefined);
  }

  /** @throws WalError DIRECTORY_NOT_FOUND, READ_FAILED: not even the directory can be read */
  static open(options: LogReaderOptions): DiagnosticReader {
    listLogDirectory(options.dir);
    const behind = openTail(options);
    const { dir, telemetry = RecoveryTelemetry.create().reader } = options;
    const survey = timed(telemetry.buildIndex, () => surveyLog(dir, true));
    return new DiagnosticReader(options, survey, behind, telemetry);
  }

  get end(): LogEnd {
    return {
      error: this.#error,
      tail: this.#tail,
      tailRing: this.#behind.report,
      gaps: this.#scan.gaps,
      endEventId: this.#endEventId,
    };
  }

  seek(target: SeekTarget): void {
    this.#surveys = 0;
    this.#beginAt(target);
  }

  #beginAt(from: SeekTarget | undefined): void {
    const { durable, missing } = this.#survey;
    this.#from = from;
    this.#next = from === undefined ? 0 : this.#locator.locate(from);
    this.#scan = new DiagnosticScan(durable.position);
    if (missing !== undefined && this.#next === 0) this.#scan.note(missing);
    this.#behind.restart();
    this.#openEnd = undefined;
    this.#tail = null;
    this.#endEventId = this.#scan.lastEventId;
    this.#hasDelivered = false;
    this.#error = undefined;
    this.#done = false;
  }

  readNext(window: ReplayWindow): WindowContent | undefined {
    while (!this.#done) {
      const file = this.#survey.files[this.#next];
      const content = file === undefined ? this.#endSegments() : this.#take(file, window);
      if (content !== undefined) return content;
    }
    return this.#error === undefined ? this.#behind.fill(window) : undefined;
  }

  #take(segment: SegmentFile, window: ReplayWindow): WindowContent | undefined {
    this.#next++;
    let failure: WalError | undefined;
    for (const form of segmentForms(segment, this.#survey.otherForms.get(segment.segmentIndex))) {
      try {
        const outcome = this.#tryForm(form, window);
        if (outcome === 'try the next form') continue;
        return outcome === 'nothing to deliver' ? undefined : outcome;
      } catch (error) {
        if (!(error instanceof WalError)) throw error;
        // Of two that cannot be read, the one that was listed tells more than the one that may have come of it.
        if (!isMissing(error)) failure ??= error;
      }
    }
    if (failure === undefined) this.#passGone(segment.segmentIndex);
    else this.#scan.passOver(segment.segmentIndex, this.#pathOf(segment), failure);
    return undefined;
  }

  /** Listed and gone since. Where that was not retention's work, it is no part of the log or leaves a gap. */
  #passGone(segmentIndex: number): void {
    const { dir } = this.#options;
    const survey = timed(this.#telemetry.buildIndex, () => surveyBehind(dir, segmentIndex, true));
    if (survey === undefined) return;
    if (this.#surveys++ === MAX_SURVEYS) {
      this.#error = outrun(dir, segmentIndex, survey.files, this.#endEventId);
      this.#done = true;
      return;
    }
    this.#survey = survey;
    this.#locator = new SegmentLocator(dir, survey.files, this.#telemetry);
    if (this.#hasDelivered) {
      this.#next = 0;
      this.#scan.goBehindRetention(survey.files[0].segmentIndex, dir, survey.durable.position);
      if (survey.missing !== undefined) this.#scan.note(survey.missing);
    } else this.#beginAt(this.#from);
  }

  /** @throws WalError OPEN_FAILED, READ_FAILED */
  #tryForm({ file, onlyIfWhole }: SegmentForm, window: ReplayWindow): Outcome {
    const { onProgress = () => {}, onRead = () => {} } = this.#options;
    const { segmentIndex, compressed } = file;
    const reader = SegmentReader.openAnySize(this.#pathOf(file), compressed, onProgress, this.#telemetry);
    try {
      const start = performance.now();
      const { count, damage } = reader.readOrSalvage(window);
      const bytes = window.bytes.subarray(0, count);
      const whole = damage === undefined && (!onlyIfWhole || isWhole(verifySegment(bytes, { segmentIndex })));
      if ((onlyIfWhole && !whole) || !reader.isCurrent()) return 'try the next form';
      const read = performance.now();
      const readNs = (read - start) * 1e6;
      if (damage !== undefined) this.#scan.note(damage);
      const judged = this.#scan.judge(segmentIndex, bytes, reader.file);
      onRead(readNs, count);
      this.#telemetry.segment(readNs, nsSince(read), count, judged.verdict.error);
      onProgress();
      this.#surveys = 0;
      this.segments++;
      this.bytes += count;
      this.#endEventId = this.#scan.lastEventId;
      const ends = judged.verdict.decision === 'tail';
      // Before blocks are moved: it is held against the file.
      if (ends && !isBeingWritten(reader, bytes, this.#openEnd)) {
        const beyond = this.#survey.files.slice(this.#next).map(({ name }) => name);
        this.#tail = tornTail(judged.verdict, bytes, reader.file, beyond);
      }
      const content = this.#deliver(judged, segmentIndex, window, reader);
      if (ends) this.#endSegments();
      this.#openEnd = openEnd(reader.file, judged.verdict);
      return content ?? 'nothing to deliver';
    } finally {
      reader.close();
    }
  }

  /** Moves what is sound to the front of the window. */
  #deliver(
    { runs, unsealed }: JudgedSegment,
    segmentIndex: number,
    window: ReplayWindow,
    reader: SegmentReader,
  ): WindowContent | undefined {
    let tailEvents = unsealed?.events ?? 0;
    if (unsealed !== undefined) {
      tailEvents = reader.settle(window, blockOffset(unsealed.block) + BLOCK_HEADER_BYTES, tailEvents);
    }
    let blocks = 0;
    for (const { block, count } of runs) {
      moveBlocks(window, block, count, blocks);
      blocks += count;
    }
    if (tailEvents > 0 && unsealed !== undefined) moveBlocks(window, unsealed.block, 1, blocks);
    if (blocks === 0 && tailEvents === 0) return undefined;
    this.#behind.keepEnd(window, blocks, tailEvents);
    const start = this.#startIn(window, blocks, tailEvents);
    if (start === undefined) return undefined;
    this.#hasDelivered = true;
    return { segmentIndex, blocks, tailEvents, ...start };
  }

  #startIn(window: ReplayWindow, blocks: number, tailEvents: number) {
    if (this.#from === undefined) return { startBlock: 0, startEvent: 0 };
    const start = seekInWindow(window.words, blocks, tailEvents, this.#from);
    if (start !== undefined) this.#from = undefined;
    return start;
  }

  /** After the last segment, or the cut of the torn one. */
  #endSegments(): undefined {
    this.#done = true;
    this.#scan.finish();
    const ringEnd = this.#behind.begin(this.#scan.lastEventId, this.#from);
    if (ringEnd > 0n) this.#endEventId = ringEnd;
  }

  #pathOf({ name }: SegmentFile): string {
    return path.join(this.#options.dir, name);
  }
}

/** A ring that is damaged does not keep the segments from being read. */
function openTail(options: LogReaderOptions): LogTail {
  try {
    return LogTail.open(options);
  } catch (error) {
    if (error instanceof WalError) return LogTail.empty(error.message);
    throw error;
  }
}

function moveBlocks({ words }: ReplayWindow, from: number, count: number, to: number): void {
  if (from === to) return;
  const start = blockOffset(from) / WORD_BYTES;
  words.copyWithin(blockOffset(to) / WORD_BYTES, start, start + count * BLOCK_WORDS);
}
