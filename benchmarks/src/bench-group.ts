import { type Distribution, type LatencySummary, summarize } from './latency.js';
import { median } from './statistics.js';

/** One figure of a benchmark. */
export interface BenchRow {
  name: string;
  /** Median over the rounds, nanoseconds per operation; NaN, and null in JSON, where there is no figure. */
  medianNs: number;
  /** Operations per second, by the median. */
  perSec: number;
  /** What else there is to know, such as the file system. */
  note?: string;
}

/** Latencies of single operations, of all rounds together, in nanoseconds. */
export interface LatencyRow extends LatencySummary {
  name: string;
  /** All of them. Not in JSON: there it would be most of the text. */
  distribution: Distribution;
}

/** How two figures of the same run compare. */
export interface BenchRatio {
  name: string;
  /** NaN, and null in JSON, where there are no figures to compare. */
  value: number;
  /** What was to be reached, in words; '-' where nothing was. */
  target: string;
  met: boolean;
}

/** What a benchmark returns: plain data, to be printed as a table or as JSON. */
export interface BenchGroup {
  group: string;
  rows: BenchRow[];
  latencies?: LatencyRow[];
  ratios: BenchRatio[];
}

/** A row from the nanoseconds per operation of each round. */
export function benchRow(name: string, roundsNs: readonly number[], note?: string): BenchRow {
  const medianNs = median(roundsNs);
  return { name, medianNs, perSec: 1e9 / medianNs, ...(note === undefined ? {} : { note }) };
}

/** A row of single operations' latencies. */
export function latencyRow(name: string, distribution: Distribution): LatencyRow {
  return { name, ...summarize(distribution), distribution };
}

/** A ratio that is to be at most `most`. */
export function ratioAtMost(name: string, value: number, most: number): BenchRatio {
  return { name, value, target: `at most ${most}`, met: value <= most };
}

/** A ratio that is to be at least `least`. */
export function ratioAtLeast(name: string, value: number, least: number): BenchRatio {
  return { name, value, target: `at least ${least}`, met: value >= least };
}
