import { SERIES, SERIES_NAMES, type SeriesName, type SeriesRow } from './run-record.js';

/** Columns of one length: rows in the order of their seconds. */
export interface SeriesData {
  /** Samples that a row stands for. */
  readonly stride: number;
  readonly seconds: readonly number[];
  readonly columns: { readonly [Name in SeriesName]: readonly (number | null)[] };
}

export interface TimeSeriesOptions {
  /** The most rows that are kept, an even number. */
  readonly capacity: number;
  /** Samples that make one row, at the beginning. */
  readonly stride?: number;
  /** `halve`: make one row of two, from the beginning of the run to its end; `slide`: forget the oldest one. */
  readonly whenFull: 'halve' | 'slide';
}

/** Samples over time in bounded memory, however long the run is. */
export class TimeSeries {
  readonly #options: TimeSeriesOptions;
  #stride: number;
  #rows: SeriesRow[] = [];
  /** Fewer than `#stride`: not a row yet. */
  #pending: SeriesRow[] = [];

  constructor(options: TimeSeriesOptions) {
    this.#options = options;
    this.#stride = options.stride ?? 1;
  }

  /** Goes on where another one, of the same capacity, was. */
  static from(data: SeriesData, options: TimeSeriesOptions): TimeSeries {
    const series = new TimeSeries({ ...options, stride: data.stride });
    series.#rows = data.seconds.map((second, row) => {
      const cells = SERIES_NAMES.map((name) => [name, data.columns[name][row]]);
      return { second, ...Object.fromEntries(cells) } as SeriesRow;
    });
    return series;
  }

  get stride(): number {
    return this.#stride;
  }

  /** A sample; its second is not below that of the one before. */
  add(row: SeriesRow): void {
    this.#pending.push(row);
    if (this.#pending.length < this.#stride) return;
    this.#rows.push(merge(this.#pending));
    this.#pending = [];
    if (this.#rows.length <= this.#options.capacity) return;
    if (this.#options.whenFull === 'slide') this.#rows.shift();
    else this.#halve();
  }

  /** All rows so far, those of the last moments too. */
  data(): SeriesData {
    const rows = this.#pending.length === 0 ? this.#rows : [...this.#rows, merge(this.#pending)];
    const columns = SERIES_NAMES.map((name) => [name, rows.map((row) => row[name])]);
    return {
      stride: this.#stride,
      seconds: rows.map(({ second }) => second),
      columns: Object.fromEntries(columns) as SeriesData['columns'],
    };
  }

  #halve(): void {
    // The last one, without a partner, waits for those that make up a row of the new stride.
    const last = this.#rows.length % 2 === 1 ? this.#rows.pop() : undefined;
    this.#rows = Array.from({ length: this.#rows.length / 2 }, (_, i) =>
      merge(this.#rows.slice(2 * i, 2 * i + 2)),
    );
    if (last !== undefined) this.#pending = Array.from({ length: this.#stride }, () => last);
    this.#stride *= 2;
  }
}

/** One row for several, at the second of the last. */
function merge(rows: readonly SeriesRow[]): SeriesRow {
  if (rows.length === 1) return rows[0];
  const cells = SERIES_NAMES.map((name) => {
    const values = rows.map((row) => row[name]).filter((value) => value !== null);
    if (values.length === 0) return [name, null];
    if (SERIES[name].several === 'max') return [name, Math.max(...values)];
    return [name, values.reduce((sum, value) => sum + value, 0) / values.length];
  });
  return { second: rows[rows.length - 1].second, ...Object.fromEntries(cells) } as SeriesRow;
}
