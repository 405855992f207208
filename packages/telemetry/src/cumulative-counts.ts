import type { HistogramSnapshot } from './histogram-snapshot.js';

const MAX_BOUND_NS = 60e9;

/** 1, 2 and 5 of each power of ten, in ns: what people set limits at. */
const BOUNDS_NS = boundsNs();

function boundsNs(): number[] {
  const bounds: number[] = [];
  for (let power = 1; power < MAX_BOUND_NS; power *= 10) bounds.push(power, 2 * power, 5 * power);
  return bounds.filter((ns) => ns <= MAX_BOUND_NS);
}

/**
 * How many of a histogram are at most so long, for a few durations and for Infinity. A duration within 0.8 % of a
 * bound may be counted on its other side, as the histogram knows it no better; exact below 128 ns.
 */
export function cumulativeCounts({ count, buckets }: HistogramSnapshot): [ns: number, count: number][] {
  const counts: [number, number][] = [];
  let below = 0;
  let next = 0;
  for (const bound of BOUNDS_NS) {
    for (; next < buckets.length && buckets[next][0] <= bound; next++) below += buckets[next][1];
    counts.push([bound, below]);
  }
  counts.push([Number.POSITIVE_INFINITY, count]);
  return counts;
}
