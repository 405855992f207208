/*
 * What collectors are fed with: the four shapes that every monitoring system knows. A metric gives one or several.
 */

/** What tells apart several metrics of one name, such as `{ maintainer: '0' }`. */
export type Labels = Readonly<Record<string, string>>;

interface SampleInfo {
  /** With the prefix, without the unit. */
  readonly name: string;
  /** Empty where the layout has none. */
  readonly help: string;
  /** `seconds`, `bytes`, `events`, ...; empty where it is a plain number. Times are always in seconds. */
  readonly unit: string;
  readonly labels: Labels;
}

/** A number that only grows, or one that goes up and down: NaN where there is none yet. */
export interface NumberSample extends SampleInfo {
  readonly kind: 'counter' | 'gauge';
  readonly value: number;
}

/** How often something took time, and how long altogether. */
export interface SummarySample extends SampleInfo {
  readonly kind: 'summary';
  readonly count: number;
  readonly sum: number;
}

/** How long something took, as a distribution. */
export interface HistogramSample extends SampleInfo {
  readonly kind: 'histogram';
  readonly count: number;
  readonly sum: number;
  /** Of 0.5, 0.9, 0.99, 0.999 and 0.9999; NaN where nothing was recorded. */
  readonly quantiles: readonly (readonly [quantile: number, value: number])[];
  /** How many took at most so long: 1, 2 and 5 of each power of ten from 1 ns to 50 s, then Infinity. */
  readonly buckets: readonly (readonly [atMost: number, count: number])[];
}

export type Sample = NumberSample | SummarySample | HistogramSample;

/** Takes what metrics hold at the moment, sample by sample. */
export type Collector = (sample: Sample) => void;

/** Whatever has metrics: the same ones each time that it is asked. */
export interface MetricSource {
  /** @param prefix comes before each name, with `_` between; nothing does if it is empty */
  collect(prefix: string, collector: Collector): void;
}

/** Which metrics an exporter is to show, and how. */
export interface ExportOptions {
  /** Comes before each name, with `_` between. */
  readonly prefix?: string;
  /** Of all samples. */
  readonly labels?: Labels;
}
