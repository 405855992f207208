import type { DurationSnapshot } from './duration.js';
import type { HistogramSnapshot } from './histogram-snapshot.js';
import { describeMetrics, type KindOf, type MetricKind, type MetricLayout } from './layout.js';
import type { LifecycleSnapshot } from './lifecycle.js';
import type { OperationSnapshot } from './operation.js';

interface SnapshotOf {
  counter: number;
  gauge: number;
  duration: DurationSnapshot;
  operation: OperationSnapshot;
  lifecycle: LifecycleSnapshot;
  histogram: HistogramSnapshot;
}

/** The state of all metrics of a layout, by name, as plain data. */
export type Snapshot<L extends MetricLayout = MetricLayout> = { [N in keyof L]: SnapshotOf[KindOf<L[N]>] };

type MeasurementOf<K extends MetricKind> = {
  readonly name: string;
  readonly kind: K;
  /** Empty where the layout has none. */
  readonly help: string;
  readonly unit: string;
  readonly value: SnapshotOf[K];
};

/** One metric of a snapshot, with what its layout says of it. */
export type Measurement = { [K in MetricKind]: MeasurementOf<K> }[MetricKind];

/** In the order of the layout. */
export function measurements<const L extends MetricLayout>(layout: L, snapshot: Snapshot<L>): Measurement[] {
  return describeMetrics(layout).map(([name, { kind, help = '', unit = '' }]) => {
    return { name, kind, help, unit, value: snapshot[name] } as Measurement;
  });
}
