/*
 * Metrics as observable instruments of OpenTelemetry, which its SDK asks whenever it collects.
 */

import type { BatchObservableResult, Meter, Observable } from '@opentelemetry/api';
import type {
  ExportOptions,
  HistogramSample,
  Labels,
  MetricSource,
  Sample,
  SummarySample,
} from './sample.js';

/** One number for one instrument. */
interface Reading {
  readonly name: string;
  readonly kind: 'counter' | 'gauge';
  readonly unit: string;
  readonly value: number;
  readonly attributes: Labels;
}

/** UCUM, as OpenTelemetry wants it; any other unit is an annotation in braces. */
const UNITS: ReadonlyMap<string, string> = new Map([
  ['', ''],
  ['seconds', 's'],
  ['bytes', 'By'],
]);

/**
 * Shows all metrics of a source through a meter, as they are when it is collected.
 * @param options its labels are attributes
 * @returns a function that ends it
 */
export function observeMetrics(
  meter: Meter,
  source: MetricSource,
  { prefix = '', labels = {} }: ExportOptions = {},
): () => void {
  const instruments = new Map<string, Observable>();
  source.collect(prefix, (sample) => {
    for (const reading of readings(sample)) {
      if (!instruments.has(reading.name)) {
        instruments.set(reading.name, createInstrument(meter, reading, sample.help));
      }
    }
  });
  const observe = (result: BatchObservableResult) =>
    source.collect(prefix, (sample) => {
      for (const { name, value, attributes } of readings(sample)) {
        const instrument = instruments.get(name);
        if (instrument !== undefined && !Number.isNaN(value)) {
          result.observe(instrument, value, { ...labels, ...attributes });
        }
      }
    });
  const observed = [...instruments.values()];
  meter.addBatchObservableCallback(observe, observed);
  return () => meter.removeBatchObservableCallback(observe, observed);
}

function createInstrument(meter: Meter, { name, kind, unit }: Reading, description: string): Observable {
  const options = { description, unit: UNITS.get(unit) ?? `{${unit}}` };
  return kind === 'counter'
    ? meter.createObservableCounter(name, options)
    : meter.createObservableGauge(name, options);
}

function readings(sample: Sample): Reading[] {
  const { name, unit, labels: attributes } = sample;
  switch (sample.kind) {
    case 'counter':
    case 'gauge':
      return [{ name, kind: sample.kind, unit, value: sample.value, attributes }];
    case 'summary':
      return countAndSum(sample);
    case 'histogram': {
      const quantiles = sample.quantiles.map(([quantile, value]): Reading => {
        return { name, kind: 'gauge', unit, value, attributes: { ...attributes, quantile: `${quantile}` } };
      });
      return [...countAndSum(sample), ...quantiles];
    }
  }
}

function countAndSum({
  name,
  unit,
  labels: attributes,
  count,
  sum,
}: SummarySample | HistogramSample): Reading[] {
  return [
    { name: `${name}_count`, kind: 'counter', unit: '', value: count, attributes },
    { name: `${name}_sum`, kind: 'counter', unit, value: sum, attributes },
  ];
}
