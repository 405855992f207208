import { describe, expect, test } from 'vitest';
import { bucketIndex, bucketValue } from '../src/buckets.js';
import { percentile, Telemetry } from '../src/index.js';
import { BUCKETS } from '../src/layout.js';

const SEED = Number(process.env.SEED ?? 0) || Date.now() & 0x7fffffff;

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function histogram() {
  return Telemetry.create({ append: 'histogram' }).histogram('append');
}

describe('buckets', () => {
  test('stand for every duration from 1 ns to 60 s within 1 %', () => {
    let last = 0;
    for (let ns = 1; ns <= 60e9; ns = Math.max(ns + 1, Math.floor(ns * 1.0003))) {
      for (const exact of [ns - 1, ns]) {
        const index = bucketIndex(exact);
        if (Math.abs(bucketValue(index) - exact) > exact * 0.01) {
          expect.fail(`${exact} ns is in bucket ${index}, which stands for ${bucketValue(index)} ns`);
        }
        if (index < last) expect.fail(`${exact} ns is in bucket ${index}, after bucket ${last}`);
        last = index;
      }
    }
  });

  test('are exact for whole numbers below 128', () => {
    for (let ns = 0; ns < 128; ns++) expect(bucketValue(bucketIndex(ns))).toBe(ns);
  });

  test('take any duration', () => {
    for (const ns of [0, 0.5, 1, 2 ** 36 - 1, 2 ** 36, 1e300, Number.POSITIVE_INFINITY]) {
      expect(bucketIndex(ns)).toBeGreaterThanOrEqual(0);
      expect(bucketIndex(ns)).toBeLessThan(BUCKETS);
    }
    expect(bucketIndex(2 ** 36 - 1)).toBe(BUCKETS - 2);
    expect(bucketIndex(2 ** 36)).toBe(BUCKETS - 1);
  });
});

describe('a histogram', () => {
  test(`has percentiles within 1 % of the sorted list (seed ${SEED})`, () => {
    const next = random(SEED);
    for (let round = 0; round < 20; round++) {
      const metric = histogram();
      const list: number[] = [];
      const octaves = next() * 36;
      for (let i = Math.floor(1 + next() * 20_000); i > 0; i--) {
        const ns = Math.min(60e9, Math.floor(2 ** (next() * octaves)));
        list.push(ns);
        metric.record(ns);
      }
      list.sort((a, b) => a - b);
      const snapshot = metric.read();
      const { count, min, max, sum, mean } = snapshot;
      expect([count, min, max]).toEqual([list.length, list[0], list.at(-1)]);
      expect(sum).toBe(list.reduce((a, b) => a + b, 0));
      expect(mean).toBe(sum / count);
      const named = [snapshot.p50, snapshot.p90, snapshot.p99, snapshot.p999, snapshot.p9999];
      for (const [i, percent] of [50, 90, 99, 99.9, 99.99].entries()) {
        const exact = list[Math.ceil((percent * list.length) / 100 - 1e-9) - 1]!;
        expect(Math.abs(named[i]! / exact - 1), `p${percent} of ${list.length}: ${exact}`).toBeLessThan(0.01);
        expect(percentile(snapshot, percent)).toBe(named[i]);
      }
    }
  });

  test('gives ranks as a sorted list does', () => {
    const metric = histogram();
    for (let ns = 1; ns <= 100; ns++) metric.record(ns);
    const snapshot = metric.read();
    for (let percent = 1; percent <= 100; percent++) expect(percentile(snapshot, percent)).toBe(percent);
    expect(percentile(snapshot, 0)).toBe(1);
    expect(percentile(snapshot, 49.5)).toBe(50);
    expect(() => percentile(snapshot, 101)).toThrow(RangeError);
    expect(() => percentile(snapshot, Number.NaN)).toThrow(RangeError);
  });

  test('knows what lies beyond its buckets as the longest', () => {
    const metric = histogram();
    metric.record(10);
    metric.record(100e9);
    metric.record(200e9);
    expect(metric.read()).toMatchObject({
      count: 3,
      max: 200e9,
      sum: 300e9 + 10,
      p50: 200e9,
      buckets: [
        [10, 1],
        [200e9, 2],
      ],
    });
  });

  test('counts on while it is read', () => {
    const metric = histogram();
    for (let i = 1; i <= 100; i++) {
      metric.record(i);
      expect(metric.read()).toMatchObject({ count: i, sum: (i * (i + 1)) / 2, min: 1, max: i });
    }
  });
});
