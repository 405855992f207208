import fs from 'node:fs';
import {
  BLOCK_BYTES,
  EVENT_WORDS,
  type EventView,
  idAt,
  RequestEvent,
  SEGMENT_HEADER_BYTES,
  WalError,
  WORD_BYTES,
} from '@fswal/format';
import { type ReaderRegistration, registerReader } from '@fswal/format/files';
import type { Collector, Labels } from '@fswal/telemetry';
import { beginSample, endSample, nsSince, sampleClockNs, sampleNs, timed } from '@fswal/telemetry/clock';
import { EventBlock } from './event-block.js';
import type { EventPlace } from './event-place.js';
import { monotonicUs } from './monotonic-us.js';
import { fromPlainError } from './plain-error.js';
import { END, FilledWord } from './preloader-protocol.js';
import { NOTHING_YET, PreloaderThread } from './preloader-thread.js';
import { RecoveryNews } from './recovery-channels.js';
import {
  type CheckedOptions,
  checkOptions,
  type EventViewClass,
  type RecoveryMode,
  type RecoveryOptions,
  toU64,
} from './recovery-options.js';
import type { RecoveryReport } from './recovery-report.js';
import { eventsOfBlock, eventWord } from './replay-window.js';
import {
  type ComputedSnapshot,
  collectRecovery,
  dumpRecovery,
  type RecoverySnapshot,
  type ReplayTelemetry,
} from './telemetry.js';
import { type SeekTarget, SeekWord } from './window-source.js';

const TWO_32 = 4_294_967_296;
// A constant of this module: V8 folds those, but loads an imported one anew at each use.
const STRIDE_WORDS = EVENT_WORDS;
const NO_WINDOW = -1;
/** What a window of the tail ring has for a segment. */
const NO_SEGMENT = -1;

/**
 * Replays a log in the order of its events, every one of them verified.
 *
 *     const recovery = await RecoveryManager.open({ dir });
 *     while (recovery.next()) use(recovery.event);
 *     await recovery.close();
 *
 * A thread of its own reads and verifies ahead. Nothing is written or deleted and no lock is taken: the log may be in
 * use. The replay then ends about where the log did when it was opened, or with `follow` goes on along with it:
 *
 *     for await (const event of recovery) use(event);
 */
export class RecoveryManager<V extends EventView = RequestEvent> {
  /** The current event: one view, moved by `next()` and valid until the next call of it. */
  readonly event: V;

  // next() runs per event: what it reads and writes are plain properties that hold small integers.
  /** Word index in the window of the event after the current one. */
  private at = 0;
  /** Word index after the last event of the current block. */
  private blockEnd = 0;
  /** Word index of the first event delivered from the current block. */
  private blockStart = 0;
  private nextBlockIndex = 0;
  /** Blocks of the window, an unsealed one included. */
  private blockCount = 0;
  private sealedBlocks = 0;
  private tailEvents = 0;
  private startEvent = 0;
  private window = NO_WINDOW;

  /** Events delivered from the blocks before the current one. */
  private eventsBefore = 0;
  private eventsBeforeWindow = 0;
  private firstEventId = 0n;
  private lastEventId = 0n;
  private ended = false;
  private failure: WalError | undefined;
  private closing: Promise<void> | undefined;

  private readonly thread: PreloaderThread;
  /** Keeps a recorder of this process from taking segments that are still to be replayed. */
  private registration: ReaderRegistration | undefined;
  private readonly block: EventBlock;
  private readonly measures: ReplayTelemetry;
  private readonly news: RecoveryNews;
  /** Of the calls that enter a block one in so many is timed; 0 = none. */
  private readonly sampleBlocks: number;
  private toSample = 0;
  /** When `open` was called, as `monotonicUs`; 0 once the first event was there. */
  private openedUs: number;
  /** When the window was taken. */
  private windowMs = 0;
  /** The segment entered last. */
  private segmentIndex = NO_SEGMENT;
  private readonly dir: string;
  private readonly mode: RecoveryMode;
  private readonly fromEventId: bigint;
  /** 64 bytes of the view's own, where it rests while it has no event. */
  private readonly restingWords: Int32Array;

  private constructor(
    thread: PreloaderThread,
    registration: ReaderRegistration | undefined,
    event: V,
    { dir, mode, fromEventId, sampleBlocks }: CheckedOptions,
    news: RecoveryNews,
    openedUs: number,
  ) {
    this.thread = thread;
    this.registration = registration;
    this.measures = thread.telemetry.replay;
    this.news = news;
    this.sampleBlocks = sampleBlocks;
    this.toSample = this.sampleDistance();
    this.openedUs = openedUs;
    this.event = event;
    this.dir = dir;
    this.mode = mode;
    this.fromEventId = fromEventId;
    this.restingWords = event.words;
    this.block = new EventBlock(event.words);
  }

