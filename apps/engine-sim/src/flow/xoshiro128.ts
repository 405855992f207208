const TWO_32 = 4_294_967_296;

/** Streams beside the main one: what is drawn from one of them changes nothing that is drawn from another. */
export const ARRIVALS_STREAM = 1;
export const INSTRUMENTS_STREAM = 2;

/** xoshiro128** 1.1 (Blackman, Vigna): 32 random bits a draw, period 2^128 - 1, from a 32-bit seed. */
export class Xoshiro128 {
  #s0: number;
  #s1: number;
  #s2: number;
  #s3: number;

  /**
   * @param seed any whole number up to 2^53; all of it counts
   * @param stream another number gives another sequence for the same seed
   */
  constructor(seed: number, stream = 0) {
    // splitmix32 spreads the seed over the state, which must not be all zero.
    let state = seed | 0;
    const high = Math.floor(seed / TWO_32) ^ Math.imul(stream, 0x85ebca6b);
    const next = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let z = state ^ high;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return z ^ (z >>> 15);
    };
    this.#s0 = next();
    this.#s1 = next();
    this.#s2 = next();
    this.#s3 = next() | 1;
  }

  /** The next 32 bits, as an int32. */
  next(): number {
    const s1 = this.#s1;
    const x = Math.imul(s1, 5);
    const result = Math.imul((x << 7) | (x >>> 25), 9);
    this.#s2 ^= this.#s0;
    this.#s3 ^= s1;
    this.#s1 = s1 ^ this.#s2;
    this.#s0 ^= this.#s3;
    this.#s2 ^= s1 << 9;
    this.#s3 = (this.#s3 << 11) | (this.#s3 >>> 21);
    return result;
  }

  /** A whole number from 0 to `bound` - 1; `bound` at most 2^31. */
  below(bound: number): number {
    return Math.floor(((this.next() >>> 0) / TWO_32) * bound);
  }

  /** A number between 0 and 1, neither of them included. */
  fraction(): number {
    return ((this.next() >>> 0) + 0.5) / TWO_32;
  }
}
