/*
 * One run as plain data: what `--save-run` writes, `report` reads and the dashboard shows. Everything in this folder
 * runs in Node and in the browser, so it knows neither.
 *
 * Times are seconds since the run began, durations nanoseconds, event ids numbers (a run does not get to 2^53). All of
 * it is bounded: what a run of days has too much of is thinned, not dropped at one end.
 */

import type { SegmentLife } from './segment-lives.js';
import type { SeriesData } from './time-series.js';

export const RUN_FORMAT = 'fswal-run';
export const RUN_VERSION = 1;

export interface RunRecord {
  readonly format: typeof RUN_FORMAT;
  readonly version: typeof RUN_VERSION;
  readonly command: string;
  readonly options: Readonly<Record<string, string | number | boolean>>;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  readonly machine: Machine;
  /** Over the whole run, all lives of the engine together; what was not measured is not there. */
  readonly distributions: Readonly<Partial<Record<DistributionName, RecordedDistribution>>>;
  /** What changes over time: see `SERIES`. */
  readonly series: SeriesData;
  readonly segments: readonly SegmentLife[];
  /** Of `segmentStride` segments one is in `segments`. */
  readonly segmentStride: number;
  readonly incidents: readonly Incident[];
  readonly totals: RunTotals;
  /** What the command printed at its end. */
  readonly results: readonly (readonly [name: string, value: string])[];
  readonly verdict: { readonly sound: boolean; readonly text: string } | null;
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  readonly node: string;
  /** Of the log's directory. */
  readonly fileSystem: string;
}

/** Durations, as telemetry's histograms have them: rising, each with how often. */
export interface RecordedDistribution {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly buckets: readonly (readonly [ns: number, count: number])[];
}

export const DISTRIBUTION_NAMES = ['append', 'rotation', 'fdatasync', 'replay'] as const;
export type DistributionName = (typeof DISTRIBUTION_NAMES)[number];

/** What is said of a distribution where there is no room for all of it. */
export const PERCENTS = [50, 90, 99, 99.9, 99.99] as const;

/** Something that happened to the engine. */
export interface Incident {
  readonly second: number;
  readonly kind: 'killed' | 'recovered';
  /** The last event whose append had returned, or the last one that recovery delivered. */
  readonly eventId: number;
  /** Events that recovery should have delivered and did not. */
  readonly lost: number;
  /** One line for people. */
  readonly text: string;
}

export interface RunTotals {
  readonly appended: number;
  readonly kills: number;
  readonly recoveries: number;
  readonly lost: number;
}

/** The columns of the series: unit, and what stands for several samples that were made one. */
export const SERIES = {
  appended: { unit: 'events/s', several: 'mean' },
  replayed: { unit: 'events/s', several: 'mean' },
  appendP50: { unit: 'ns', several: 'max' },
  appendP99: { unit: 'ns', several: 'max' },
  fdatasyncP50: { unit: 'ns', several: 'max' },
  fdatasyncP99: { unit: 'ns', several: 'max' },
  lagEvents: { unit: 'events', several: 'max' },
  lagMs: { unit: 'ms', several: 'max' },
  ringPercent: { unit: '%', several: 'max' },
  bookDepth: { unit: 'orders', several: 'mean' },
} as const satisfies Record<string, { unit: string; several: 'mean' | 'max' }>;

export type SeriesName = keyof typeof SERIES;
export const SERIES_NAMES = Object.keys(SERIES) as SeriesName[];

/** What there is to say at one moment; null where nothing was measured. */
export type SeriesRow = { readonly second: number } & { readonly [Name in SeriesName]: number | null };
