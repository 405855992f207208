import { BUCKETS, OCTAVE_BUCKETS, OCTAVES } from './layout.js';

/*
 * The bucket of a number n >= 1 is read off the double itself: the exponent says which power of two, the first bits
 * of the fraction which of its linear parts.
 *
 *   high word of a double:   sign (1) | exponent (11) | fraction, its first 20 bits
 *                            \______________________/\_____/
 *                                    octave            part
 */
const PART_BITS = Math.log2(OCTAVE_BUCKETS);
const PART_SHIFT = 20 - PART_BITS;
/** What the shifted high word of 1.0 is, less one for the bucket below. */
const BIAS = 1023 * OCTAVE_BUCKETS - 1;
const LIMIT_NS = 2 ** OCTAVES;

const scratch = new Float64Array(1);
const scratchWords = new Int32Array(scratch.buffer);
/** Little-endian machines have the high word second. */
const HIGH_WORD = new Int32Array(new Float64Array([1]).buffer)[1] === 0 ? 0 : 1;

/** The index of the bucket for a duration of `ns` >= 0. Allocates nothing. */
export function bucketIndex(ns: number): number {
  if (ns < 1) return 0;
  if (ns >= LIMIT_NS) return BUCKETS - 1;
  scratch[0] = ns;
  return (scratchWords[HIGH_WORD] >>> PART_SHIFT) - BIAS;
}

/**
 * The whole number of ns that stands for a bucket: the middle, rounded down, which is exact for whole numbers below
 * 128 and within 0.8 % above. Infinity for the last bucket.
 */
export function bucketValue(index: number): number {
  if (index === 0) return 0;
  if (index >= BUCKETS - 1) return Number.POSITIVE_INFINITY;
  const octave = Math.floor((index - 1) / OCTAVE_BUCKETS);
  const part = (index - 1) % OCTAVE_BUCKETS;
  return Math.floor(2 ** octave * (1 + (part + 0.5) / OCTAVE_BUCKETS));
}
