import { type SegmentState, segmentFileName } from '@fswal/format';
import { describe, expect, it } from 'vitest';
import { drawLog } from '../src/log/log-picture.js';

function front(segmentIndex: number, state: SegmentState = 'sealed', compressed = false) {
  return { file: { name: segmentFileName(segmentIndex), segmentIndex, compressed }, state };
}

describe('the picture of a log', () => {
  it('has a character for each segment, and marks the durable one', () => {
    const segments = [
      front(5, 'sealed', true),
      front(6),
      front(8, 'unreadable'),
      front(9, 'open'),
      front(10, 'prepared'),
    ];
    expect(drawLog(segments, 9).lines).toEqual(['         5 z#_!>.', `${' '.repeat(15)}^`]);
  });

  it('has nothing durable to mark, or nothing to draw', () => {
    expect(drawLog([front(0)], undefined).lines).toEqual(['         0 #']);
    expect(drawLog([], 0).lines).toEqual([]);
  });

  it('goes on in the next line', () => {
    const segments = Array.from({ length: 100 }, (_, i) => front(i));
    const { lines, segmentsPerCell } = drawLog(segments, 70);
    expect(segmentsPerCell).toBe(1);
    expect(lines).toEqual([
      `         0 ${'#'.repeat(64)}`,
      `        64 ${'#'.repeat(36)}`,
      `${' '.repeat(17)}^`,
    ]);
  });

  it('stands for several segments with the most remarkable of them', () => {
    const segments = Array.from({ length: 1000 }, (_, i) => front(i, i === 501 ? 'unreadable' : 'sealed'));
    const { lines, segmentsPerCell } = drawLog(segments, 999);
    expect(segmentsPerCell).toBe(4);
    const cells = lines
      .filter((line) => !line.includes('^'))
      .map((line) => line.slice(11))
      .join('');
    expect(cells).toHaveLength(250);
    expect(cells.indexOf('!')).toBe(125);
  });

  it('does not take long over a gap as wide as indexes allow', () => {
    const { lines } = drawLog([front(0), front(99_999_999)], 99_999_999);
    const cells = lines
      .filter((line) => !line.includes('^'))
      .map((line) => line.slice(11))
      .join('');
    expect(cells.length).toBeLessThanOrEqual(256);
    expect(cells.replaceAll('_', '')).toBe('');
  });
});
