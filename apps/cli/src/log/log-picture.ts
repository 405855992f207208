import type { SegmentState } from '@fswal/format';
import type { SegmentFront } from './segment-front.js';

/** Cells in a line: with the index before it, it fits 80 columns. */
const LINE_CELLS = 64;
const MAX_LINES = 4;
const INDEX_WIDTH = 10;
const MISSING = '_';
const DURABLE = '^';

/** One character for each kind of segment, the more remarkable one later. */
export const GLYPHS: Readonly<Record<SegmentState | 'compressed' | 'missing', string>> = {
  prepared: '.',
  compressed: 'z',
  sealed: '#',
  open: '>',
  unreadable: '!',
  missing: MISSING,
};
const BY_IMPORTANCE = Object.values(GLYPHS).join('');

export function glyphOf({ file, state }: Pick<SegmentFront, 'file' | 'state'>): string {
  return GLYPHS[file.compressed && state === 'sealed' ? 'compressed' : state];
}

/** The lines of a picture and what their characters mean. */
export interface LogPicture {
  readonly lines: readonly string[];
  /** Segments that one character stands for: the most remarkable of them. */
  readonly segmentsPerCell: number;
}

/**
 * The log as a line of characters from the oldest segment to the newest, or several such lines:
 *
 *            0 zzzzzzzzzz####>..
 *                            ^
 *
 * A missing segment is `_`; `^` stands below the one that holds the durable position.
 *
 * @param durableIndex undefined where nothing is durable
 */
export function drawLog(
  segments: readonly Pick<SegmentFront, 'file' | 'state'>[],
  durableIndex: number | undefined,
): LogPicture {
  const first = segments[0]?.file.segmentIndex;
  if (first === undefined) return { lines: [], segmentsPerCell: 1 };
  const last = segments[segments.length - 1].file.segmentIndex;
  const perCell = Math.ceil((last - first + 1) / (LINE_CELLS * MAX_LINES));
  const cells = Array<string>(Math.ceil((last - first + 1) / perCell)).fill('');
  let expected = first;
  const mark = (index: number, glyph: string) => {
    const cell = Math.floor((index - first) / perCell);
    if (BY_IMPORTANCE.indexOf(glyph) >= BY_IMPORTANCE.indexOf(cells[cell])) cells[cell] = glyph;
  };
  for (const segment of segments) {
    const { segmentIndex } = segment.file;
    // A gap may be as wide as the index allows: once for each cell is enough.
    for (let index = expected; index < segmentIndex; index += perCell) mark(index, MISSING);
    if (segmentIndex > expected) mark(segmentIndex - 1, MISSING);
    mark(segmentIndex, glyphOf(segment));
    expected = segmentIndex + 1;
  }
  const durableCell = durableIndex === undefined ? -1 : Math.floor((durableIndex - first) / perCell);
  return { lines: linesOf(cells, first, perCell, durableCell), segmentsPerCell: perCell };
}

function linesOf(cells: readonly string[], first: number, perCell: number, durableCell: number): string[] {
  const lines: string[] = [];
  for (let at = 0; at < cells.length; at += LINE_CELLS) {
    const index = String(first + at * perCell).padStart(INDEX_WIDTH);
    lines.push(`${index} ${cells.slice(at, at + LINE_CELLS).join('')}`);
    if (durableCell < at || durableCell >= at + LINE_CELLS) continue;
    lines.push(`${' '.repeat(INDEX_WIDTH + 1 + durableCell - at)}${DURABLE}`);
  }
  return lines;
}
