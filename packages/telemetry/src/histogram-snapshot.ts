import { bucketValue } from './buckets.js';

/** Nanoseconds, as plain data; zeros where nothing was recorded. Percentiles are within 1 % from 1 ns to 60 s. */
export interface HistogramSnapshot {
  readonly count: number;
  readonly sum: number;
  /** Exact, as are `max` and `mean`. */
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly p9999: number;
  /** The buckets that hold something, rising: the duration each stands for, and how many it holds. */
  readonly buckets: readonly (readonly [ns: number, count: number])[];
}

/** What `percentile` needs of a snapshot. */
export type Distribution = Pick<HistogramSnapshot, 'count' | 'min' | 'max' | 'buckets'>;

/** @param counts of all buckets */
export function makeSnapshot(
  totals: { count: number; sum: number; min: number; max: number },
  counts: Float64Array,
): HistogramSnapshot {
  const { count, sum, min, max } = totals;
  const buckets: [number, number][] = [];
  for (let i = 0; i < counts.length; i++) {
    // What lies beyond the buckets is at most the longest.
    if (counts[i] > 0) buckets.push([Math.min(bucketValue(i), max), counts[i]]);
  }
  const distribution = { count, min, max, buckets };
  return {
    count,
    sum,
    min,
    max,
    mean: count === 0 ? 0 : sum / count,
    p50: percentile(distribution, 50),
    p90: percentile(distribution, 90),
    p99: percentile(distribution, 99),
    p999: percentile(distribution, 99.9),
    p9999: percentile(distribution, 99.99),
    buckets,
  };
}

/**
 * The duration in ns that `percent` of 100 of what was recorded does not exceed. 0 where nothing was recorded.
 * @throws RangeError where `percent` is not from 0 to 100
 */
export function percentile({ count, min, max, buckets }: Distribution, percent: number): number {
  if (!(percent >= 0 && percent <= 100)) throw new RangeError(`${percent} is not a percentage from 0 to 100`);
  if (percent === 0) return min;
  // The rank, less what doubles make of 99.9 / 100.
  const rank = Math.ceil((percent / 100) * count * (1 - Number.EPSILON));
  if (rank >= count) return max;
  let seen = 0;
  for (const [ns, held] of buckets) {
    seen += held;
    if (seen >= rank) return Math.min(Math.max(ns, min), max);
  }
  return max;
}
