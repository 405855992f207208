import { expect, test } from 'vitest';
import { formatPercentilePlot, percentilePoints } from '../src/percentile-plot.js';

const FEW = {
  count: 4,
  min: 10,
  max: 1000,
  buckets: [
    [10, 3],
    [1000, 1],
  ] as const,
};

test('draws the share that a latency reaches as a step, up to the longest', () => {
  expect(percentilePoints(FEW)).toEqual([
    [1, 10],
    [1, 10],
    [4, 10],
    [4, 1000],
    [4, 1000],
  ]);
});

test('never goes back, however many buckets there are', () => {
  const buckets = Array.from({ length: 500 }, (_, i) => [i + 1, (i * 7919) % 13] as const);
  const count = buckets.reduce((sum, [, held]) => sum + held, 0);
  const points = percentilePoints({ count, min: 1, max: 500, buckets });
  for (let i = 1; i < points.length; i++) {
    expect(points[i][0]).toBeGreaterThanOrEqual(points[i - 1][0]);
    expect(points[i][1]).toBeGreaterThanOrEqual(points[i - 1][1]);
  }
  expect(points.at(-1)).toEqual([count, 500]);
});

test('is one file, in light and in dark, with a line for each case of each panel', () => {
  const lines = [
    { name: 'a & <b>', distribution: FEW },
    { name: 'nothing', distribution: { count: 0, min: 0, max: 0, buckets: [] } },
    { name: 'c', distribution: FEW },
  ];
  const panels = ['one', 'two'].map((title) => ({ title, lines }));
  const svg = formatPercentilePlot('A "title"', panels, 2);
  expect(svg.match(/<polyline /g)).toHaveLength(4);
  expect(svg).toContain('prefers-color-scheme: dark');
  expect(svg).toContain('a &amp; &lt;b>');
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  expect(svg.match(/https?:[^"]*/g)).toEqual(['http://www.w3.org/2000/svg']);
  expect(unbalanced(svg)).toEqual([]);
});

/** Elements that are left open, or closed without having been opened. */
function unbalanced(xml: string): string[] {
  const open: string[] = [];
  for (const [, end, name, empty] of xml.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)) {
    if (end === '') {
      if (empty === '') open.push(name);
    } else if (open.pop() !== name) return [`</${name}>`];
  }
  return open;
}
