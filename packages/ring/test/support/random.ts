/** A seeded generator (mulberry32): `below(n)` is a whole number from 0 to n - 1. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  below(n: number): number {
    this.#state = (this.#state + 0x6d2b_79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n);
  }
}

/** The seed of this run: FSWAL_SEED, or the time. */
export function newSeed(): number {
  return Number(process.env.FSWAL_SEED ?? Date.now() % 2 ** 31);
}
