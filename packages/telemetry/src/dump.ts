import type { DurationSnapshot } from './duration.js';
import type { HistogramSnapshot } from './histogram-snapshot.js';
import type { MetricLayout } from './layout.js';
import { type Measurement, measurements, type Snapshot } from './snapshot.js';

/** Of which a table has those that one of its metrics fills. */
const COLUMNS = [
  'value',
  'count',
  'failures',
  'total',
  'min',
  'mean',
  'p50',
  'p90',
  'p99',
  'p99.9',
  'max',
  'idle',
  'busy',
] as const;

type Cells = { readonly [C in (typeof COLUMNS)[number]]?: string };

const TIME_UNITS = { s: 1e9, ms: 1e6, µs: 1e3, ns: 1 } as const;
const BYTE_UNITS = { GB: 1e9, MB: 1e6, kB: 1e3, B: 1 } as const;

interface Formats {
  readonly whole: Intl.NumberFormat;
  readonly short: Intl.NumberFormat;
}
let formats: Formats | undefined;

/**
 * A snapshot as a table for people: a line for each metric, in the order of the layout, without a line end behind the
 * last.
 * @param label what the table is of: the head of its first column
 */
export function dumpSnapshot<const L extends MetricLayout>(
  layout: L,
  snapshot: Snapshot<L>,
  label: string,
): string {
  const rows = measurements(layout, snapshot).map((metric) => ({
    name: metric.name,
    cells: cellsOf(metric),
  }));
  const columns = COLUMNS.filter((column) => rows.some(({ cells }) => cells[column] !== undefined));
  const nameWidth = Math.max(label.length, ...rows.map(({ name }) => name.length));
  const widths = columns.map((column) =>
    Math.max(column.length, ...rows.map(({ cells }) => cells[column]?.length ?? 0)),
  );
  const lineOf = (first: string, others: readonly string[]) =>
    [first.padEnd(nameWidth), ...others.map((text, i) => text.padStart(widths[i]))].join('  ').trimEnd();
  return [
    lineOf(label, columns),
    ...rows.map(({ name, cells }) =>
      lineOf(
        name,
        columns.map((column) => cells[column] ?? ''),
      ),
    ),
  ].join('\n');
}

function cellsOf({ kind, unit, value }: Measurement): Cells {
  switch (kind) {
    case 'counter':
    case 'gauge':
      return { value: quantity(value, unit) };
    case 'duration':
      return durationCells(value);
    case 'operation':
      return { ...durationCells(value), failures: numbers().whole.format(value.failures) };
    case 'lifecycle': {
      const { loops, active, idle } = value;
      const known = active + idle;
      return {
        count: numbers().whole.format(loops),
        total: time(active),
        idle: time(idle),
        ...(known > 0 && { busy: `${numbers().short.format((100 * active) / known)} %` }),
      };
    }
    case 'histogram':
      return { ...durationCells(value), ...percentileCells(value) };
  }
}

/** Of nothing there is neither a mean nor a shortest. */
function durationCells({ count, sum, min, max }: DurationSnapshot): Cells {
  if (count === 0) return { count: '0' };
  return {
    count: numbers().whole.format(count),
    total: time(sum),
    min: time(min),
    mean: time(sum / count),
    max: time(max),
  };
}

function percentileCells({ count, p50, p90, p99, p999 }: HistogramSnapshot): Cells {
  if (count === 0) return {};
  return { p50: time(p50), p90: time(p90), p99: time(p99), 'p99.9': time(p999) };
}

function quantity(value: number, unit: string): string {
  if (unit === 'ns') return time(value);
  if (unit === 'bytes') return scaled(value, BYTE_UNITS);
  return unit === '' ? numbers().whole.format(value) : `${numbers().whole.format(value)} ${unit}`;
}

function time(ns: number): string {
  return scaled(ns, TIME_UNITS);
}

/** Three digits, in the largest unit of which there is one. */
function scaled(value: number, units: Readonly<Record<string, number>>): string {
  const sizes = Object.entries(units);
  // Rounded first: 999.9 ns are 1 µs.
  const rounded = Math.abs(Number(value.toPrecision(3)));
  const [unit, size] = sizes.find(([, size]) => rounded >= size) ?? (sizes.at(-1) as [string, number]);
  return `${numbers().short.format(value / size)} ${unit}`;
}

/** Made for the first table: the tables of languages that it loads would cost each thread that imports this 10 ms. */
function numbers(): Formats {
  formats ??= {
    whole: new Intl.NumberFormat('en-US', { maximumFractionDigits: 3 }),
    short: new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 }),
  };
  return formats;
}
