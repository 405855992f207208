// How far a recording process has come, in a small mapped file of its own: what it stored there outlives it.
//
// The child alone writes, and each word only after what it tells has happened: `returned` lags behind the last append
// that has returned by one at most. The parent sees a past state, and the last one as soon as the child is dead.

import { loadProvider } from '@fswal/mmap';

// In 8-byte words, each on a cache line of its own.
const Word = { phase: 0, base: 8, returned: 16, durable: 24, held: 32 };
const BYTES = 4096;

export const Phase = { opening: 0, recording: 1, done: 2 };

export class Marks {
  #words;

  constructor(buffer) {
    this.#words = new Float64Array(buffer);
  }

  /** The parent's side: a new file. */
  static create(file) {
    return new Marks(loadProvider().createMapped(file, BYTES).buffer);
  }

  /** The child's side. */
  static open(file) {
    return new Marks(loadProvider().openMapped(file).buffer);
  }

  get phase() {
    return this.#words[Word.phase];
  }
  set phase(phase) {
    this.#words[Word.phase] = phase;
  }

  /** The last event of the log when the process opened it. Not before phase recording. */
  get base() {
    return this.#words[Word.base];
  }
  set base(id) {
    this.#words[Word.base] = id;
  }

  /** R: the last event whose append has returned. */
  get returned() {
    return this.#words[Word.returned];
  }
  set returned(id) {
    this.#words[Word.returned] = id;
  }

  /** The event that a reader of the child stands at, so that its segment may not be retired; 0 = none. */
  get held() {
    return this.#words[Word.held];
  }
  set held(id) {
    this.#words[Word.held] = id;
  }

  /** D: the last event that was said to be durable. */
  get durable() {
    return this.#words[Word.durable];
  }
  set durable(id) {
    this.#words[Word.durable] = id;
  }
}
