import { curveXs, percentileCurve } from '../measure/distributions.js';
import type { ChartMark, Line } from '../page/line-chart.js';
import type { FigureData, ReportData } from '../page/report.js';
import type { RecordedDistribution } from '../run/run-record.js';
import type { SegmentLife } from '../run/segment-lives.js';
import { escapeHtml, makePage } from './html.js';
import { pageScript } from './page-script.js';
import { pageStyle } from './style.js';

/** A report as plain data: texts are texts, whatever they hold. */
export interface ReportDocument {
  readonly title: string;
  /** Lines below the title. */
  readonly about?: readonly string[];
  /** What came of it. */
  readonly verdict?: { readonly sound: boolean; readonly text: string } | undefined;
  readonly sections: readonly ReportSection[];
}

/** Sections, figures and tables of nothing are left out. */
export interface ReportSection {
  readonly title: string;
  readonly text?: string;
  readonly figures?: readonly ReportFigure[];
  readonly tables?: readonly ReportTable[];
}

interface FigureText {
  readonly title: string;
  readonly text?: string;
  /** As wide as the page; else two are beside each other. */
  readonly wide?: boolean;
}

export type ReportFigure = FigureText &
  (
    | {
        readonly kind: 'percentiles';
        readonly lines: readonly { readonly name: string; readonly distribution: RecordedDistribution }[];
      }
    | {
        readonly kind: 'lines';
        /** `ns` and `ms` are shown in the unit that suits the value. */
        readonly unit: string;
        readonly logarithmic?: boolean;
        readonly lines: readonly Line[];
        readonly marks?: readonly ChartMark[];
      }
    | { readonly kind: 'segments'; readonly lives: readonly SegmentLife[]; readonly seconds: number }
  );

export interface ReportTable {
  readonly title: string;
  readonly head: readonly string[];
  /** The first cell names the row. */
  readonly rows: readonly (readonly string[])[];
  /** Whether the cells are words, and not figures, which stand on the right. */
  readonly words?: boolean;
}

/** One self-contained HTML file: everything is inside, and it loads nothing. */
export function renderReport(document: ReportDocument): string {
  const figures: FigureData[] = [];
  const sections = document.sections.map((section) => renderSection(section, figures));
  const data: ReportData = { xs: curveXs(), figures };
  const { title, about = [], verdict } = document;
  const body = `<header class="page">
<div class="line"><h1>${escapeHtml(title)}</h1><button type="button" id="theme" aria-pressed="false" aria-label="Dark theme">Dark</button></div>
${about.map((line) => `<p class="quiet">${escapeHtml(line)}</p>`).join('\n')}
${verdict === undefined ? '' : `<div class="banner" data-sound="${verdict.sound}"><b>${verdict.sound ? 'sound' : 'not sound'}</b><span>${escapeHtml(verdict.text)}</span></div>`}
</header>
<main>
${sections.join('\n')}
<noscript><p>The charts are drawn by the script of this file; the tables are all here.</p></noscript>
</main>
<footer>Made by engine-sim of @fswal. This file loads nothing.</footer>`;
  return makePage({ title, style: pageStyle(), script: pageScript('report'), data, body }).html;
}

function renderSection({ title, text, figures = [], tables = [] }: ReportSection, all: FigureData[]): string {
  const cards = [
    ...figures.filter((figure) => !isEmpty(figure)).map((figure) => renderFigure(figure, all)),
    ...tables.filter(({ rows }) => rows.length > 0).map(renderTable),
  ];
  if (cards.length === 0) return '';
  const about = text === undefined ? '' : `<p class="quiet">${escapeHtml(text)}</p>\n`;
  return `<section><h2>${escapeHtml(title)}</h2>\n${about}<div class="grid">\n${cards.join('\n')}\n</div></section>`;
}

function renderFigure(figure: ReportFigure, all: FigureData[]): string {
  const index = all.push(figureData(figure)) - 1;
  const { title, text, wide = false } = figure;
  const about = text === undefined ? '' : `<small>${escapeHtml(text)}</small>`;
  return `<figure class="card${wide ? ' wide' : ''}"><figcaption>${escapeHtml(title)}${about}</figcaption><div id="figure-${index}"></div></figure>`;
}

function figureData(figure: ReportFigure): FigureData {
  switch (figure.kind) {
    case 'percentiles': {
      const lines = figure.lines.filter(({ distribution }) => distribution.count > 0);
      return {
        kind: 'percentiles',
        lines: lines.map(({ name, distribution }) => ({ name, curve: percentileCurve(distribution) })),
      };
    }
    case 'lines': {
      const { unit, logarithmic = false, lines, marks = [] } = figure;
      return { kind: 'lines', unit, logarithmic, lines, marks };
    }
    case 'segments':
      return { kind: 'segments', lives: figure.lives, seconds: figure.seconds };
  }
}

function isEmpty(figure: ReportFigure): boolean {
  switch (figure.kind) {
    case 'percentiles':
      return figure.lines.every(({ distribution }) => distribution.count === 0);
    case 'lines':
      return figure.lines.every(({ values }) => values.every((value) => value === null));
    case 'segments':
      return figure.lives.length === 0;
  }
}

function renderTable({ title, head, rows, words = false }: ReportTable): string {
  const kind = words ? ' class="text"' : '';
  const cells = (row: readonly string[]): string =>
    row
      .map((cell, i) =>
        i === 0 ? `<th scope="row">${escapeHtml(cell)}</th>` : `<td${kind}>${escapeHtml(cell)}</td>`,
      )
      .join('');
  const heads = head.map((cell) => `<th scope="col"${kind}>${escapeHtml(cell)}</th>`).join('');
  const header = head.length === 0 ? '' : `<thead><tr>${heads}</tr></thead>`;
  const lines = rows.map((row) => `<tr>${cells(row)}</tr>`).join('\n');
  return `<div class="card wide scroll"><table class="data${words ? ' words' : ''}"><caption>${escapeHtml(title)}</caption>${header}<tbody>
${lines}
</tbody></table></div>`;
}
