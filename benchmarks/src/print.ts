import type { BenchGroup, BenchRatio, BenchRow, LatencyRow } from './bench-group.js';

const LATENCY_COLUMNS = ['p50', 'p99', 'p999', 'p9999', 'max'] as const;
const LATENCY_HEADS = ['p50', 'p99', 'p99.9', 'p99.99', 'max'];
const COLUMN = 10;

/** A group as text, for people. */
export function formatGroup({ group, rows, latencies = [], ratios }: BenchGroup): string {
  const width = Math.max(0, ...[...rows, ...latencies, ...ratios].map(({ name }) => name.length));
  const lines = rows.map((row) => formatRow(row, width));
  if (latencies.length > 0) {
    const heads = [...LATENCY_HEADS, 'count'].map((head) => head.padStart(COLUMN));
    lines.push(`  ${''.padEnd(width)}  ${heads.join('  ')}`);
    lines.push(...latencies.map((row) => formatLatencies(row, width)));
  }
  lines.push(...ratios.map((ratio) => formatRatio(ratio, width)));
  return `\n${group}\n${lines.join('\n')}\n`;
}

function formatRow({ name, medianNs, perSec, note }: BenchRow, width: number): string {
  if (Number.isNaN(medianNs)) return `  ${name.padEnd(width)}  ${note ?? 'not measured'}`;
  const time = medianNs >= 100_000 ? `${(medianNs / 1e6).toFixed(3)} ms` : `${medianNs.toFixed(1)} ns`;
  const rate = Math.round(perSec).toLocaleString('en');
  return `  ${name.padEnd(width)}  ${time.padStart(COLUMN)}  ${rate.padStart(12)} /s  ${note ?? ''}`.trimEnd();
}

function formatLatencies(row: LatencyRow, width: number): string {
  const cells = [...LATENCY_COLUMNS.map((column) => formatNs(row[column])), row.count.toLocaleString('en')];
  return `  ${row.name.padEnd(width)}  ${cells.map((cell) => cell.padStart(COLUMN)).join('  ')}`;
}

function formatRatio({ name, value, target, met }: BenchRatio, width: number): string {
  if (Number.isNaN(value)) return `  ${name.padEnd(width)}  not measured`;
  const verdict = target === '-' ? '' : `  target: ${target}: ${met ? 'met' : 'MISSED'}`;
  return `  ${name.padEnd(width)}  ${value.toFixed(2).padStart(COLUMN)}${verdict}`;
}

/** A duration in the unit that suits it, three digits. */
export function formatNs(ns: number): string {
  if (Number.isNaN(ns)) return '-';
  const [value, unit] =
    ns < 1000 ? [ns, 'ns'] : ns < 1e6 ? [ns / 1e3, 'us'] : ns < 1e9 ? [ns / 1e6, 'ms'] : [ns / 1e9, 's'];
  const digits = unit === 'ns' || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${unit}`;
}
