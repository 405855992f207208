import type { Distribution } from './latency.js';

/** One case of a panel. */
export interface PlotLine {
  readonly name: string;
  readonly distribution: Distribution;
}

/** A set of axes; all panels of a plot have the same scales and cases, in the same order. */
export interface PlotPanel {
  readonly title: string;
  readonly lines: readonly PlotLine[];
}

const PANEL_WIDTH = 460;
const PANEL_HEIGHT = 250;
const MARGIN = { left: 62, right: 18, top: 34, bottom: 46 };
const HEAD = 66;
/** Readable on white and on black; told apart by their dashes too. */
const DASHES = ['6 4', '', '', '2 3'];
const STYLE = `
svg { background: #ffffff; color: #1f2328; font: 12px system-ui, sans-serif; }
text { fill: currentColor; } .title { font-size: 16px; font-weight: 600; } .panel { font-weight: 600; } .small { font-size: 11px; opacity: .75; }
.grid { stroke: currentColor; stroke-opacity: .15; } .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.c0 { stroke: #6e7781; } .c1 { stroke: #0969da; } .c2 { stroke: #bc4c00; } .c3 { stroke: #1a7f37; }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117; color: #e6edf3; }
  .c0 { stroke: #9198a1; } .c1 { stroke: #58a6ff; } .c2 { stroke: #ffa657; } .c3 { stroke: #56d364; }
}`;

/**
 * A self-contained SVG: latency over percentile, both logarithmic (the percentile as 1 / (1 - p), so that each further
 * nine is as wide as the one before), in light or dark as the reader's system is.
 *
 * @param panels in columns: all panels of the first one first
 */
