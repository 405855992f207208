import {
  type ReportFigure,
  type ReportSection,
  type ReportTable,
  renderReport,
} from '@fswal/engine-sim/report';
import type { BenchGroup, LatencyRow } from './bench-group.js';
import { formatNs } from './print.js';

/** What was measured as one HTML file: a section for each group, with its latencies as percentile plots. */
export function benchReport(machine: string, startedAt: Date, groups: readonly BenchGroup[]): string {
  return renderReport({
    title: '@fswal benchmarks',
    about: [
      `${startedAt.toISOString().slice(0, 19).replace('T', ' ')} UTC`,
      machine,
      'Compare ratios rather than nanoseconds, and neither with those of another machine.',
    ],
    sections: groups.map(groupSection),
  });
}

function groupSection({ group, rows, latencies = [], ratios }: BenchGroup): ReportSection {
  const tables: ReportTable[] = [
    {
      title: 'Medians',
      head: ['', 'time', 'a second', ''],
      rows: rows.map(({ name, medianNs, perSec, note = '' }) => [
        name,
        formatNs(medianNs),
        Number.isNaN(perSec) ? '-' : Math.round(perSec).toLocaleString('en'),
        note,
      ]),
    },
    {
      title: 'Latencies',
      head: ['', 'p50', 'p99', 'p99.9', 'p99.99', 'max', 'count'],
      rows: latencies.map(({ name, p50, p99, p999, p9999, max, count }) => [
        name,
        ...[p50, p99, p999, p9999, max].map(formatNs),
        count.toLocaleString('en'),
      ]),
    },
    {
      title: 'Ratios within this run',
      head: ['', 'ratio', 'target', ''],
      rows: ratios.map(({ name, value, target, met }) => [
        name,
        Number.isNaN(value) ? 'not measured' : value.toFixed(2),
        target,
        Number.isNaN(value) || target === '-' ? '' : met ? 'met' : 'MISSED',
      ]),
    },
  ];
  return { title: group, figures: latencyFigures(latencies), tables };
}

/** A figure for each load, which is what a row's name begins with; its cases lie over each other. */
function latencyFigures(latencies: readonly LatencyRow[]): ReportFigure[] {
  const loads = [...new Set(latencies.map(({ name }) => loadOf(name)))];
  return loads.map((load) => ({
    kind: 'percentiles',
    title: load === '' ? 'Latencies' : load,
    lines: latencies
      .filter(({ name }) => loadOf(name) === load)
      .map(({ name, distribution }) => ({ name: name.replace(`${load}: `, ''), distribution })),
  }));
}

function loadOf(name: string): string {
  return name.includes(': ') ? name.slice(0, name.indexOf(': ')) : '';
}
