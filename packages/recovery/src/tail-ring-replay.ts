import {
  BLOCK_BYTES,
  BLOCK_HEADER_WORDS,
  EVENT_WORDS,
  idAt,
  SEGMENT_HEADER_BYTES,
  type TailRingRun,
} from '@fswal/format';
import {
  blockWord,
  eventWord,
  type ReplayWindow,
  setEventsOfBlock,
  type WindowContent,
} from './replay-window.js';
import type { SeekTarget } from './window-source.js';

/** Hands out the events of a tail ring window by window, a block for each run. */
export class TailRingReplay {
  readonly #words: Int32Array;
  readonly #runs: readonly TailRingRun[];
  #next = 0;
  /** Events of the first run to leave out: they are below the event that the replay begins at. */
  #skip = 0;

  /** @param from where to begin; undefined = at the first event */
  constructor(words: Int32Array, runs: readonly TailRingRun[], from: SeekTarget | undefined) {
    this.#words = words;
    this.#runs = runs;
    if (from === undefined) return;
    while (this.#next < runs.length && this.#isBelow(runs[this.#next].count - 1, from)) this.#next++;
    if (this.#next === runs.length) return;
    while (this.#isBelow(this.#skip, from)) this.#skip++;
  }

  /** Fills the window with the next runs, or returns undefined where there are none left. */
  fill(window: ReplayWindow): WindowContent | undefined {
    const room = Math.floor((window.bytes.length - SEGMENT_HEADER_BYTES) / BLOCK_BYTES);
    let blocks = 0;
    while (blocks < room && this.#next < this.#runs.length) {
      this.#copyRun(this.#runs[this.#next++], window.words, blocks++);
      this.#skip = 0;
    }
    if (blocks === 0) return undefined;
    return { segmentIndex: -1, blocks, tailEvents: 0, startBlock: 0, startEvent: 0 };
  }

  #copyRun(run: TailRingRun, into: Int32Array, block: number): void {
    const from = run.wordIndex + this.#skip * EVENT_WORDS;
    const count = run.count - this.#skip;
    into.fill(0, blockWord(block), blockWord(block) + BLOCK_HEADER_WORDS);
    into.set(this.#words.subarray(from, from + count * EVENT_WORDS), eventWord(block, 0));
    setEventsOfBlock(into, block, count);
  }

  #isBelow(event: number, { word, value }: SeekTarget): boolean {
    return idAt(this.#words, this.#runs[this.#next].wordIndex + event * EVENT_WORDS + word) < value;
  }
}
