/*
 * Metrics in a registry of prom-client. Its classes count by themselves; here is counted elsewhere, so the registry
 * gets objects that have what it asks of a metric, and answer from a snapshot.
 */

import type { Metric, Registry, RegistryContentType } from 'prom-client';
import { canonicalNumber } from './canonical-number.js';
import { collectFamilies, type Family } from './families.js';
import type { ExportOptions, HistogramSample, MetricSource, Sample, SummarySample } from './sample.js';

interface RegistryValue {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Where it is not that of the family. */
  readonly metricName?: string;
}

/**
 * Shows all metrics of a source in a registry, as they are when it is scraped.
 * @returns a function that takes them out again
 * @throws Error where the registry has a metric of the same name, and then nothing is registered; TypeError where names
 *   or labels are not allowed
 */
export function registerMetrics<T extends RegistryContentType>(
  registry: Registry<T>,
  source: MetricSource,
  options: ExportOptions = {},
): () => void {
  const current = sharedFamilies(source, options);
  const metrics = collectFamilies(source, options).map((family) => registryMetric(family, current));
  const taken = metrics.find(({ name }) => registry.getSingleMetric(name) !== undefined);
  if (taken !== undefined) {
    throw new Error(`the registry has a metric ${taken.name} already: give another prefix`);
  }
  const registered = metrics.map((metric) => {
    registry.registerMetric(metric as unknown as Metric);
    return { name: metric.name, metric };
  });
  return () => {
    for (const { name, metric } of registered) {
      // After a clear() the name may be somebody else's.
      if ((registry.getSingleMetric(name) as unknown) === metric) registry.removeSingleMetric(name);
    }
  };
}

/**
 * A registry asks each metric in turn, all of them in one go: they share one snapshot, which is forgotten as soon as it
 * has asked.
 */
function sharedFamilies(source: MetricSource, options: ExportOptions): () => ReadonlyMap<string, Family> {
  let families: ReadonlyMap<string, Family> | undefined;
  return () => {
    if (families === undefined) {
      families = new Map(collectFamilies(source, options).map((family) => [family.name, family]));
      queueMicrotask(() => {
        families = undefined;
      });
    }
    return families;
  };
}

function registryMetric({ name, kind, help }: Family, current: () => ReadonlyMap<string, Family>) {
  return {
    /** The registry itself takes the `_total` away where it speaks OpenMetrics. */
    name: kind === 'counter' ? `${name}_total` : name,
    help,
    type: kind,
    /** Among processes: what is as it is now has no sum. */
    aggregator: kind === 'gauge' ? 'omit' : 'sum',
    async get() {
      const samples = current().get(name)?.samples ?? [];
      const values = samples.flatMap((sample) => registryValues(name, sample));
      return { name: this.name, help, type: kind, aggregator: this.aggregator, values };
    },
    /** Part of the interface. What was counted is the recording thread's. */
    reset() {},
  };
}

function registryValues(name: string, sample: Sample): RegistryValue[] {
  const { labels } = sample;
  switch (sample.kind) {
    case 'counter':
    case 'gauge':
      return [{ labels, value: sample.value }];
    case 'summary':
      return countAndSum(name, sample);
    case 'histogram':
      return [
        ...sample.buckets.map(([le, count]) => ({
          labels: { ...labels, le: canonicalNumber(le) },
          value: count,
          metricName: `${name}_bucket`,
        })),
        ...countAndSum(name, sample),
      ];
  }
}

function countAndSum(name: string, { labels, count, sum }: SummarySample | HistogramSample): RegistryValue[] {
  return [
    { labels, value: count, metricName: `${name}_count` },
    { labels, value: sum, metricName: `${name}_sum` },
  ];
}
