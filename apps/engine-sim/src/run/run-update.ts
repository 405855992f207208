import type { DistributionName, Incident, RunRecord, RunTotals, SeriesRow } from './run-record.js';
import type { SegmentChange } from './segment-lives.js';
import type { SeriesData } from './time-series.js';

/** What the engine is about. */
export const RUN_STATES = ['starting', 'recording', 'dead', 'recovering', 'measuring', 'ended'] as const;
export type RunState = (typeof RUN_STATES)[number];

export interface RunStatus {
  readonly state: RunState;
  /** One line for people. */
  readonly text: string;
}

/** The distributions in short: durations at `PERCENTS` and the greatest, and the curve of a percentile plot. */
export type Percentiles = {
  readonly [Name in DistributionName]?: {
    readonly count: number;
    readonly summary: readonly (number | null)[];
    readonly curve: readonly number[];
  };
};

/** What a dashboard that comes, or comes again, is told first. */
export interface RunPicture {
  /** Another one is another run. */
  readonly runId: string;
  readonly run: RunRecord;
  /** The last minutes, more finely than the run's own series. */
  readonly recent: SeriesData;
  readonly status: RunStatus;
  readonly percentiles: Percentiles;
}

/** And then, several times a second: what has come since. */
export interface RunUpdate {
  readonly seconds: number;
  readonly rows: readonly SeriesRow[];
  readonly segments: readonly SegmentChange[];
  readonly incidents: readonly Incident[];
  readonly totals: RunTotals;
  readonly status: RunStatus;
  /** Once a second; undefined in between. */
  readonly percentiles?: Percentiles;
}

/** A row for each sample of the run, halved from time to time. */
export const WHOLE_RUN = { capacity: 1200, whenFull: 'halve' } as const;
/** The last quarter of an hour, two rows a second where the engine is sampled twenty times a second. */
export const RECENT = { capacity: 1800, stride: 10, whenFull: 'slide' } as const;