export function formatPercentilePlot(title: string, panels: readonly PlotPanel[], columns: number): string {
  const rows = Math.ceil(panels.length / columns);
  const width = PANEL_WIDTH * columns;
  const height = HEAD + PANEL_HEIGHT * rows;
  const scales = commonScales(panels);
  const drawn = panels.map((panel, index) => {
    const x = Math.floor(index / rows) * PANEL_WIDTH;
    const y = HEAD + (index % rows) * PANEL_HEIGHT;
    return `<g transform="translate(${x} ${y})">${drawPanel(panel, scales)}</g>`;
  });
  const names = panels[0]?.lines.map(({ name }) => name) ?? [];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<style>${STYLE}\n</style>`,
    `<text class="title" x="16" y="26">${escapeXml(title)}</text>`,
    ...drawLegend(names),
    ...drawn,
    '</svg>\n',
  ].join('\n');
}

/** In a panel, in pixels. */
type Place = readonly [x: number, y: number];

interface Scales {
  /** From 1 / (1 - p), and from ns, to places in a panel. */
  readonly x: (nines: number) => number;
  readonly y: (ns: number) => number;
  readonly decadesX: readonly number[];
  readonly decadesY: readonly number[];
}

function commonScales(panels: readonly PlotPanel[]): Scales {
  const all = panels.flatMap(({ lines }) => lines.map(({ distribution }) => distribution));
  const used = all.filter(({ count }) => count > 0);
  const lastX = Math.ceil(Math.log10(Math.max(10, ...used.map(({ count }) => count))));
  const firstY = Math.floor(Math.log10(Math.max(1, Math.min(1e9, ...used.map(({ min }) => min)))));
  const lastY = Math.max(firstY + 1, Math.ceil(Math.log10(Math.max(10, ...used.map(({ max }) => max)))));
  const plotWidth = PANEL_WIDTH - MARGIN.left - MARGIN.right;
  const plotHeight = PANEL_HEIGHT - MARGIN.top - MARGIN.bottom;
  return {
    x: (nines) => MARGIN.left + (Math.log10(nines) / lastX) * plotWidth,
    y: (ns) => {
      const share = (Math.log10(Math.max(ns, 10 ** firstY)) - firstY) / (lastY - firstY);
      return MARGIN.top + (1 - share) * plotHeight;
    },
    decadesX: range(0, lastX),
    decadesY: range(firstY, lastY),
  };
}

function drawPanel({ title, lines }: PlotPanel, { x, y, decadesX, decadesY }: Scales): string {
  const left = MARGIN.left;
  const right = PANEL_WIDTH - MARGIN.right;
  const top = MARGIN.top;
  const bottom = PANEL_HEIGHT - MARGIN.bottom;
  const parts = [`<text class="panel" x="${left}" y="${top - 12}">${escapeXml(title)}</text>`];
  for (const decade of decadesX) {
    const at = round(x(10 ** decade));
    parts.push(`<path class="grid" d="M${at} ${top}V${bottom}"/>`);
    parts.push(
      `<text class="small" x="${at}" y="${bottom + 16}" text-anchor="middle">${percentLabel(decade)}</text>`,
    );
  }
  for (const decade of decadesY) {
    const at = round(y(10 ** decade));
    parts.push(`<path class="grid" d="M${left} ${at}H${right}"/>`);
    parts.push(
      `<text class="small" x="${left - 6}" y="${at + 4}" text-anchor="end">${nsLabel(decade)}</text>`,
    );
  }
  parts.push(
    `<text class="small" x="${(left + right) / 2}" y="${bottom + 33}" text-anchor="middle">percentile</text>`,
  );
  for (const [index, { distribution, name }] of lines.entries()) {
    if (distribution.count === 0) continue;
    const places = percentilePoints(distribution).map(
      ([nines, ns]) => [round(x(nines)), round(y(ns))] as const,
    );
    parts.push(
      `<polyline class="line c${index % 4}"${dash(index)} points="${thinned(places).join(' ')}"><title>${escapeXml(name)}</title></polyline>`,
    );
  }
  return parts.join('');
}

/** Without those less than a pixel from the one before: a histogram has a hundred buckets for each decade. */
function thinned(places: readonly Place[]): Place[] {
  const kept = places.slice(0, 1);
  for (const place of places.slice(1, -1)) {
    const [x, y] = kept[kept.length - 1];
    if (Math.abs(place[0] - x) >= 1 || Math.abs(place[1] - y) >= 1) kept.push(place);
  }
  return [...kept, ...places.slice(-1)];
}

/** The curve: up to which share of all, as 1 / (1 - p), the latency is no longer than that; rising in both. */
export function percentilePoints({ count, min, max, buckets }: Distribution): [nines: number, ns: number][] {
  const points: [number, number][] = [[1, min]];
  let seen = 0;
  for (const [ns, held] of buckets) {
    const shown = Math.min(Math.max(ns, min), max);
    // A step: this latency from the share below it to the share with it.
    points.push([count / (count - seen), shown]);
    seen += held;
    if (seen < count) points.push([count / (count - seen), shown]);
  }
  // The longest is one of `count`: the last of the shares that can be told apart.
  points.push([count, max]);
  return points.filter(([nines], index) => index === 0 || nines >= points[index - 1][0]);
}

function drawLegend(names: readonly string[]): string[] {
  let x = 16;
  return names.map((name, index) => {
    const entry = `<path class="line c${index % 4}"${dash(index)} d="M${x} 46h26"/><text x="${x + 32}" y="50">${escapeXml(name)}</text>`;
    x += 60 + name.length * 6.6;
    return entry;
  });
}

function dash(index: number): string {
  const dashes = DASHES[index % DASHES.length];
  return dashes === '' ? '' : ` stroke-dasharray="${dashes}"`;
}

/** 0 %, 90 %, 99 %, 99.9 % ... */
function percentLabel(decade: number): string {
  return decade === 0 ? '0 %' : `${(100 - 10 ** (2 - decade)).toFixed(Math.max(0, decade - 2))} %`;
}

function nsLabel(decade: number): string {
  const units = ['ns', 'us', 'ms', 's'];
  const unit = Math.min(3, Math.floor(decade / 3));
  return `${10 ** (decade - 3 * unit)} ${units[unit]}`;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
