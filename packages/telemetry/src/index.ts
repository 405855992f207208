export { collectSnapshot } from './collect.js';
export type { Counter } from './counter.js';
export { dumpSnapshot } from './dump.js';
export type { Duration, DurationSnapshot } from './duration.js';
export type { Gauge } from './gauge.js';
export type { Histogram } from './histogram.js';
export { type Distribution, type HistogramSnapshot, percentile } from './histogram-snapshot.js';
export type { MetricDescription, MetricKind, MetricLayout } from './layout.js';
export type { Lifecycle, LifecycleSnapshot } from './lifecycle.js';
export type { Operation, OperationSnapshot } from './operation.js';
export type {
  Collector,
  ExportOptions,
  HistogramSample,
  Labels,
  MetricSource,
  NumberSample,
  Sample,
  SummarySample,
} from './sample.js';
export type { Snapshot } from './snapshot.js';
export { type NameOf, Telemetry } from './telemetry.js';
