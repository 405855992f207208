import { expect, test } from 'vitest';
import { formatGroup, formatNs } from '../src/print.js';

test.for([
  [42, '42 ns'],
  [999.4, '999 ns'],
  [1234, '1.23 us'],
  [56_789, '56.8 us'],
  [123_456, '123 us'],
  [7_000_000, '7.00 ms'],
  [2_500_000_000, '2.50 s'],
  [Number.NaN, '-'],
] as const)('writes %d ns as %s', ([ns, text]) => {
  expect(formatNs(ns)).toBe(text);
});

test('says of a target whether it was met, and of what could not be measured that it was not', () => {
  const text = formatGroup({
    group: 'name',
    rows: [{ name: 'row', medianNs: Number.NaN, perSec: Number.NaN }],
    latencies: [
      {
        name: 'case',
        count: 1000,
        p50: 1,
        p99: 2,
        p999: 3,
        p9999: 4,
        max: 5,
        distribution: { count: 0, min: 0, max: 0, buckets: [] },
      },
    ],
    ratios: [
      { name: 'good', value: 1, target: 'at most 2', met: true },
      { name: 'bad', value: 3, target: 'at most 2', met: false },
      { name: 'none', value: Number.NaN, target: 'at most 2', met: false },
    ],
  });
  expect(text).toMatch(/row +not measured/);
  expect(text).toMatch(/p50 +p99 +p99\.9 +p99\.99 +max +count/);
  expect(text).toMatch(/case +1 ns +2 ns +3 ns +4 ns +5 ns +1,000/);
  expect(text).toMatch(/good +1\.00 +target: at most 2: met/);
  expect(text).toMatch(/bad +3\.00 +target: at most 2: MISSED/);
  expect(text).toMatch(/none +not measured/);
});
