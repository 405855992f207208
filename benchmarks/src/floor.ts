import { EVENT_WORDS } from '@fswal/format';

// A constant of this module: V8 folds those, but loads an imported one anew at each use.
const STRIDE_WORDS = EVENT_WORDS;

/** The least that any log has to do: 16 stores an event, round and round in touched memory of the ring's size. */
export class Floor {
  readonly #words: Int32Array;
  #at = 0;

  constructor(ringEvents: number) {
    this.#words = new Int32Array(ringEvents * EVENT_WORDS).fill(1);
  }

  store(count: number): void {
    const words = this.#words;
    let at = this.#at;
    for (let i = 0; i < count; i++) at = storeEvent(words, at, i);
    this.#at = at;
  }

  /** Stores an event after each stamp but the last, and stamps it. @see TailCase.burst */
  burst(stamps: BigInt64Array): void {
    const words = this.#words;
    let at = this.#at;
    stamps[0] = process.hrtime.bigint();
    for (let i = 1; i < stamps.length; i++) {
      at = storeEvent(words, at, i);
      stamps[i] = process.hrtime.bigint();
    }
    this.#at = at;
  }

  storeOne(value: number): void {
    this.#at = storeEvent(this.#words, this.#at, value);
  }
}

/** @returns where the next event goes */
function storeEvent(words: Int32Array, from: number, value: number): number {
  const at = from === words.length ? 0 : from;
  words[at] = value;
  words[at + 1] = 0;
  words[at + 2] = 2;
  words[at + 3] = 3;
  words[at + 4] = value;
  words[at + 5] = 5;
  words[at + 6] = 6;
  words[at + 7] = 7;
  words[at + 8] = 8;
  words[at + 9] = 9;
  words[at + 10] = 10;
  words[at + 11] = 11;
  words[at + 12] = 12;
  words[at + 13] = 13;
  words[at + 14] = 14;
  words[at + 15] = 15;
  return at + STRIDE_WORDS;
}
