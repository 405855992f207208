import fs from 'node:fs';
import { EVENT_WORDS, type EventView, idAt, RequestEvent, WalError } from '@fswal/format';
import { type ReaderRegistration, registerReader } from '@fswal/format/files';
import type { Counter } from '@fswal/telemetry';
import { fromPlainError } from './plain-error.js';
import { END, FilledWord } from './preloader-protocol.js';
import { PreloaderThread } from './preloader-thread.js';
import { checkOptions, type EventViewClass, type RecoveryOptions } from './recovery-options.js';
import type { RecoveryReport } from './recovery-report.js';
import { eventsOfBlock, eventWord } from './replay-window.js';
import type { RecoverySnapshot } from './telemetry.js';

const TWO_32 = 4_294_967_296;
// A constant of this module: V8 folds those, but loads an imported one anew at each use.
const STRIDE_WORDS = EVENT_WORDS;
const NO_WINDOW = -1;

/**
 * Replays a log in the order of its events, every one of them verified.
 *
 *     const recovery = await RecoveryManager.open({ dir });
 *     while (recovery.next()) use(recovery.event);
 *     await recovery.close();
 *
 * A thread of its own reads and verifies ahead. Nothing is written or deleted and no lock is taken: the log may be in
 * use, and the replay then ends about where the log did when it was opened.
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
  private nextBlock = 0;
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
  private readonly registration: ReaderRegistration | undefined;
  private readonly replayed: Counter;
  private readonly dir: string;
  private readonly fromEventId: bigint;
  /** 64 bytes of the view's own, where it rests while it has no event. */
  private readonly restingWords: Int32Array;

  private constructor(
    thread: PreloaderThread,
    registration: ReaderRegistration | undefined,
    event: V,
    dir: string,
    fromEventId: bigint,
  ) {
    this.thread = thread;
    this.registration = registration;
    this.replayed = thread.telemetry.counter('replay_events');
    this.event = event;
    this.dir = dir;
    this.fromEventId = fromEventId;
    this.restingWords = event.words;
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
    const checked = checkOptions(options);
    const event = new (options.view ?? RequestEvent)();
    // Before the directory is listed, so that what is listed stays.
    const registration = fs.existsSync(checked.dir) ? registerReader(checked.dir) : undefined;
    try {
      const thread = await PreloaderThread.start(checked);
      return new RecoveryManager<EventView>(thread, registration, event, checked.dir, checked.fromEventId);
    } catch (error) {
      registration?.release();
      throw error;
    }
  }

  /**
   * Moves `event` to the next event. Waits where it is not read and verified yet.
   * @returns false at the end of the log
   * @throws WalError for damage at or before the durable position, after everything sound before it was delivered, and
   * again whenever it is called again; READ_FAILED, WORKER_FAILED; NOT_OPEN after close()
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
      lastEventId: this.window === NO_WINDOW ? this.lastEventId : this.currentEventId(),
      oldestSegmentIndex: summary.oldestSegmentIndex,
      durable: summary.durable,
      tail: end?.tail ?? null,
      tailRing: end?.tailRing ?? null,
    };
  }

  /** The metrics as they are now; see `RECOVERY_METRICS`. */
  get telemetry(): RecoverySnapshot {
    return this.thread.telemetry.snapshot();
  }

  /** Ends the replay, wherever it is, and its thread. */
  close(): Promise<void> {
    if (this.closing === undefined) {
      this.leaveWindow();
      this.registration?.release();
      this.closing = this.thread.stop();
    }
    return this.closing;
  }

  private enterBlock(): boolean {
    if (this.nextBlock >= this.blockCount && !this.enterWindow()) return false;
    this.eventsBefore += this.eventsOfCurrentBlock();
    const view = this.event;
    const block = this.nextBlock++;
    const count = block < this.sealedBlocks ? eventsOfBlock(view.words, block) : this.tailEvents;
    this.blockStart = eventWord(block, this.startEvent);
    this.blockEnd = eventWord(block, count);
    this.startEvent = 0;
    this.at = this.blockStart + EVENT_WORDS;
    view.base = this.blockStart;
    if (this.firstEventId === 0n) this.firstEventId = this.currentEventId();
    return true;
  }

  /** @returns false at the end of the log */
  private enterWindow(): boolean {
    this.leaveWindow();
    if (this.closing !== undefined) throw new WalError('NOT_OPEN', 'the recovery was closed');
    if (this.failure !== undefined) throw this.failure;
    if (this.ended) return false;
    const window = this.takeFilled();
    if (window === END) return this.endOrThrow();
    const { thread, event } = this;
    const { record } = thread;
    this.window = window;
    event.words = thread.wordsOf(window);
    this.sealedBlocks = record[FilledWord.blocks];
    this.tailEvents = record[FilledWord.tailEvents];
    this.blockCount = this.sealedBlocks + (this.tailEvents > 0 ? 1 : 0);
    this.nextBlock = record[FilledWord.startBlock];
    this.startEvent = record[FilledWord.startEvent];
    // What comes before it is not read any more; of the tail ring there is no segment.
    if (record[FilledWord.segmentIndex] > 0) this.registration?.moveTo(record[FilledWord.segmentIndex]);
    return true;
  }

  /** Hands the window back. Until there is another, the view rests on memory of its own. */
  private leaveWindow(): void {
    if (this.window === NO_WINDOW) return;
    const { event, window } = this;
    this.lastEventId = this.currentEventId();
    this.eventsBefore += this.eventsOfCurrentBlock();
    this.replayed.add(this.eventsBefore - this.eventsBeforeWindow);
    this.eventsBeforeWindow = this.eventsBefore;
    this.at = 0;
    this.blockStart = 0;
    this.blockEnd = 0;
    this.blockCount = 0;
    this.nextBlock = 0;
    this.window = NO_WINDOW;
    event.words = this.restingWords;
    event.base = 0;
    this.thread.release(window);
  }

  private takeFilled(): number {
    try {
      return this.thread.takeFilled();
    } catch (error) {
      if (error instanceof WalError) this.failure = error;
      throw error;
    }
  }

  private endOrThrow(): false {
    const error = this.thread.end?.error;
    if (error !== undefined) {
      this.failure = fromPlainError(error);
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