  /**
   * Opens a log directory for replay.
   * @throws TypeError, RangeError for options that are none of this version
   * @throws WalError DIRECTORY_NOT_FOUND, OPEN_FAILED, READ_FAILED, WORKER_FAILED
   */
  static open(options: RecoveryOptions<RequestEvent> & { view?: never }): Promise<RecoveryManager>;
  static open<V extends EventView>(
    options: RecoveryOptions<V> & { view: EventViewClass<V> },
  ): Promise<RecoveryManager<V>>;
  static async open(options: RecoveryOptions<EventView>): Promise<RecoveryManager<EventView>> {
    const openedUs = monotonicUs();
    const checked = checkOptions(options);
    const news = new RecoveryNews(checked.dir);
    const event = new (options.view ?? RequestEvent)();
    // Before the directory is listed, so that what is listed stays.
    const registration = register(checked.dir);
    try {
      const thread = await PreloaderThread.start(checked);
      news.opened(checked.fromEventId);
      return new RecoveryManager<EventView>(thread, registration, event, checked, news, openedUs);
    } catch (error) {
      registration?.release();
      news.failed(error as Error);
      throw error;
    }
  }

  /**
   * Moves `event` to the next event. Waits where it is not read and verified yet; a follower that has come to the end of
   * the log once does not.
   * @returns false at the end of the log; with `follow`, where there is nothing new yet
   * @throws WalError for damage at or before the durable position, after everything sound before it was delivered, and
   * again whenever it is called again; SEGMENT_NOT_FOUND where retention was faster; READ_FAILED, WORKER_FAILED; NOT_OPEN
   * after close()
   */
  next(): boolean {
    const { at } = this;
    if (at < this.blockEnd) {
      this.event.base = at;
      this.at = (at + STRIDE_WORDS) | 0;
      return true;
    }
    return this.enterBlock();
  }

  /**
   * Takes the next block as a whole, or what `next()` has left of the current one; `event` is then its last event. For
   * the rest as `next()`.
   * @returns a reused view of the events, or undefined where `next()` would return false
   */
  nextBlock(): EventBlock | undefined {
    if (this.at >= this.blockEnd) {
      if (!this.enterBlock()) return undefined;
      this.at = this.blockStart;
    }
    const { block, event, at, blockEnd } = this;
    block.words = event.words;
    block.base = at;
    block.count = (blockEnd - at) / EVENT_WORDS;
    this.at = blockEnd;
    event.base = blockEnd - EVENT_WORDS;
    return block;
  }

  /**
   * Goes on from the event with this id or, where there is none, from the next higher one, forwards or back: `event`
   * shows it, and `next()` delivers it first. Waits until its segment is read and verified.
   * @returns its id
   * @throws WalError ITEM_NOT_FOUND where all events are below; a follower then goes on from the first one that is not.
   * Otherwise as `next()`
   */
  seek(eventId: number | bigint): bigint {
    return this.seekTo({ word: SeekWord.eventId, value: toU64(eventId, 'eventId') }, 'an id');
  }

  /**
   * The same by timestamp, u64 nanoseconds at byte 8 of each event, for logs in which it grows: to the first event at or
   * after it.
   */
  seekTimestamp(timestampNs: number | bigint): bigint {
    return this.seekTo({ word: SeekWord.timestamp, value: toU64(timestampNs, 'timestampNs') }, 'a timestamp');
  }

  /**
   * Resolves when `next()` need not wait: there is an event, an end or an error to learn of (true), or not in time or the
   * recovery was closed (false). Not for use while a call of it is pending.
   */
  async waitForNext(timeoutMs = Number.POSITIVE_INFINITY): Promise<boolean> {
    if (this.closing !== undefined) return false;
    const hasMore = this.at < this.blockEnd || this.nextBlockIndex < this.blockCount;
    if (hasMore || this.ended || this.failure !== undefined) return true;
    const filled = await this.thread.filled(timeoutMs);
    return filled && this.closing === undefined;
  }

  /** The events from here on, as the one reused view. A convenience: a loop over `next()` is several times as fast. */
  *[Symbol.iterator](): Generator<V, void, undefined> {
    while (this.next()) yield this.event;
  }

