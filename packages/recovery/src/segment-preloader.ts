import type { SegmentFile } from '@fswal/format';
import type { SpscRing } from '@fswal/ring';
import type { Counter } from '@fswal/telemetry';
import { monotonicUs } from './monotonic-us.js';
import { toPlainError } from './plain-error.js';
import {
  CAUGHT_UP,
  END,
  EXHAUSTED_WORDS,
  ExhaustedWord,
  FILLED_WORDS,
  FilledWord,
  type PlainEnd,
  type PreloaderMessage,
  SEEK,
  STOP,
} from './preloader-protocol.js';
import { eventsToDeliver, type ReplayWindow, type WindowContent } from './replay-window.js';
import type { SegmentReadAhead } from './segment-read-ahead.js';
import type { SegmentVerifiers, VerifiedSegment } from './segment-verifiers.js';
import { NOTHING_YET, PASSED_OVER, type SeekWord, type WindowSource } from './window-source.js';

const TWO_32 = 4_294_967_296;
const NO_CONTENT: WindowContent = {
  segmentIndex: -1,
  blocks: 0,
  tailEvents: 0,
  startBlock: 0,
  startEvent: 0,
};

/** How the preloader hands over what does not fit a record. */
export interface MessageSink {
  postMessage(message: PreloaderMessage): void;
}

/** What a preloader can do without. */
export interface PreloaderHelpers {
  /** Threads that read and verify into windows. */
  readonly verifiers?: SegmentVerifiers | undefined;
  /** Counts those that are handed over. */
  readonly events?: Pick<Counter, 'add'> | undefined;
  /** Has the device read a file. */
  readonly readAhead?: Pick<SegmentReadAhead, 'request'> | undefined;
}

/** Thrown from within a read that is not wanted any more: the replay was closed, or has gone elsewhere. */
export class Interrupted extends Error {}

/** Reads and verifies ahead of the replay: fills free windows and publishes them. An agent: whoever runs it waits. */
export class SegmentPreloader {
  readonly #source: WindowSource;
  readonly #windows: readonly ReplayWindow[];
  readonly #filled: SpscRing;
  readonly #exhausted: SpscRing;
  readonly #messages: MessageSink;
  /** Threads that read and verify into windows ahead of this one; undefined = it does so itself. */
  readonly #verifiers: SegmentVerifiers | undefined;
  readonly #events: PreloaderHelpers['events'];
  readonly #readAhead: PreloaderHelpers['readAhead'];
  /** Memory of each window when it was made, and as the replay thread knows it. */
  readonly #firstMemory: readonly SharedArrayBuffer[];
  readonly #toldMemory: SharedArrayBuffer[];
  readonly #free: number[];
  /** Windows that the verifiers have and the files for them, in the order of the segments. */
  readonly #assigned: { readonly window: number; readonly file: SegmentFile }[] = [];
  readonly #record = new Int32Array(FILLED_WORDS);
  readonly #returned = new Int32Array(EXHAUSTED_WORDS);
  #epoch = 0;
  #caughtUp = false;
  #ended = false;
  #stopped = false;

  /** `filled` has room for a record of each window and some more. */
  constructor(
    source: WindowSource,
    windows: readonly ReplayWindow[],
    filled: SpscRing,
    exhausted: SpscRing,
    messages: MessageSink,
    { verifiers, readAhead, events }: PreloaderHelpers = {},
  ) {
    this.#events = events;
    this.#verifiers = verifiers;
    this.#readAhead = readAhead;
    this.#source = source;
    this.#windows = windows;
    this.#filled = filled;
    this.#exhausted = exhausted;
    this.#messages = messages;
    this.#firstMemory = windows.map(({ buffer }) => buffer);
    this.#toldMemory = [...this.#firstMemory];
    this.#free = windows.map((_, index) => index).reverse();
  }

  /** Whether the replay thread has asked for the end. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** The seek that windows are filled for; 0 = none yet. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Whether there may be something to do though the replay thread hands nothing back: a log that grows. */
  get watches(): boolean {
    return !this.#ended && this.#free.length > 0;
  }

  /**
   * Takes back what is exhausted and fills one window.
   * @returns how much it did; 0 = nothing to do until the replay thread hands something back, or the log has grown
   */
  doWork(): number {
    let work = 0;
    while (this.#exhausted.pop(this.#returned)) {
      this.#take(this.#returned);
      work++;
    }
    if (this.#stopped || this.#ended) return work;
    this.#assign();
    const assigned = this.#assigned.shift();
    if (assigned !== undefined) return work + this.#fill(assigned.window, this.#takeVerified(assigned));
    const window = this.#free.pop();
    if (window === undefined) return work;
    work += this.#fill(window, undefined);
    // Before the next one is read.
    const afterNext = this.#source.ahead?.(1);
    if (afterNext !== undefined) this.#readAhead?.request(afterNext);
    return work;
  }

  /** Undefined as well where the source has listed its log anew, and another segment is next. */
  #takeVerified({ window, file }: { window: number; file: SegmentFile }): VerifiedSegment | undefined {
    const verified = this.#verifiers?.take(window);
    return this.#source.ahead?.(0)?.name === file.name ? verified : undefined;
  }

