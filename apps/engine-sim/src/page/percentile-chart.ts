import type uPlotType from 'uplot';
import { formatNines, formatNs } from '../run/figures.js';
import { Chart, type ChartOptions, chartAxis, logSplits } from './chart.js';
import { lineStyle } from './theme.js';

/** Durations in ns, at the x of `percentileXs`. */
export interface PercentileLine {
  readonly name: string;
  readonly curve: readonly number[];
}

/** Durations over percentiles, both logarithmic: each further nine is as wide as the one before. */
export class PercentileChart {
  readonly #xs: readonly number[];
  readonly #chart: Chart;
  #names: readonly string[] = [];

  /** @param xs 1 / (1 - p) of the points of a curve */
  constructor(container: HTMLElement, xs: readonly number[]) {
    this.#xs = xs;
    this.#chart = new Chart(container, [[]], () => this.#options());
  }

  show(lines: readonly PercentileLine[]): void {
    this.#names = lines.map(({ name }) => name);
    const points = Math.max(0, ...lines.map(({ curve }) => curve.length));
    const xs = this.#xs.slice(0, points);
    const columns = lines.map(({ curve }) => xs.map((_, point) => curve[point] ?? null));
    this.#chart.setData([xs, ...columns] as unknown as uPlotType.AlignedData);
    this.#chart.describe(`percentiles of ${this.#names.join(', ')}`);
  }

  #options(): ChartOptions {
    return {
      cursor: { drag: { x: false, y: false }, points: { size: 7 } },
      scales: {
        x: { time: false, distr: 3, range: (_, __, max) => [1, Math.max(10, max ?? 10)] },
        y: { distr: 3 },
      },
      axes: [
        chartAxis({
          size: 32,
          splits: (_, __, min, max) => powersOfTen(min, max),
          filter: (_, splits) => splits,
          values: (_, splits) => splits.map(formatNines),
        }),
        chartAxis({
          splits: (_, __, min, max) => logSplits(min, max),
          filter: (_, splits) => splits,
          values: (_, splits) => splits.map(formatNs),
          size: 72,
        }),
      ],
      series: [
        { label: 'percentile', value: (_, nines) => (nines === null ? '-' : formatNines(nines)) },
        ...this.#names.map((label, line) => ({
          label,
          ...lineStyle(line),
          width: 2,
          points: { show: false },
          value: (_: uPlotType, ns: number | null) => (ns === null ? '-' : formatNs(ns)),
        })),
      ],
    };
  }
}

function powersOfTen(min: number, max: number): number[] {
  const powers: number[] = [];
  for (let power = 10 ** Math.ceil(Math.log10(min) - 1e-9); power <= max * 1.001; power *= 10)
    powers.push(power);
  return powers;
}