  /** The same without blocking the thread; with `follow` it waits for more, until `close()`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<V, void, undefined> {
    for (;;) {
      await this.waitForNext();
      if (this.closing !== undefined) return;
      while (this.next()) {
        yield this.event;
        if (this.closing !== undefined) return;
        if (this.at >= this.blockEnd && this.nextBlockIndex >= this.blockCount) break;
      }
      if (this.ended) return;
    }
  }

  /**
   * Where the current event lies; undefined where there is none, for one that only the tail ring holds, and in
   * diagnostic mode.
   */
  get place(): EventPlace | undefined {
    const segmentIndex = this.window === NO_WINDOW ? NO_SEGMENT : this.thread.record[FilledWord.segmentIndex];
    // A window holds its segment as the file does, but in diagnostic mode, which leaves out what does not verify.
    if (segmentIndex === NO_SEGMENT || this.mode === 'diagnostic') return undefined;
    const offset = this.event.base * WORD_BYTES;
    return { segmentIndex, block: Math.floor((offset - SEGMENT_HEADER_BYTES) / BLOCK_BYTES), offset };
  }

  /** What was delivered so far, and how the log ended once that is known. A new object each time. */
  get report(): RecoveryReport {
    const { thread, failure } = this;
    const { summary, record, end } = thread;
    return {
      dir: this.dir,
      complete: this.ended || failure !== undefined,
      segments: record[FilledWord.segments],
      bytes: record[FilledWord.bytesHigh] * TWO_32 + (record[FilledWord.bytesLow] >>> 0),
      fromEventId: this.fromEventId,
      endEventId: end?.endEventId ?? 0n,
      events: this.eventsBefore + this.eventsOfCurrentBlock(),
      firstEventId: this.firstEventId,
      lastEventId: this.eventsOfCurrentBlock() === 0 ? this.lastEventId : this.currentEventId(),
      oldestSegmentIndex: summary.oldestSegmentIndex,
      durable: summary.durable,
      tail: end?.tail ?? null,
      tailRing: end?.tailRing ?? null,
      gaps: end?.gaps ?? [],
    };
  }

  /** The metrics as plain data, by component; see `RECOVERY_METRICS`. */
  get telemetry(): RecoverySnapshot {
    return this.thread.telemetry.snapshot({ follower: this.lag() });
  }

  /**
   * Feeds a collector with them, each as `PREFIX_COMPONENT_NAME`: a recovery is a source for the exporters of
   * `@fswal/telemetry`, such as `openMetricsText(recovery, { prefix: 'fswal_recovery' })`.
   * @param labels of all samples
   */
  collect(prefix: string, collector: Collector, labels?: Labels): void {
    collectRecovery(this.telemetry, prefix, collector, labels);
  }

  /** They as tables for people. */
  dumpTelemetry(): string {
    return dumpRecovery(this.telemetry);
  }

  /** Ends the replay, wherever it is, and its thread. */
  close(): Promise<void> {
    if (this.closing === undefined) {
      this.leaveWindow();
      this.registration?.release();
      this.closing = this.thread.stop().then(() => this.news.closed(this.eventsBefore));
    }
    return this.closing;
  }

  /** What is read and not delivered. */
  private lag(): ComputedSnapshot['follower'] {
    const { thread } = this;
    const inWindow = this.window === NO_WINDOW ? 0 : thread.record[FilledWord.events] - this.eventsOfWindow();
    const lag = inWindow + thread.waitingEvents;
    const sinceUs = inWindow > 0 ? thread.filledUs : thread.waitingSinceUs;
    const isLate = lag > 0 && sinceUs !== undefined;
    return { lag, lag_time: isLate ? Math.max(0, monotonicUs() - sinceUs) * 1e3 : 0 };
  }

  /** Events delivered from the window. */
  private eventsOfWindow(): number {
    return this.eventsBefore + this.eventsOfCurrentBlock() - this.eventsBeforeWindow;
  }

  private enterBlock(): boolean {
    const isSample = this.sampleBlocks > 0 && --this.toSample === 0;
    if (isSample) {
      this.toSample = this.sampleDistance();
      beginSample();
    }
    let isThere: boolean;
    try {
      isThere = this.moveToBlock();
    } catch (error) {
      this.measures.nextEvent.fail();
      throw error;
    }
    // A follower may ask in vain as often as it likes: that is no block.
    if (isSample && isThere) {
      endSample();
      this.measures.nextEvent.record(sampleNs());
      this.measures.nextEventHistogram.record(sampleNs());
      this.measures.nextEventClock.record(sampleClockNs());
    }
    return isThere;
  }

  /** Blocks to the next sample: from 1 to twice the mean less one, so that samples keep no step with windows. */
  private sampleDistance(): number {
    return 1 + Math.floor(Math.random() * (2 * this.sampleBlocks - 1));
  }

  private moveToBlock(): boolean {
    if (this.nextBlockIndex >= this.blockCount && !this.enterWindow()) return false;
    this.eventsBefore += this.eventsOfCurrentBlock();
    const view = this.event;
    const block = this.nextBlockIndex++;
    const count = block < this.sealedBlocks ? eventsOfBlock(view.words, block) : this.tailEvents;
    this.blockStart = eventWord(block, this.startEvent);
    this.blockEnd = eventWord(block, count);
    this.startEvent = 0;
    this.at = this.blockStart + EVENT_WORDS;
    view.base = this.blockStart;
    if (this.firstEventId === 0n) this.firstEventId = this.currentEventId();
    return true;
  }

