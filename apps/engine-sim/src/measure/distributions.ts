import { percentile } from '@fswal/telemetry';
import { type DistributionName, PERCENTS, type RecordedDistribution } from '../run/run-record.js';

export const EMPTY_DISTRIBUTION: RecordedDistribution = { count: 0, min: 0, max: 0, buckets: [] };

/** Under which name telemetry has what a run calls by a shorter one. */
const METRICS: Readonly<Record<DistributionName, string>> = {
  append: 'append_event_histogram',
  rotation: 'segment_rotation_histogram',
  fdatasync: 'fdatasync_histogram',
  replay: 'next_event_histogram',
};

/** Metrics by name, or groups of them. */
export type TelemetrySnapshot = Readonly<Record<string, unknown>>;

/** The distribution of that name in a snapshot of a recorder or of a recovery; empty where it has none. */
export function findDistribution(snapshot: TelemetrySnapshot, name: DistributionName): RecordedDistribution {
  const metric = METRICS[name];
  for (const group of [snapshot, ...Object.values(snapshot)]) {
    const value = isObject(group) ? group[metric] : undefined;
    if (isObject(value) && Array.isArray(value.buckets)) {
      const { count, min, max, buckets } = value as unknown as RecordedDistribution;
      return { count, min, max, buckets };
    }
  }
  return EMPTY_DISTRIBUTION;
}

/** What both hold. */
export function addDistributions(a: RecordedDistribution, b: RecordedDistribution): RecordedDistribution {
  if (a.count === 0) return b;
  if (b.count === 0) return a;
  return {
    count: a.count + b.count,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    buckets: combine(a, b, 1),
  };
}

/** What came between two snapshots of one histogram; its least and greatest are known as its buckets know them. */
export function subtractDistributions(
  now: RecordedDistribution,
  before: RecordedDistribution,
): RecordedDistribution {
  const buckets = combine(now, before, -1);
  if (buckets.length === 0) return EMPTY_DISTRIBUTION;
  return {
    count: buckets.reduce((sum, [, count]) => sum + count, 0),
    min: buckets[0][0],
    max: buckets[buckets.length - 1][0],
    buckets,
  };
}

function combine(a: RecordedDistribution, b: RecordedDistribution, sign: 1 | -1): [number, number][] {
  const counts = new Map<number, number>(a.buckets);
  for (const [ns, count] of b.buckets) counts.set(ns, (counts.get(ns) ?? 0) + sign * count);
  return [...counts].filter(([, count]) => count > 0).sort(([x], [y]) => x - y);
}

/** null of nothing. */
export function percentileOrNull(distribution: RecordedDistribution, percent: number): number | null {
  return distribution.count === 0 ? null : percentile(distribution, percent);
}

/** At each of `PERCENTS`, and the greatest; nulls of nothing. */
export function summaryOf(distribution: RecordedDistribution): (number | null)[] {
  return [...PERCENTS, 100].map((percent) => percentileOrNull(distribution, percent));
}

/** Points in each tenfold of 1 / (1 - p). */
const POINTS_PER_NINE = 20;

/**
 * The curve of a plot whose x is 1 / (1 - p), so that each further nine is as wide as the one before: durations at
 * x = 1, 1.12, 1.26 ... 10 ... up to the last value. All curves have their points at the same x.
 */
export function percentileCurve(distribution: RecordedDistribution): number[] {
  const { count, min, max, buckets } = distribution;
  if (count === 0) return [];
  const durations: number[] = [];
  let bucket = 0;
  let seen = buckets[0][1];
  for (let point = 0; ; point++) {
    const above = count / curveX(point);
    if (above < 1) break;
    // The rank, from 1: all but those above. A rounding must not ask for the one after the last.
    const rank = Math.min(count, Math.max(1, Math.ceil(count - above - 1e-6)));
    while (seen < rank) seen += buckets[++bucket][1];
    durations.push(Math.min(max, Math.max(min, buckets[bucket][0])));
  }
  durations.push(max);
  return durations;
}

/** More nines than a run of years has events. */
const MOST_NINES = 13;

/** 1 / (1 - p) at each point that a curve may have. */
export function curveXs(): number[] {
  return Array.from({ length: MOST_NINES * POINTS_PER_NINE }, (_, point) => curveX(point));
}

function curveX(point: number): number {
  return 10 ** (point / POINTS_PER_NINE);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
