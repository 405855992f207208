export type { Counter } from './counter.js';
export type { Duration, DurationSnapshot } from './duration.js';
export type { Gauge } from './gauge.js';
export type { Histogram } from './histogram.js';
export { type Distribution, type HistogramSnapshot, percentile } from './histogram-snapshot.js';
export type { MetricDescription, MetricKind, MetricLayout } from './layout.js';
export type { Lifecycle, LifecycleSnapshot } from './lifecycle.js';
export type { Operation, OperationSnapshot } from './operation.js';
export { type NameOf, type Snapshot, Telemetry } from './telemetry.js';