  private seekTo(target: SeekTarget, what: string): bigint {
    if (this.closing !== undefined) throw notOpen();
    return timed(this.measures.seek, () => {
      this.goTo(target);
      if (!this.enterWindow()) {
        const message = `the log has no event with ${what} of ${target.value} or above`;
        throw new WalError('ITEM_NOT_FOUND', message, {
          file: this.dir,
          eventId: this.thread.end?.endEventId,
        });
      }
      const { event } = this;
      event.base = eventWord(this.nextBlockIndex, this.startEvent);
      return idAt(event.words, event.base);
    });
  }

  private goTo(target: SeekTarget): void {
    this.leaveWindow();
    if (this.ended) this.registration = register(this.dir);
    else this.registration?.moveTo(0);
    this.ended = false;
    this.failure = undefined;
    this.segmentIndex = NO_SEGMENT;
    this.thread.seek(target);
  }

  /** @returns false at the end of the log, or where there is nothing new yet */
  private enterWindow(): boolean {
    this.leaveWindow();
    if (this.closing !== undefined) throw notOpen();
    if (this.failure !== undefined) throw this.failure;
    if (this.ended) return false;
    const window = this.takeFilled();
    if (window === NOTHING_YET) return false;
    if (window === END) return this.endOrThrow();
    const { thread, event } = this;
    const { record } = thread;
    this.window = window;
    event.words = thread.wordsOf(window);
    this.sealedBlocks = record[FilledWord.blocks];
    this.tailEvents = record[FilledWord.tailEvents];
    this.blockCount = this.sealedBlocks + (this.tailEvents > 0 ? 1 : 0);
    this.nextBlockIndex = record[FilledWord.startBlock];
    this.startEvent = record[FilledWord.startEvent];
    this.windowMs = performance.now();
    if (this.openedUs > 0) {
      // By the thread that read it: how late the replay asks for it is its own affair.
      this.measures.resume.record((this.thread.filledUs - this.openedUs) * 1e3);
      this.openedUs = 0;
    }
    this.noteSegment(record[FilledWord.segmentIndex]);
    // What comes before it is not read any more; of the tail ring there is no segment.
    if (record[FilledWord.segmentIndex] > 0) this.registration?.moveTo(record[FilledWord.segmentIndex]);
    return true;
  }

  private noteSegment(segmentIndex: number): void {
    if (segmentIndex === this.segmentIndex) return;
    this.segmentIndex = segmentIndex;
    if (segmentIndex !== NO_SEGMENT) this.news.segment(segmentIndex);
  }

  /** Hands the window back. Until there is another, the view rests on memory of its own. */
  private leaveWindow(): void {
    if (this.window === NO_WINDOW) return;
    const { event, window } = this;
    if (this.eventsOfCurrentBlock() > 0) this.lastEventId = this.currentEventId();
    this.eventsBefore += this.eventsOfCurrentBlock();
    this.measures.events.add(this.eventsBefore - this.eventsBeforeWindow);
    this.measures.finish.record(nsSince(this.windowMs));
    this.eventsBeforeWindow = this.eventsBefore;
    this.at = 0;
    this.blockStart = 0;
    this.blockEnd = 0;
    this.blockCount = 0;
    this.nextBlockIndex = 0;
    this.window = NO_WINDOW;
    event.words = this.restingWords;
    event.base = 0;
    this.thread.release(window);
  }

  private takeFilled(): number {
    try {
      return this.thread.take();
    } catch (error) {
      if (error instanceof WalError) {
        this.failure = error;
        this.news.failed(error);
      }
      throw error;
    }
  }

  private endOrThrow(): false {
    const { end } = this.thread;
    if (end?.tail) this.news.damage('torn tail', end.tail);
    for (const gap of end?.gaps ?? []) this.news.damage('gap', gap);
    if (end?.error !== undefined) {
      this.failure = fromPlainError(end.error);
      this.news.failed(this.failure);
      throw this.failure;
    }
    this.ended = true;
    this.registration?.release();
    return false;
  }

  /** Events delivered from the current block, the current event included. */
  private eventsOfCurrentBlock(): number {
    return (this.at - this.blockStart) / EVENT_WORDS;
  }

  private currentEventId(): bigint {
    return idAt(this.event.words, this.at - EVENT_WORDS);
  }
}

/** Undefined where there is no such directory, which whoever reads it finds. */
function register(dir: string): ReaderRegistration | undefined {
  return fs.existsSync(dir) ? registerReader(dir) : undefined;
}

function notOpen(): WalError {
  return new WalError('NOT_OPEN', 'the recovery was closed');
}
