import { formatSeconds } from '../run/figures.js';
import { SEGMENT_STATES, type SegmentLife, type SegmentState } from '../run/segment-lives.js';
import { element } from './dom.js';
import { colour, isOnPaper, onRepaint } from './theme.js';

const TIMELINE_PAPER_WIDTH = 660;
/** Of the rows together, as long as a row can be told from the next one. */
const MOST_HEIGHT = 900;
const ROW_HEIGHTS = [16, 12, 8, 5, 3, 2, 1];
const GUTTER = { left: 64, right: 12, top: 6, bottom: 26 };
const LABEL_HEIGHT = 16;
const LABEL_WIDTH = 90;

/** What is drawn: all but `deleted`, which is where a life ends. */
const DRAWN = SEGMENT_STATES.filter((state) => state !== 'deleted');

/** The lives of a log's segments, one row each, over the seconds of a run. */
export class SegmentTimeline {
  readonly #container: HTMLElement;
  readonly #canvas = element('canvas', { tabindex: '0', role: 'img', class: 'timeline' });
  readonly #readout = element('p', { class: 'readout', 'aria-live': 'polite' });
  #lives: readonly SegmentLife[] = [];
  #range: readonly [from: number, to: number] = [0, 1];
  #end = 0;
  #chosen: number | undefined;

  constructor(container: HTMLElement) {
    this.#container = container;
    container.append(legend(), this.#canvas, this.#readout);
    new ResizeObserver(() => this.#paint()).observe(container);
    onRepaint(() => this.#paint());
    this.#canvas.addEventListener('pointermove', ({ offsetY }) => this.#choose(this.#rowAt(offsetY)));
    this.#canvas.addEventListener('pointerleave', () => this.#choose(undefined));
    this.#canvas.addEventListener('keydown', (event) => {
      const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      this.#choose(Math.max(0, Math.min(this.#lives.length - 1, (this.#chosen ?? -1) + step)));
    });
  }

  /**
   * @param end the second at which lives that go on are cut
   * @param range what is shown; undefined = from the first to the end
   */
  show(lives: readonly SegmentLife[], end: number, range?: readonly [number, number]): void {
    this.#range = range ?? [0, Math.max(end, 0.001)];
    this.#end = end;
    const [from, to] = this.#range;
    this.#lives = lives.filter((life) => firstSecond(life) <= to && (life.deleted ?? end) >= from);
    this.#canvas.setAttribute(
      'aria-label',
      `timeline of ${this.#lives.length} segments; the arrow keys choose one`,
    );
    this.#paint();
    this.#choose(this.#chosen);
  }

  get #rowHeight(): number {
    const rows = Math.max(1, this.#lives.length);
    return ROW_HEIGHTS.find((height) => rows * height <= MOST_HEIGHT / 2) ?? MOST_HEIGHT / rows;
  }

  #rowAt(y: number): number | undefined {
    const row = Math.floor((y - GUTTER.top) / this.#rowHeight);
    return row >= 0 && row < this.#lives.length ? row : undefined;
  }

  #choose(row: number | undefined): void {
    this.#chosen = row;
    const life = row === undefined ? undefined : this.#lives[row];
    this.#readout.textContent = life === undefined ? '\u00a0' : describeLife(life);
  }

  #paint(): void {
    const width = isOnPaper() ? TIMELINE_PAPER_WIDTH : this.#container.clientWidth;
    if (width === 0) return;
    const rowHeight = this.#rowHeight;
    const height = Math.ceil(GUTTER.top + rowHeight * Math.max(1, this.#lives.length) + GUTTER.bottom);
    const canvas = this.#canvas;
    canvas.width = width * devicePixelRatio;
    canvas.height = height * devicePixelRatio;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const context = canvas.getContext('2d');
    if (context === null) return;
    context.scale(devicePixelRatio, devicePixelRatio);
    context.font = '12px system-ui, sans-serif';
    const plotWidth = width - GUTTER.left - GUTTER.right;
    const [from, to] = this.#range;
    const xOf = (second: number): number => GUTTER.left + ((second - from) / (to - from)) * plotWidth;
    this.#paintTimeAxis(context, plotWidth, height, xOf);
    this.#paintLabels(context, rowHeight);
    context.save();
    context.beginPath();
    context.rect(GUTTER.left, 0, plotWidth, height);
    context.clip();
    this.#lives.forEach((life, row) => {
      this.#paintLife(context, life, GUTTER.top + row * rowHeight, rowHeight, xOf);
    });
    context.restore();
  }

  #paintLife(
    context: CanvasRenderingContext2D,
    life: SegmentLife,
    y: number,
    rowHeight: number,
    xOf: (second: number) => number,
  ): void {
    const gap = rowHeight >= 5 ? 1 : 0;
    DRAWN.forEach((state, index) => {
      const begin = life[state];
      if (begin === undefined) return;
      const later = SEGMENT_STATES.slice(index + 1).map((next) => life[next]);
      const end = later.find((second) => second !== undefined) ?? this.#end;
      // However short it was, it was.
      const width = Math.max(xOf(end) - xOf(begin), 1);
      const thin = state === 'prepared' ? rowHeight * 0.3 : gap;
      context.fillStyle = colour(`--${state}`);
      context.fillRect(xOf(begin), y + thin, width, Math.max(rowHeight - 2 * thin, rowHeight * 0.4));
    });
  }

  #paintTimeAxis(
    context: CanvasRenderingContext2D,
    plotWidth: number,
    height: number,
    xOf: (second: number) => number,
  ): void {
    const [from, to] = this.#range;
    const step = niceStep(((to - from) * LABEL_WIDTH) / plotWidth);
    context.textAlign = 'center';
    for (let second = Math.ceil(from / step) * step; second <= to; second += step) {
      context.fillStyle = colour('--grid');
      context.fillRect(Math.round(xOf(second)), GUTTER.top, 1, height - GUTTER.top - GUTTER.bottom);
      context.fillStyle = colour('--muted');
      context.fillText(formatSeconds(second), xOf(second), height - 8);
    }
  }

  #paintLabels(context: CanvasRenderingContext2D, rowHeight: number): void {
    const every = Math.max(1, Math.ceil(LABEL_HEIGHT / rowHeight));
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    context.fillStyle = colour('--muted');
    for (let row = 0; row < this.#lives.length; row += every) {
      const y = GUTTER.top + (row + 0.5) * rowHeight;
      context.fillText(String(this.#lives[row].segmentIndex), GUTTER.left - 8, y);
    }
    context.textBaseline = 'alphabetic';
  }
}

function legend(): HTMLElement {
  const entries = DRAWN.map((state) => element('li', { class: `state ${state}` }, state));
  return element('ul', { class: 'states' }, ...entries);
}

function firstSecond(life: SegmentLife): number {
  return Math.min(...SEGMENT_STATES.flatMap((state) => life[state] ?? []));
}

function describeLife(life: SegmentLife): string {
  const moment = (state: SegmentState): string[] =>
    life[state] === undefined ? [] : [`${state} at ${formatSeconds(life[state])}`];
  return `segment ${life.segmentIndex}: ${SEGMENT_STATES.flatMap(moment).join(', ')}`;
}

/** 1, 2 or 5 times a power of ten, not below `least`. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 5, 10].find((step) => step * power >= least) ?? 10) * power;
}
