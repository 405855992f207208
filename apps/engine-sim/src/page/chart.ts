import type uPlotType from 'uplot';
import { colour, isOnPaper, onRepaint } from './theme.js';

/** What fits a sheet of paper, upright, in CSS pixels. */
const PAPER_WIDTH = 660;
const NARROW = 480;
const HEIGHTS = { narrow: 220, wide: 260 };

/** All of uPlot's options that are not the same for all charts; made anew when the colours change. */
export type ChartOptions = Omit<uPlotType.Options, 'width' | 'height'>;

/** A uPlot chart that is as wide as the element it is in, has the page's colours, and can be used with the keyboard. */
export class Chart {
  readonly #container: HTMLElement;
  readonly #options: () => ChartOptions;
  #data: uPlotType.AlignedData;
  #plot: uPlotType | undefined;
  #description = '';

  constructor(container: HTMLElement, data: uPlotType.AlignedData, options: () => ChartOptions) {
    this.#container = container;
    this.#options = options;
    this.#data = data;
    new ResizeObserver(() => this.#fit()).observe(container);
    onRepaint(() => this.paint());
  }

  setData(data: uPlotType.AlignedData): void {
    this.#data = data;
    const columns = data.slice(1) as (number | null | undefined)[][];
    const isEmpty = columns.every((values) => values.every((value) => (value ?? null) === null));
    this.#container.classList.toggle('empty', isEmpty);
    if (this.#plot === undefined || this.#plot.series.length !== data.length) {
      this.paint();
    } else {
      this.#plot.setData(data);
      showLast(this.#plot);
    }
  }

  /** In words, for who does not see it. */
  describe(text: string): void {
    this.#description = text;
    this.#plot?.over.setAttribute('aria-label', `chart, ${text}; the arrow keys move the cursor`);
  }

  /** From the beginning: colours and names may have changed. */
  paint(): void {
    this.#plot?.destroy();
    this.#plot = new uPlot(
      { legend: { markers: { dash: dashStyle } }, ...this.#options(), ...this.#size() },
      this.#data,
      this.#container,
    );
    makeLegendUsable(this.#plot);
    makeCursorUsable(this.#plot);
    this.describe(this.#description);
    showLast(this.#plot);
  }

  #fit(): void {
    const { width, height } = this.#size();
    if (width > 0 && (this.#plot?.width !== width || this.#plot.height !== height)) {
      this.#plot?.setSize({ width, height });
    }
  }

  #size(): { width: number; height: number } {
    const width = isOnPaper() ? PAPER_WIDTH : this.#container.clientWidth;
    return { width, height: width < NARROW ? HEIGHTS.narrow : HEIGHTS.wide };
  }
}

/** An axis in the page's colours. */
export function chartAxis(more: uPlotType.Axis): uPlotType.Axis {
  const grid = { stroke: colour('--grid'), width: 1 };
  const font = '12px system-ui, sans-serif';
  return { stroke: colour('--muted'), font, grid, ticks: { ...grid, size: 4 }, gap: 4, ...more };
}

/** Whole powers of ten, and where there are few of them 2 and 5 between, for a logarithmic axis. */
export function logSplits(min: number, max: number): number[] {
  const decades = Math.log10(max / min);
  const steps = decades > 3 ? [1] : [1, 2, 5];
  const splits: number[] = [];
  for (let power = 10 ** Math.floor(Math.log10(min)); power <= max; power *= 10) {
    for (const step of steps) splits.push(power * step);
  }
  return splits.filter((split) => split >= min * 0.999 && split <= max * 1.001);
}

/** How a line is dashed, as its border style in the legend. */
function dashStyle(plot: uPlotType, series: number): string {
  const [dash = 0] = plot.series[series].dash ?? [];
  return dash === 0 ? 'solid' : dash < 5 ? 'dotted' : 'dashed';
}

/** The legend shows the last values as long as nobody points at others. */
function showLast(plot: uPlotType): void {
  // After uPlot has painted, which empties the legend.
  queueMicrotask(() => {
    const [seconds, ...columns] = plot.data as (number | null | undefined)[][];
    const last = seconds.findLastIndex((_, i) => columns.some((values) => typeof values[i] === 'number'));
    if ((plot.cursor.left ?? -1) < 0 && last >= 0) plot.setLegend({ idx: last });
  });
}

/** What hides and shows a line can be reached with the tab key. */
function makeLegendUsable(plot: uPlotType): void {
  const names = plot.root.querySelectorAll<HTMLElement>('.u-legend .u-series th');
  names.forEach((name, series) => {
    // The first one is the x axis, which cannot be hidden.
    if (series === 0) return;
    name.tabIndex = 0;
    name.setAttribute('role', 'button');
    name.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      name.click();
    });
  });
}

/** The arrow keys move the cursor, whose values the legend shows, from point to point. */
function makeCursorUsable(plot: uPlotType): void {
  const { over } = plot;
  over.tabIndex = 0;
  over.setAttribute('role', 'application');
  over.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const xs = plot.data[0];
    const at = Math.max(0, Math.min(xs.length - 1, (plot.cursor.idx ?? -1) + step));
    plot.setCursor({ left: plot.valToPos(xs[at], 'x'), top: plot.over.clientHeight / 2 });
  });
}