  /** Ends the verifiers, which are idle then or soon. */
  close(): void {
    this.#verifiers?.stop();
  }

  #assign(): void {
    if (this.#verifiers === undefined) return;
    for (;;) {
      // The verifiers know the memory that a window had at first.
      const at = this.#free.findIndex((window) => this.#windows[window].buffer === this.#firstMemory[window]);
      const file = at < 0 ? undefined : this.#source.ahead?.(this.#assigned.length);
      if (file === undefined) return;
      const [window] = this.#free.splice(at, 1);
      this.#verifiers.submit(window, file);
      this.#assigned.push({ window, file });
    }
  }

  #take(record: Int32Array): void {
    const window = record[ExhaustedWord.window];
    if (window === STOP) this.#stopped = true;
    else if (window === SEEK) this.#seek(record);
    else this.#free.push(window);
  }

  #seek(record: Int32Array): void {
    const low = BigInt(record[ExhaustedWord.valueLow] >>> 0);
    const high = BigInt(record[ExhaustedWord.valueHigh] >>> 0);
    for (const { window } of this.#assigned.splice(0)) {
      this.#verifiers?.take(window);
      this.#free.push(window);
    }
    this.#epoch = record[ExhaustedWord.epoch];
    this.#ended = false;
    this.#caughtUp = false;
    this.#source.seek({ word: record[ExhaustedWord.seekWord] as SeekWord, value: (high << 32n) | low });
  }

  #fill(index: number, verified: VerifiedSegment | undefined): number {
    const window = this.#windows[index];
    let content: ReturnType<WindowSource['readNext']>;
    try {
      content = this.#source.readNext(window, verified);
    } catch (error) {
      this.#free.push(index);
      // The record that says what is wanted instead is in the ring, or will be.
      if (error instanceof Interrupted) return 0;
      const nothing = { tail: null, tailRing: null, gaps: [], endEventId: 0n };
      this.#publishEnd({ ...nothing, error: toPlainError(error) });
      return 1;
    }
    if (typeof content !== 'object') {
      this.#free.push(index);
      return this.#publishNothing(content);
    }
    let messages = 0;
    if (window.buffer !== this.#toldMemory[index]) {
      this.#toldMemory[index] = window.buffer;
      this.#messages.postMessage({ kind: 'memory', window: index, buffer: window.buffer });
      messages = 1;
    }
    this.#publish(index, messages, content);
    return 1;
  }

  #publishNothing(nothing: typeof NOTHING_YET | typeof PASSED_OVER | undefined): number {
    if (nothing === PASSED_OVER) return 1;
    if (nothing === NOTHING_YET) return this.#publishCaughtUp();
    const { error, ...end } = this.#source.end;
    this.#publishEnd({ ...end, error: error === undefined ? undefined : toPlainError(error) });
    return 1;
  }

  #publishCaughtUp(): number {
    if (this.#caughtUp) return 0;
    this.#caughtUp = true;
    this.#publish(CAUGHT_UP, 0, NO_CONTENT);
    return 1;
  }

  #publishEnd(end: PlainEnd): void {
    this.#ended = true;
    this.#messages.postMessage({ kind: 'end', end });
    this.#publish(END, 1, NO_CONTENT);
  }

  #publish(window: number, messages: number, content: WindowContent): void {
    const record = this.#record;
    const { segments, bytes } = this.#source;
    record[FilledWord.window] = window;
    record[FilledWord.segmentIndex] = content.segmentIndex;
    record[FilledWord.blocks] = content.blocks;
    record[FilledWord.tailEvents] = content.tailEvents;
    record[FilledWord.startBlock] = content.startBlock;
    record[FilledWord.startEvent] = content.startEvent;
    record[FilledWord.messages] = messages;
    record[FilledWord.segments] = segments;
    record[FilledWord.bytesLow] = bytes % TWO_32;
    record[FilledWord.bytesHigh] = Math.floor(bytes / TWO_32);
    record[FilledWord.epoch] = this.#epoch;
    const events = window < 0 ? 0 : eventsToDeliver(this.#windows[window].words, content);
    const filledUs = monotonicUs();
    record[FilledWord.events] = events;
    record[FilledWord.filledLow] = filledUs % TWO_32;
    record[FilledWord.filledHigh] = Math.floor(filledUs / TWO_32);
    this.#events?.add(events);
    if (!this.#filled.push(record)) throw new Error('the ring of filled windows has less room than windows');
  }
}
