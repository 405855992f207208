import type uPlotType from 'uplot';
import { formatNs, formatSeconds, formatShort } from '../run/figures.js';
import { Chart, type ChartOptions, chartAxis, logSplits } from './chart.js';
import { colour, lineStyle } from './theme.js';

export interface Line {
  readonly name: string;
  readonly seconds: readonly number[];
  /** null: nothing was measured, and the line has a gap. */
  readonly values: readonly (number | null)[];
}

/** A moment that all lines have in common. */
export interface ChartMark {
  readonly second: number;
  readonly kind: 'killed' | 'recovered';
}

export interface LineChartOptions {
  readonly unit: string;
  readonly logarithmic?: boolean;
}

/** uPlot's numbers for what to do with a null among the seconds of other lines: a gap is to stay whole. */
const NULL_RETAIN = 1;
const NULL_EXPAND = 2;

/** Values over the seconds of a run. */
export class LineChart {
  readonly #options: LineChartOptions;
  readonly #chart: Chart;
  #names: readonly string[] = [];
  #marks: readonly ChartMark[] = [];
  #range: readonly [from: number, to: number] | undefined;

  constructor(container: HTMLElement, options: LineChartOptions) {
    this.#options = options;
    this.#chart = new Chart(container, [[]], () => this.#chartOptions());
  }

  /** @param range in seconds; undefined = all there is */
  show(lines: readonly Line[], marks: readonly ChartMark[] = [], range?: readonly [number, number]): void {
    this.#names = lines.map(({ name }) => name);
    this.#marks = marks;
    this.#range = range;
    const tables = lines.map(({ seconds, values }) => [seconds, values] as unknown as uPlotType.AlignedData);
    // Lines of one run have the same seconds; those of several runs do not.
    const isOneRun = lines.every(({ seconds }) => seconds === lines[0].seconds);
    const data = isOneRun
      ? ([lines[0]?.seconds ?? [], ...lines.map(({ values }) => values)] as unknown as uPlotType.AlignedData)
      : uPlot.join(
          tables,
          tables.map(() => [NULL_RETAIN, NULL_EXPAND]),
        );
    this.#chart.setData(data);
    const [from, to] = this.#xRange(data[0].at(-1) ?? null);
    this.#chart.describe(`from ${formatSeconds(from)} to ${formatSeconds(to)}`);
  }

  #chartOptions(): ChartOptions {
    const { unit, logarithmic = false } = this.#options;
    const format = (value: number): string => formatUnit(value, unit);
    return {
      cursor: { drag: { x: false, y: false }, points: { size: 7 } },
      scales: {
        x: { time: false, range: (_, __, max) => this.#xRange(max) },
        y: logarithmic ? { distr: 3 } : { range: (_, __, max) => [0, niceMax(max)] },
      },
      axes: [
        chartAxis({ values: (_, splits) => splits.map(formatSeconds), space: 80, size: 32 }),
        chartAxis({
          values: (_, splits) => splits.map(format),
          size: 72,
          ...(logarithmic
            ? { splits: (_, __, min, max) => logSplits(min, max), filter: (_, splits) => splits }
            : {}),
        }),
      ],
      series: [
        { label: 'at', value: (_, second) => (isNumber(second) ? formatSeconds(second) : '-') },
        ...this.#names.map((label, line) => ({
          label,
          ...lineStyle(line),
          width: 2,
          gaps: (plot: uPlotType, _: number, __: number, ___: number, gaps: uPlotType.Series.Gaps) =>
            longGaps(plot, gaps),
          points: { show: false, size: 5, filter: isolatedPoints },
          value: (_: uPlotType, value: unknown) => (isNumber(value) ? format(value) : '-'),
        })),
      ],
      hooks: { drawAxes: [(plot) => this.#drawMarks(plot)] },
    };
  }

  #xRange(max: number | null): [number, number] {
    if (this.#range !== undefined) return [this.#range[0], this.#range[1]];
    return [0, max ?? 1];
  }

  #drawMarks(plot: uPlotType): void {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.lineWidth = devicePixelRatio;
    for (const { second, kind } of this.#marks) {
      const x = Math.round(plot.valToPos(second, 'x', true));
      ctx.strokeStyle = colour(kind === 'killed' ? '--bad' : '--good');
      ctx.setLineDash(kind === 'killed' ? [] : [4, 4]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }
}

/** So short a time without a value, where nothing came to be measured, is no gap. */
const BRIDGED_SECONDS = 1;

/** Of the gaps that uPlot has found, in pixels, those that are shown. */
function longGaps(plot: uPlotType, gaps: uPlotType.Series.Gaps): uPlotType.Series.Gaps {
  return gaps.filter(
    ([from, to]) => plot.posToVal(to, 'x', true) - plot.posToVal(from, 'x', true) > BRIDGED_SECONDS,
  );
}

/** A value without another one near it makes no line: it is shown as a point. */
function isolatedPoints(plot: uPlotType, series: number): number[] {
  const seconds = plot.data[0];
  const values = plot.data[series];
  const measured = Array.from(values.keys()).filter((i) => (values[i] ?? null) !== null);
  const isNear = (i: number, other: number): boolean =>
    other in measured && Math.abs(seconds[measured[other]] - seconds[measured[i]]) <= BRIDGED_SECONDS;
  return measured.filter((_, i) => !isNear(i, i - 1) && !isNear(i, i + 1));
}

/** Values are null in a gap, and undefined at a second of another line. */
function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

/** A little more than there is, and something where there is nothing. */
function niceMax(max: number | null): number {
  return max === null || max <= 0 ? 1 : max * 1.08;
}

function formatUnit(value: number, unit: string): string {
  if (unit === 'ns') return formatNs(value);
  if (unit === 'ms') return formatNs(value * 1e6);
  return unit === '%' ? `${formatShort(value)} %` : formatShort(value);
}
