import { median } from '../measure/median.js';
import { GAUGES, type GaugeName } from './process-gauges.js';
import type { SoakSample } from './soak-samples.js';

/** The warm-up, the first window and the last one last a minute each; in shorter runs, a third of the run. */
export const WINDOW_SECONDS = 60;
const WINDOWS = 3;
/** Fewer samples in a window than these say nothing. */
export const MIN_WINDOW_SAMPLES = 5;
/** More growth than this is growth, in percent. */
export const FLAT_PERCENT = 1;

/** What became of a gauge; `too short` = too few samples to tell. */
export type Trend = 'flat' | 'grown' | 'too short';

export interface GaugeTrend {
  /** Median of the first window after the warm-up, null without samples. */
  readonly first: number | null;
  /** Median of the last window, null without samples. */
  readonly last: number | null;
  /** From the first to the last; null where that is no number. */
  readonly growthPercent: number | null;
  readonly trend: Trend;
}

export interface SoakVerdict {
  readonly trend: Trend;
  readonly windowSeconds: number;
  /** Samples in the smaller of the two windows. */
  readonly windowSamples: number;
  readonly gauges: { readonly [Name in GaugeName]: GaugeTrend };
}

/**
 * Says of each gauge whether it has grown, by the medians of two windows: one after the warm-up, one at the end. What
 * shrinks counts as flat.
 *
 * @param seconds that the run took
 */
export function judge(samples: readonly SoakSample[], seconds: number): SoakVerdict {
  const windowSeconds = Math.min(WINDOW_SECONDS, seconds / WINDOWS);
  const first = samples.filter(({ second }) => second >= windowSeconds && second < 2 * windowSeconds);
  const last = samples.filter(({ second }) => second >= seconds - windowSeconds);
  const windowSamples = Math.min(first.length, last.length);
  const trends = GAUGES.map(({ name }) => {
    const valuesOf = (window: readonly SoakSample[]): number[] => window.map((sample) => sample[name]);
    return [name, trendOf(valuesOf(first), valuesOf(last))] as const;
  });
  return {
    trend: worst(trends.map(([, { trend }]) => trend)),
    windowSeconds: round(windowSeconds),
    windowSamples,
    gauges: Object.fromEntries(trends) as SoakVerdict['gauges'],
  };
}

function trendOf(firstValues: readonly number[], lastValues: readonly number[]): GaugeTrend {
  const first = firstValues.length === 0 ? null : median(firstValues);
  const last = lastValues.length === 0 ? null : median(lastValues);
  const growthPercent = first === null || last === null ? null : growth(first, last);
  if (
    first === null ||
    last === null ||
    Math.min(firstValues.length, lastValues.length) < MIN_WINDOW_SAMPLES
  ) {
    return { first, last, growthPercent, trend: 'too short' };
  }
  // Not by the rounded percentage, and also where there was nothing at first, of which no percentage can be had.
  const isFlat = last <= first * (1 + FLAT_PERCENT / 100);
  return { first, last, growthPercent, trend: isFlat ? 'flat' : 'grown' };
}

function growth(first: number, last: number): number | null {
  if (first === 0) return last === 0 ? 0 : null;
  return round((last / first - 1) * 100);
}

function worst(trends: readonly Trend[]): Trend {
  if (trends.includes('too short')) return 'too short';
  return trends.includes('grown') ? 'grown' : 'flat';
}

function round(value: number): number {
  return Number(value.toFixed(2));
}
