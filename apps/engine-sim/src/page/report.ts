import type { SegmentLife } from '../run/segment-lives.js';
import { pageData } from './dom.js';
import { type ChartMark, type Line, LineChart } from './line-chart.js';
import { PercentileChart, type PercentileLine } from './percentile-chart.js';
import { SegmentTimeline } from './segment-timeline.js';
import { setUpTheme } from './theme.js';

/** What a figure shows; the page has an element `figure-N` for each, in their order. */
export type FigureData =
  | { readonly kind: 'percentiles'; readonly lines: readonly PercentileLine[] }
  | {
      readonly kind: 'lines';
      readonly unit: string;
      readonly logarithmic: boolean;
      readonly lines: readonly Line[];
      readonly marks: readonly ChartMark[];
    }
  | { readonly kind: 'segments'; readonly lives: readonly SegmentLife[]; readonly seconds: number };

export interface ReportData {
  /** 1 / (1 - p) of the points of a curve. */
  readonly xs: readonly number[];
  readonly figures: readonly FigureData[];
}

const report = pageData<ReportData>();

function draw(container: HTMLElement, figure: FigureData): void {
  switch (figure.kind) {
    case 'percentiles':
      new PercentileChart(container, report.xs).show(figure.lines);
      break;
    case 'lines':
      new LineChart(container, figure).show(figure.lines, figure.marks);
      break;
    case 'segments':
      new SegmentTimeline(container).show(figure.lives, figure.seconds);
      break;
  }
}

report.figures.forEach((figure, index) => {
  const container = document.getElementById(`figure-${index}`);
  if (container !== null) draw(container, figure);
});
setUpTheme();
