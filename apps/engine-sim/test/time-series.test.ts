import { describe, expect, it } from 'vitest';
import { SERIES_NAMES, type SeriesRow } from '../src/run/run-record.js';
import { TimeSeries } from '../src/run/time-series.js';

function row(second: number, values: Partial<SeriesRow> = {}): SeriesRow {
  return { ...Object.fromEntries(SERIES_NAMES.map((name) => [name, null])), ...values, second } as SeriesRow;
}

describe('a time series', () => {
  it('keeps within its capacity however long it is, from the first second to the last', () => {
    const series = new TimeSeries({ capacity: 8, whenFull: 'halve' });
    for (let second = 1; second <= 1000; second++) {
      series.add(row(second, { appended: second }));
      expect(series.data().seconds.length).toBeLessThanOrEqual(9);
    }
    const { seconds, columns, stride } = series.data();
    expect(stride).toBe(128);
    expect(seconds[0]).toBe(stride);
    expect(seconds.at(-1)).toBe(1000);
    expect([...seconds].sort((a, b) => a - b)).toEqual(seconds);
    // Means of means of equally many are means: the first row stands for the seconds 1 to 128.
    expect(columns.appended[0]).toBe((1 + 128) / 2);
  });

  it('keeps the worst of what it made one, and the mean of rates; gaps stay where nothing else was', () => {
    const series = new TimeSeries({ capacity: 100, stride: 2, whenFull: 'slide' });
    series.add(row(1, { lagMs: 3, appended: 10, bookDepth: null }));
    series.add(row(2, { lagMs: 9, appended: null, bookDepth: null }));
    const { columns } = series.data();
    expect([columns.lagMs, columns.appended, columns.bookDepth]).toEqual([[9], [10], [null]]);
  });

  it('shows samples that do not make a row yet', () => {
    const series = new TimeSeries({ capacity: 100, stride: 10, whenFull: 'slide' });
    series.add(row(1, { lagMs: 3 }));
    expect(series.data().columns.lagMs).toEqual([3]);
  });

  it('forgets the oldest where it slides', () => {
    const series = new TimeSeries({ capacity: 3, whenFull: 'slide' });
    for (let second = 1; second <= 5; second++) series.add(row(second));
    expect(series.data().seconds).toEqual([3, 4, 5]);
  });

  it('goes on from its data as if it had never stopped', () => {
    const options = { capacity: 4, whenFull: 'halve' } as const;
    const [one, other] = [new TimeSeries(options), new TimeSeries(options)];
    for (let second = 1; second <= 4; second++)
      for (const each of [one, other]) each.add(row(second, { lagMs: second }));
    const copy = TimeSeries.from(other.data(), options);
    for (let second = 5; second <= 40; second++)
      for (const each of [one, copy]) each.add(row(second, { lagMs: second }));
    expect(copy.data()).toEqual(one.data());
  });
});
