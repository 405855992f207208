/*
 * A gauge. Sequence and value: written by the one thread that sets it, read by any (sequence.ts).
 */

import { LINE_VALUES, LINE_WORDS, SEQUENCE_WORD, ValueIndex } from './layout.js';
import { readConsistent } from './sequence.js';
import { STORES_IN_ORDER } from './store-order.js';

/** A value that is as it was set last. 0 at first. */
export class Gauge {
  readonly #words: Int32Array;
  readonly #values: Float64Array;
  readonly #sequence: number;
  readonly #value: number;

  /** @param line index of its line in the buffer */
  constructor(words: Int32Array, values: Float64Array, line: number) {
    this.#words = words;
    this.#values = values;
    this.#sequence = line * LINE_WORDS + SEQUENCE_WORD;
    this.#value = line * LINE_VALUES + ValueIndex.value;
  }

  /** Allocates nothing. From one thread only. */
  set(value: number): void {
    const words = this.#words;
    const sequence = this.#sequence;
    const odd = (words[sequence] + 1) | 0;
    if (STORES_IN_ORDER) words[sequence] = odd;
    else Atomics.exchange(words, sequence, odd);
    this.#values[this.#value] = value;
    if (STORES_IN_ORDER) words[sequence] = (odd + 1) | 0;
    else Atomics.store(words, sequence, (odd + 1) | 0);
  }

  /** From any thread. */
  read(): number {
    const into = new Float64Array(1);
    readConsistent(this.#words, this.#sequence, this.#values, this.#value, into);
    return into[0];
  }
}
