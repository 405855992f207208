// The words in a mapped file over which a parent starts races between long-lived processes, and hears how they went.
//
// The parent stores `level` and `racers` before `round`, and `release` when all of the round's racers have answered.
// Racer n alone stores its words: `answer` after the race, `released` after it has let go.

import { loadProvider } from '@fswal/mmap';

const LINE = 16;
export const RACERS = 8;
export const Level = { lock: 0, recorder: 1 };
export const Answer = { none: 0, won: 1, locked: 2, other: 3 };
const BYTES = 4096;

export class RaceWords {
  #words;

  constructor(buffer) {
    this.#words = new Int32Array(buffer);
  }
  static create(file) {
    return new RaceWords(loadProvider().createMapped(file, BYTES).buffer);
  }
  static open(file) {
    return new RaceWords(loadProvider().openMapped(file).buffer);
  }

  get round() {
    return Atomics.load(this.#words, 0);
  }
  get level() {
    return Atomics.load(this.#words, LINE);
  }
  get racers() {
    return Atomics.load(this.#words, 2 * LINE);
  }
  /** The last round that is over. */
  get release() {
    return Atomics.load(this.#words, 3 * LINE);
  }
  set release(round) {
    Atomics.store(this.#words, 3 * LINE, round);
  }

  start(round, level, racers) {
    Atomics.store(this.#words, LINE, level);
    Atomics.store(this.#words, 2 * LINE, racers);
    Atomics.store(this.#words, 0, round);
  }

  /** How a racer's round went; none until it has. */
  answer(racer, round) {
    const word = Atomics.load(this.#words, (4 + 2 * racer) * LINE);
    return word >> 2 === round ? word & 3 : Answer.none;
  }
  setAnswer(racer, round, answer) {
    Atomics.store(this.#words, (4 + 2 * racer) * LINE, (round << 2) | answer);
  }

  /** The last round whose lock a racer has let go, or never had. */
  released(racer) {
    return Atomics.load(this.#words, (5 + 2 * racer) * LINE);
  }
  setReleased(racer, round) {
    Atomics.store(this.#words, (5 + 2 * racer) * LINE, round);
  }
}
