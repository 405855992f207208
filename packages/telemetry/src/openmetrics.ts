/*
 * Metrics as OpenMetrics 1.0 text, which Prometheus and most others read.
 */

import { canonicalNumber } from './canonical-number.js';
import { collectFamilies, type Family } from './families.js';
import type { ExportOptions, Labels, MetricSource, Sample } from './sample.js';

/** What to answer a scrape with, as `content-type`. */
export const OPENMETRICS_CONTENT_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/**
 * All metrics that a source has, as one exposition.
 * @throws TypeError where names or labels are not allowed, or clash; RangeError where a counter does not count
 */
export function openMetricsText(source: MetricSource, options: ExportOptions = {}): string {
  const lines = collectFamilies(source, options).flatMap(familyLines);
  return [...lines, '# EOF', ''].join('\n');
}

function familyLines({ name, kind, unit, help, samples }: Family): string[] {
  return [
    `# TYPE ${name} ${kind}`,
    ...(unit === '' ? [] : [`# UNIT ${name} ${unit}`]),
    ...(help === '' ? [] : [`# HELP ${name} ${escaped(help)}`]),
    ...samples.flatMap((sample) => sampleLines(name, sample)),
  ];
}

function sampleLines(name: string, sample: Sample): string[] {
  const { labels } = sample;
  switch (sample.kind) {
    case 'counter':
      return [line(`${name}_total`, labels, sample.value)];
    case 'gauge':
      return [line(name, labels, sample.value)];
    case 'summary':
      return [line(`${name}_count`, labels, sample.count), line(`${name}_sum`, labels, sample.sum)];
    case 'histogram':
      return [
        ...sample.buckets.map(([le, count]) =>
          line(`${name}_bucket`, { ...labels, le: canonicalNumber(le) }, count),
        ),
        line(`${name}_count`, labels, sample.count),
        line(`${name}_sum`, labels, sample.sum),
      ];
  }
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${numberText(value)}`;
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}
