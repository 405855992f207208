import type { SpscRing } from '@fswal/ring';
import type { LogReader } from './log-reader.js';
import { toPlainError } from './plain-error.js';
import {
  END,
  EXHAUSTED_WORDS,
  FILLED_WORDS,
  FilledWord,
  type PlainEnd,
  type PreloaderMessage,
  STOP,
} from './preloader-protocol.js';
import type { ReplayWindow, WindowContent } from './replay-window.js';

const TWO_32 = 4_294_967_296;

/** How the preloader hands over what does not fit a record. */
export interface MessageSink {
  postMessage(message: PreloaderMessage): void;
}

/** Reads and verifies ahead of the replay: fills free windows and publishes them. An agent: whoever runs it waits. */
export class SegmentPreloader {
  readonly #reader: LogReader;
  readonly #windows: readonly ReplayWindow[];
  readonly #filled: SpscRing;
  readonly #exhausted: SpscRing;
  readonly #messages: MessageSink;
  readonly #free: number[];
  readonly #record = new Int32Array(FILLED_WORDS);
  readonly #returned = new Int32Array(EXHAUSTED_WORDS);
  #ended = false;
  #stopped = false;

  /** `filled` has room for a record of each window and one more. */
  constructor(
    reader: LogReader,
    windows: readonly ReplayWindow[],
    filled: SpscRing,
    exhausted: SpscRing,
    messages: MessageSink,
  ) {
    this.#reader = reader;
    this.#windows = windows;
    this.#filled = filled;
    this.#exhausted = exhausted;
    this.#messages = messages;
    this.#free = windows.map((_, index) => index).reverse();
  }

  /** Whether the replay thread has asked for the end. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /**
   * Takes back what is exhausted and fills one window.
   * @returns how much it did; 0 = nothing to do until the replay thread hands something back
   */
  doWork(): number {
    let work = 0;
    while (this.#exhausted.pop(this.#returned)) {
      if (this.#returned[0] === STOP) this.#stopped = true;
      else this.#free.push(this.#returned[0]);
      work++;
    }
    const window = this.#free.at(-1);
    if (this.#stopped || this.#ended || window === undefined) return work;
    this.#fill(window);
    return work + 1;
  }

  #fill(index: number): void {
    const window = this.#windows[index];
    const { buffer } = window;
    let content: WindowContent | undefined;
    try {
      content = this.#reader.readNext(window);
    } catch (error) {
      this.#publishEnd({ error: toPlainError(error), tail: null, tailRing: null, endEventId: 0n });
      return;
    }
    if (content === undefined) {
      const { error, ...end } = this.#reader.end;
      this.#publishEnd({ ...end, error: error === undefined ? undefined : toPlainError(error) });
      return;
    }
    this.#free.pop();
    let messages = 0;
    if (window.buffer !== buffer) {
      this.#messages.postMessage({ kind: 'memory', window: index, buffer: window.buffer });
      messages = 1;
    }
    this.#publish(index, messages, content);
  }

  #publishEnd(end: PlainEnd): void {
    this.#ended = true;
    this.#messages.postMessage({ kind: 'end', end });
    this.#publish(END, 1, { segmentIndex: -1, blocks: 0, tailEvents: 0, startBlock: 0, startEvent: 0 });
  }

  #publish(window: number, messages: number, content: WindowContent): void {
    const record = this.#record;
    const { segments, bytes } = this.#reader;
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
    if (!this.#filled.push(record)) throw new Error('the ring of filled windows has less room than windows');
  }
}
