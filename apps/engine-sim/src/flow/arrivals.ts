import type { ArrivalsProfile } from './flow-profile.js';
import { ARRIVALS_STREAM, Xoshiro128 } from './xoshiro128.js';

const NS_PER_SECOND = 1e9;
const NS_PER_MS = 1e6;
/** Mean time between requests is half of this where they come as fast as they are taken. A power of two. */
const FREE_GAP_NS = 2048;

/** When requests come. */
export interface Arrivals {
  /**
   * Nanoseconds from one request to the next; fractions, too.
   * @param bits 12 random bits of the request, for who has no randomness of its own
   */
  nextGapNs(bits: number): number;
}

/** What an arrival process draws comes from a stream of its own: it does not change what is asked, only when. */
export function createArrivals(profile: ArrivalsProfile, seed: number): Arrivals {
  switch (profile.kind) {
    case 'max':
      return new FreeArrivals();
    case 'fixed':
      return new FixedArrivals(profile.rate);
    case 'poisson':
      return new PoissonArrivals(profile.rate, new Xoshiro128(seed, ARRIVALS_STREAM));
    case 'hawkes':
      return new HawkesArrivals(profile, new Xoshiro128(seed, ARRIVALS_STREAM));
  }
}

/** Nobody waits for these; the clock goes on by 1 to 2,048 ns a request, so that timestamps differ. */
class FreeArrivals implements Arrivals {
  nextGapNs(bits: number): number {
    return 1 + (bits & (FREE_GAP_NS - 1));
  }
}

class FixedArrivals implements Arrivals {
  readonly #gapNs: number;

  constructor(rate: number) {
    this.#gapNs = NS_PER_SECOND / rate;
  }

  nextGapNs(): number {
    return this.#gapNs;
  }
}

class PoissonArrivals implements Arrivals {
  readonly #meanNs: number;
  readonly #random: Xoshiro128;

  constructor(rate: number, random: Xoshiro128) {
    this.#meanNs = NS_PER_SECOND / rate;
    this.#random = random;
  }

  nextGapNs(): number {
    return -Math.log(this.#random.fraction()) * this.#meanNs;
  }
}

/**
 * A Hawkes process with an exponential kernel: each request raises the intensity, which then decays, so requests come
 * in bursts. Simulated exactly: the next request is the earlier one of the next by the base intensity, which is
 * constant, and the next by the excess, whose integral can be inverted (Dassios and Zhao, 2013); nothing is rejected.
 */
class HawkesArrivals implements Arrivals {
  /** Requests a nanosecond that no other has caused. */
  readonly #base: number;
  /** What of the excess decays in a nanosecond. */
  readonly #decay: number;
  /** What a request adds to the excess. */
  readonly #jump: number;
  /** Intensity above the base just after the last request. */
  #excess: number;
  readonly #random: Xoshiro128;

  constructor({ rate, branching, decayMs }: ArrivalsProfile & { kind: 'hawkes' }, random: Xoshiro128) {
    const mean = rate / NS_PER_SECOND;
    this.#base = mean * (1 - branching);
    this.#decay = 1 / (decayMs * NS_PER_MS);
    this.#jump = branching * this.#decay;
    this.#excess = mean * branching;
    this.#random = random;
  }

  nextGapNs(): number {
    const random = this.#random;
    let gap = -Math.log(random.fraction()) / this.#base;
    // The excess may run out before it causes anything: there is no such time then.
    const left = 1 + (this.#decay * Math.log(random.fraction())) / this.#excess;
    if (left > 0) gap = Math.min(gap, -Math.log(left) / this.#decay);
    this.#excess = this.#excess * Math.exp(-this.#decay * gap) + this.#jump;
    return gap;
  }
}
