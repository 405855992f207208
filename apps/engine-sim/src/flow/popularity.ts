import type { InstrumentsProfile } from './flow-profile.js';
import type { Xoshiro128 } from './xoshiro128.js';

const TWO_32 = 4_294_967_296;

/**
 * Which instrument the next request is for, by Zipf's law: instrument k as often as 1 / (k + 1)^skew says. Drawn in
 * constant time by Walker's alias method: each of `count` equally likely cells has room for two instruments.
 */
export class Popularity {
  readonly #random: Xoshiro128;
  readonly #count: number;
  /** The part of a cell, in 2^32nds, that is its own instrument's; the rest is its alias's. */
  readonly #own: Float64Array;
  readonly #alias: Int32Array;

  constructor({ count, skew }: InstrumentsProfile, random: Xoshiro128) {
    this.#random = random;
    this.#count = count;
    this.#own = new Float64Array(count).fill(TWO_32);
    this.#alias = Int32Array.from({ length: count }, (_, i) => i);
    const weights = Array.from({ length: count }, (_, i) => (i + 1) ** -skew);
    this.#fillCells(weights);
  }

  next(): number {
    if (this.#count === 1) return 0;
    const cell = this.#random.below(this.#count);
    return this.#random.next() >>> 0 < this.#own[cell] ? cell : this.#alias[cell];
  }

  /** Vose's way: what a cell lacks is filled from one that has too much, until none lacks anything. */
  #fillCells(weights: readonly number[]): void {
    const sum = weights.reduce((a, b) => a + b, 0);
    const parts = weights.map((weight) => (weight * weights.length) / sum);
    const small = parts.flatMap((part, i) => (part < 1 ? [i] : []));
    const large = parts.flatMap((part, i) => (part < 1 ? [] : [i]));
    while (small.length > 0 && large.length > 0) {
      const poor = small.pop()!;
      const rich = large[large.length - 1];
      this.#own[poor] = parts[poor] * TWO_32;
      this.#alias[poor] = rich;
      parts[rich] -= 1 - parts[poor];
      if (parts[rich] < 1) small.push(large.pop()!);
    }
  }
}
