/*
 * An operation. Sequence and values: written by the one thread that records, read by any (sequence.ts).
 */

import type { DurationSnapshot } from './duration.js';
import { LINE_VALUES, LINE_WORDS, SEQUENCE_WORD, ValueIndex } from './layout.js';
import { readConsistent } from './sequence.js';
import { STORES_IN_ORDER } from './store-order.js';

/** Nanoseconds of the operations that succeeded, and how many failed; zeros where nothing was recorded. */
export interface OperationSnapshot extends DurationSnapshot {
  readonly failures: number;
}

const { count: COUNT, sum: SUM, min: MIN, max: MAX, failures: FAILURES } = ValueIndex;

/**
 * How often something was done and how long it took, and how often it failed. Failures are in none of the durations:
 * what is refused at once, or given up after a timeout, says nothing of how long the work takes.
 */
export class Operation {
  readonly #words: Int32Array;
  readonly #values: Float64Array;
  readonly #sequence: number;
  readonly #base: number;

  /** @param line index of its line in the buffer */
  constructor(words: Int32Array, values: Float64Array, line: number) {
    this.#words = words;
    this.#values = values;
    this.#sequence = line * LINE_WORDS + SEQUENCE_WORD;
    this.#base = line * LINE_VALUES;
  }

  /**
   * It succeeded. Allocates nothing. From one thread only.
   * @param ns negative, as from a clock that was set back, or NaN counts as 0
   */
  record(ns: number): void {
    let taken = 0;
    if (ns > 0) taken = ns;
    const words = this.#words;
    const values = this.#values;
    const sequence = this.#sequence;
    const base = this.#base;
    const odd = (words[sequence] + 1) | 0;
    if (STORES_IN_ORDER) words[sequence] = odd;
    else Atomics.exchange(words, sequence, odd);
    const count = values[base + COUNT];
    values[base + COUNT] = count + 1;
    values[base + SUM] += taken;
    if (count === 0 || taken < values[base + MIN]) values[base + MIN] = taken;
    if (taken > values[base + MAX]) values[base + MAX] = taken;
    if (STORES_IN_ORDER) words[sequence] = (odd + 1) | 0;
    else Atomics.store(words, sequence, (odd + 1) | 0);
  }

  /** It failed. Allocates nothing. From the same thread only. */
  fail(): void {
    const words = this.#words;
    const sequence = this.#sequence;
    const odd = (words[sequence] + 1) | 0;
    if (STORES_IN_ORDER) words[sequence] = odd;
    else Atomics.exchange(words, sequence, odd);
    this.#values[this.#base + FAILURES]++;
    if (STORES_IN_ORDER) words[sequence] = (odd + 1) | 0;
    else Atomics.store(words, sequence, (odd + 1) | 0);
  }

  /** From any thread. */
  read(): OperationSnapshot {
    const into = new Float64Array(FAILURES - COUNT + 1);
    readConsistent(this.#words, this.#sequence, this.#values, this.#base + COUNT, into);
    return {
      count: into[0],
      sum: into[SUM - COUNT],
      min: into[MIN - COUNT],
      max: into[MAX - COUNT],
      failures: into[FAILURES - COUNT],
    };
  }
}
