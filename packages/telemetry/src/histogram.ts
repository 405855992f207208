/*
 * A latency histogram that can be read exactly, however fast it is written.
 *
 * Its thousands of buckets take microseconds to copy, and a busy writer leaves no such pause. So there are two halves,
 * and what was recorded is their sum. The writer records into half (epoch & 1). A reader
 *
 *   1. moves the epoch on, which sends the writer to the other half, and waits for the record that may be under way;
 *   2. copies the half that the writer has left, which nobody stores to;
 *   3. moves the epoch on again, and copies the other half likewise;
 *   4. keeps the sum only if the epoch is still its own.
 *
 * The sum is what was recorded up to step 3, exactly. The writer never waits; a reader that is disturbed by another
 * one, or that is terminated, holds nobody up. Worker.terminate() stops a thread only where it calls something, and
 * where stores are in order the writer calls nothing from the moment its record is under way until it is done. On
 * other processors it does, and a writer terminated right there leaves a metric that cannot be read.
 *
 * sequence: written by the one thread that records (odd = in a record), read by readers.
 * epoch: written by readers, through compareExchange; read by the writer, who may see it late only inside the record
 * that the reader waits for.
 * halves: written by the writer alone.
 */

import { bucketIndex } from './buckets.js';
import { type HistogramSnapshot, makeSnapshot } from './histogram-snapshot.js';
import {
  BUCKETS,
  EPOCH_WORD,
  HALF_LINES,
  HALVES_LINE,
  HalfIndex,
  LINE_VALUES,
  LINE_WORDS,
  SEQUENCE_WORD,
} from './layout.js';
import { pause } from './pause.js';
import { STORES_IN_ORDER } from './store-order.js';

const { count: COUNT, sum: SUM, min: MIN, max: MAX, buckets: FIRST_BUCKET } = HalfIndex;
const HALF_VALUES = FIRST_BUCKET + BUCKETS;
const HALF_STRIDE = HALF_LINES * LINE_VALUES;

/** A distribution of durations from 1 ns to 60 s, in memory of a fixed size. */
export class Histogram {
  readonly #words: Int32Array;
  readonly #values: Float64Array;
  readonly #sequence: number;
  readonly #epoch: number;
  readonly #halves: number;

  /** @param line index of its first line in the buffer */
  constructor(words: Int32Array, values: Float64Array, line: number) {
    this.#words = words;
    this.#values = values;
    this.#sequence = line * LINE_WORDS + SEQUENCE_WORD;
    this.#epoch = line * LINE_WORDS + EPOCH_WORD;
    this.#halves = (line + HALVES_LINE) * LINE_VALUES;
  }

  /**
   * Allocates nothing. From one thread only.
   * @param ns negative, as from a clock that was set back, or NaN counts as 0; beyond 68 s, percentiles know it as `max`
   */
  record(ns: number): void {
    let taken = 0;
    if (ns > 0) taken = ns;
    const bucket = FIRST_BUCKET + bucketIndex(taken);
    const words = this.#words;
    const values = this.#values;
    const sequence = this.#sequence;
    const odd = (words[sequence] + 1) | 0;
    // Must be visible before the epoch is read: pairs with the reader, who moves the epoch and then reads this word.
    // Where stores are in order the exchange is a full barrier, and a plain load stays after it.
    Atomics.exchange(words, sequence, odd);
    const epoch = STORES_IN_ORDER ? words[this.#epoch] : Atomics.load(words, this.#epoch);
    const half = this.#halves + (epoch & 1) * HALF_STRIDE;
    const count = values[half + COUNT];
    values[half + COUNT] = count + 1;
    values[half + SUM] += taken;
    if (count === 0 || taken < values[half + MIN]) values[half + MIN] = taken;
    if (taken > values[half + MAX]) values[half + MAX] = taken;
    values[half + bucket]++;
    // Publishes the record.
    if (STORES_IN_ORDER) words[sequence] = (odd + 1) | 0;
    else Atomics.store(words, sequence, (odd + 1) | 0);
  }

  /** From any thread. Takes tens of microseconds. @throws Error where the writer stands still inside a record */
  read(): HistogramSnapshot {
    const first = new Float64Array(HALF_VALUES);
    const second = new Float64Array(HALF_VALUES);
    for (let attempt = 0; ; attempt++) {
      if (this.#copyHalves(first, second)) return sum(first, second);
      pause(attempt);
    }
  }

  /** False where another reader interfered. */
  #copyHalves(first: Float64Array, second: Float64Array): boolean {
    const words = this.#words;
    const epoch = Atomics.load(words, this.#epoch);
    if (!this.#moveEpoch(epoch)) return false;
    this.#copyHalf(epoch & 1, first);
    // That it was still ours says that the first half was left alone up to here.
    if (!this.#moveEpoch(epoch + 1)) return false;
    this.#copyHalf((epoch + 1) & 1, second);
    const last = (epoch + 2) | 0;
    return Atomics.compareExchange(words, this.#epoch, last, last) === last;
  }

  /** Sends the writer to the other half and waits until it has left this one. False where the epoch is another. */
  #moveEpoch(epoch: number): boolean {
    const words = this.#words;
    const from = epoch | 0;
    if (Atomics.compareExchange(words, this.#epoch, from, (epoch + 1) | 0) !== from) return false;
    // A record that begins after this load finds the new epoch; one under way may have found the old one.
    const underWay = Atomics.load(words, this.#sequence);
    if ((underWay & 1) === 0) return true;
    for (let attempt = 0; Atomics.load(words, this.#sequence) === underWay; attempt++) pause(attempt);
    return true;
  }

  #copyHalf(half: number, into: Float64Array): void {
    const start = this.#halves + half * HALF_STRIDE;
    for (let i = 0; i < into.length; i++) into[i] = this.#values[start + i];
  }
}

function sum(a: Float64Array, b: Float64Array): HistogramSnapshot {
  const counts = new Float64Array(BUCKETS);
  for (let i = 0; i < BUCKETS; i++) counts[i] = a[FIRST_BUCKET + i] + b[FIRST_BUCKET + i];
  const min = a[COUNT] === 0 ? b[MIN] : b[COUNT] === 0 ? a[MIN] : Math.min(a[MIN], b[MIN]);
  const max = Math.max(a[MAX], b[MAX]);
  return makeSnapshot({ count: a[COUNT] + b[COUNT], sum: a[SUM] + b[SUM], min, max }, counts);
}
