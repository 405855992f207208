import { cumulativeCounts } from './cumulative-counts.js';
import type { DurationSnapshot } from './duration.js';
import type { HistogramSnapshot } from './histogram-snapshot.js';
import type { MetricLayout } from './layout.js';
import type { Collector, HistogramSample, Labels, NumberSample, SummarySample } from './sample.js';
import { type Measurement, measurements, type Snapshot } from './snapshot.js';

type Unlabelled =
  | Omit<NumberSample, 'labels'>
  | Omit<SummarySample, 'labels'>
  | Omit<HistogramSample, 'labels'>;

type About = Pick<Measurement, 'name' | 'help'>;

const NS_PER_SECOND = 1e9;

/**
 * Feeds `collector` with a snapshot.
 * @param prefix comes before each name, with `_` between; nothing does if it is empty
 * @param labels of all samples
 */
export function collectSnapshot<const L extends MetricLayout>(
  layout: L,
  snapshot: Snapshot<L>,
  prefix: string,
  collector: Collector,
  labels: Labels = {},
): void {
  const before = prefix === '' ? '' : `${prefix}_`;
  for (const sample of measurements(layout, snapshot).flatMap(samplesOf)) {
    collector({ ...sample, name: before + sample.name, labels });
  }
}

function samplesOf({ name, help, kind, unit, value }: Measurement): Unlabelled[] {
  const about = { name, help };
  switch (kind) {
    case 'counter':
    case 'gauge':
      return [unit === 'ns' ? seconds(about, kind, value) : { ...about, kind, unit, value }];
    case 'duration':
      return [summary(about, value), ...extremes(about, value)];
    case 'operation':
      return [summary(about, value), ...extremes(about, value), count(about, 'failures', value.failures)];
    case 'lifecycle':
      return [
        count(about, 'loops', value.loops),
        seconds(part(about, 'active'), 'counter', value.active),
        seconds(part(about, 'idle'), 'counter', value.idle),
      ];
    case 'histogram':
      return [histogram(about, value), ...extremes(about, value)];
  }
}

/** One of several numbers that a metric has. */
function part({ name, help }: About, which: string): About {
  return { name: `${name}_${which}`, help: help === '' ? '' : `${help} (${which})` };
}

function count(about: About, which: string, value: number): Unlabelled {
  return { ...part(about, which), kind: 'counter', unit: '', value };
}

function seconds(about: About, kind: NumberSample['kind'], ns: number): Unlabelled {
  return { ...about, kind, unit: 'seconds', value: ns / NS_PER_SECOND };
}

function summary(about: About, { count, sum }: DurationSnapshot): Unlabelled {
  return { ...about, kind: 'summary', unit: 'seconds', count, sum: sum / NS_PER_SECOND };
}

/** Of nothing there is no shortest and no longest: a 0 would look like a good one. */
function extremes(about: About, { count, min, max }: DurationSnapshot): Unlabelled[] {
  return [
    seconds(part(about, 'min'), 'gauge', count === 0 ? Number.NaN : min),
    seconds(part(about, 'max'), 'gauge', count === 0 ? Number.NaN : max),
  ];
}

function histogram(about: About, snapshot: HistogramSnapshot): Unlabelled {
  const { count, sum, p50, p90, p99, p999, p9999 } = snapshot;
  const inSeconds = (ns: number) => (count === 0 ? Number.NaN : ns / NS_PER_SECOND);
  return {
    ...about,
    kind: 'histogram',
    unit: 'seconds',
    count,
    sum: sum / NS_PER_SECOND,
    quantiles: [
      [0.5, inSeconds(p50)],
      [0.9, inSeconds(p90)],
      [0.99, inSeconds(p99)],
      [0.999, inSeconds(p999)],
      [0.9999, inSeconds(p9999)],
    ],
    buckets: cumulativeCounts(snapshot).map(([ns, atMost]) => [ns / NS_PER_SECOND, atMost]),
  };
}
