/*
 * A lifecycle. Sequence and values: written by the one thread that records, read by any (sequence.ts).
 */

import { LINE_VALUES, LINE_WORDS, SEQUENCE_WORD, ValueIndex } from './layout.js';
import { readConsistent } from './sequence.js';
import { STORES_IN_ORDER } from './store-order.js';

/** Nanoseconds; zeros where nothing was recorded. */
export interface LifecycleSnapshot {
  readonly loops: number;
  readonly active: number;
  readonly idle: number;
}

const { loops: LOOPS, active: ACTIVE, idle: IDLE } = ValueIndex;

/**
 * The turns of an agent's loop, which works, `active(ns)`, and then waits if there was nothing to do, `idle(ns)`.
 * A wait is known when it is over.
 */
export class Lifecycle {
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
   * One more turn, and how long it worked. Allocates nothing. From one thread only.
   * @param ns negative, as from a clock that was set back, or NaN counts as 0
   */
  active(ns: number): void {
    let taken = 0;
    if (ns > 0) taken = ns;
    const words = this.#words;
    const values = this.#values;
    const sequence = this.#sequence;
    const base = this.#base;
    const odd = (words[sequence] + 1) | 0;
    if (STORES_IN_ORDER) words[sequence] = odd;
    else Atomics.exchange(words, sequence, odd);
    values[base + LOOPS]++;
    values[base + ACTIVE] += taken;
    if (STORES_IN_ORDER) words[sequence] = (odd + 1) | 0;
    else Atomics.store(words, sequence, (odd + 1) | 0);
  }

  /**
   * How long the turn waited. Allocates nothing. From the same thread only.
   * @param ns negative, as from a clock that was set back, or NaN counts as 0
   */
  idle(ns: number): void {
    let taken = 0;
    if (ns > 0) taken = ns;
    const words = this.#words;
    const sequence = this.#sequence;
    const odd = (words[sequence] + 1) | 0;
    if (STORES_IN_ORDER) words[sequence] = odd;
    else Atomics.exchange(words, sequence, odd);
    this.#values[this.#base + IDLE] += taken;
    if (STORES_IN_ORDER) words[sequence] = (odd + 1) | 0;
    else Atomics.store(words, sequence, (odd + 1) | 0);
  }

  /** From any thread. */
  read(): LifecycleSnapshot {
    const into = new Float64Array(IDLE - LOOPS + 1);
    readConsistent(this.#words, this.#sequence, this.#values, this.#base + LOOPS, into);
    return { loops: into[0], active: into[ACTIVE - LOOPS], idle: into[IDLE - LOOPS] };
  }
}
