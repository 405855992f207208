import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Sample } from '../src/index.js';
import { openMetricsText } from '../src/openmetrics.js';
import { parseOpenMetrics } from './helpers/parse-openmetrics.js';
import { gauge, sourceOf } from './helpers/samples.js';

describe('OpenMetrics text of whatever there is', () => {
  const labels = fc.dictionary(fc.stringMatching(/^[a-z][a-zA-Z0-9_]{0,3}$/), fc.string({ unit: 'binary' }), {
    maxKeys: 3,
    noNullPrototype: true,
  });
  const word = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9_]{0,5}$/);
  const about = { help: fc.string({ unit: 'binary' }), unit: fc.oneof(fc.constant(''), word), labels };
  const samples = (name: fc.Arbitrary<string>): fc.Arbitrary<Sample> =>
    fc.oneof(
      fc.record({ ...about, name, kind: fc.constant('gauge' as const), value: fc.double() }),
      fc.record({
        ...about,
        name,
        kind: fc.constant('counter' as const),
        value: fc.double({ min: 0, noNaN: true }),
      }),
      fc.record({
        ...about,
        name,
        kind: fc.constant('summary' as const),
        count: fc.nat(),
        sum: fc.double({ min: 0, noNaN: true }),
      }),
    );
  const allowed = (sample: Sample) => !('le' in sample.labels || 'quantile' in sample.labels);

  test('comes back from a strict parser as it was', () => {
    fc.assert(
      fc.property(fc.array(samples(word).filter(allowed), { maxLength: 8 }), (drawn) => {
        // Each has a name in front that no other begins with.
        const given = drawn.map((sample, i) => ({ ...sample, name: `m${i}x_${sample.name}` }));
        const families = parseOpenMetrics(openMetricsText(sourceOf(given)));
        expect(families.length).toBe(given.length);
        for (const [i, sample] of given.entries()) {
          const family = families[i]!;
          expect([family.type, family.unit ?? '', family.help ?? '']).toEqual([
            sample.kind,
            sample.unit,
            sample.help,
          ]);
          const values = 'value' in sample ? [sample.value] : [sample.count, sample.sum];
          expect(family.samples.map(({ value }) => value)).toEqual(values.map((value) => value + 0));
          const kept = Object.entries(sample.labels).filter(([, value]) => value !== '');
          for (const { labels } of family.samples) expect(labels).toEqual(Object.fromEntries(kept));
        }
      }),
    );
  });
});

test('two metrics are refused exactly where a strict parser refuses one behind the other', () => {
  const names = ['', '_total', '_created', '_count', '_sum', '_bucket', '_x'].map((suffix) => `a${suffix}`);
  const histogram = { count: 1, sum: 1, buckets: [[Number.POSITIVE_INFINITY, 1] as const] };
  const all = names.flatMap((name): Sample[] =>
    (['gauge', 'counter', 'summary', 'histogram'] as const).map(
      (kind) => ({ ...gauge(name), ...histogram, kind }) as Sample,
    ),
  );
  let refused = 0;
  for (const [i, one] of all.entries()) {
    for (const other of all.slice(i)) {
      const text = unlessRefused(TypeError, () => openMetricsText(sourceOf([one, other])));
      const joined = openMetricsText(sourceOf([one])).replace(/# EOF\n$/, openMetricsText(sourceOf([other])));
      const parsed = unlessRefused(Error, () => parseOpenMetrics(joined));
      expect(text, `${one.kind} ${one.name}, ${other.kind} ${other.name}`).toBe(parsed && joined);
      if (text === undefined) refused++;
    }
  }
  expect(refused).toBe(113);
});

function unlessRefused<T>(type: typeof Error, make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    expect(error).toBeInstanceOf(type);
    return undefined;
  }
}
