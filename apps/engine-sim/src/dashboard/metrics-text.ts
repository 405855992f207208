import { RECORDER_METRICS } from '@fswal/recorder';
import {
  type Collector,
  collectSnapshot,
  type Labels,
  type MetricLayout,
  type Snapshot,
} from '@fswal/telemetry';
import { OPENMETRICS_CONTENT_TYPE, openMetricsText } from '@fswal/telemetry/openmetrics';
import type { RunMonitor } from '../measure/run-monitor.js';
import { RUN_STATES } from '../run/run-update.js';

export const METRICS_TYPE = OPENMETRICS_CONTENT_TYPE;

/** What of a run's monitor is told. */
type MetricsOfRun = Pick<RunMonitor, 'totals' | 'status' | 'telemetry'>;

/** The run and, once its recorder has told them, the recorder's metrics, as OpenMetrics text. */
export function metricsText(monitor: MetricsOfRun): string {
  return openMetricsText(
    { collect: (prefix, collector) => collect(monitor, prefix, collector) },
    { prefix: 'fswal' },
  );
}

function collect(monitor: MetricsOfRun, prefix: string, collector: Collector): void {
  const { totals, status, telemetry } = monitor;
  const sample = (
    name: string,
    kind: 'counter' | 'gauge',
    help: string,
    value: number,
    labels: Labels = {},
  ): void => collector({ name: `${prefix}_sim_${name}`, kind, help, unit: '', labels, value });
  sample('appended_events', 'counter', 'events appended, all lives of the engine together', totals.appended);
  sample('kills', 'counter', 'deaths of the engine by SIGKILL', totals.kills);
  sample('recoveries', 'counter', 'replays of the log after a death', totals.recoveries);
  sample('lost_events', 'counter', 'appended events that a recovery did not deliver', totals.lost);
  for (const state of RUN_STATES) {
    sample('state', 'gauge', 'what the engine is about: 1 for one of them', Number(state === status.state), {
      state,
    });
  }
  if (telemetry !== undefined) {
    for (const [component, layout] of Object.entries<MetricLayout>(RECORDER_METRICS)) {
      const snapshot: Snapshot = telemetry[component as keyof typeof telemetry];
      collectSnapshot(layout, snapshot, `${prefix}_recorder_${component}`, collector);
    }
  }
}
