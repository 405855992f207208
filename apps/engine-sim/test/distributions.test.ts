import { percentile, Telemetry } from '@fswal/telemetry';
import { describe, expect, it } from 'vitest';
import { Xoshiro128 } from '../src/flow/xoshiro128.js';
import {
  addDistributions,
  curveXs,
  EMPTY_DISTRIBUTION,
  findDistribution,
  percentileCurve,
  subtractDistributions,
  summaryOf,
} from '../src/measure/distributions.js';

function randomHistogram(seed: number) {
  const histogram = Telemetry.create({ latency: 'histogram' }).histogram('latency');
  const random = new Xoshiro128(seed);
  return {
    histogram,
    record: (times: number) => {
      for (let i = 0; i < times; i++) histogram.record(1 + random.below(1_000_000));
    },
  };
}

describe('distributions', () => {
  it('are found by their name, in a snapshot or in one of its groups', () => {
    const { histogram, record } = randomHistogram(1);
    record(10);
    const snapshot = histogram.read();
    const { count, min, max, buckets } = snapshot;
    expect(findDistribution({ fdatasync_histogram: snapshot }, 'fdatasync')).toEqual({
      count,
      min,
      max,
      buckets,
    });
    expect(
      findDistribution({ other: 3, meta_store: { fdatasync_histogram: snapshot } }, 'fdatasync').count,
    ).toBe(10);
    expect(findDistribution({ fdatasync: { count: 1, sum: 2, min: 2, max: 2 } }, 'fdatasync')).toBe(
      EMPTY_DISTRIBUTION,
    );
  });

  it('what came between two snapshots, added to the first, is the second', () => {
    const { histogram, record } = randomHistogram(2);
    record(500);
    const before = histogram.read();
    record(700);
    const now = histogram.read();
    const between = subtractDistributions(now, before);
    expect(between.count).toBe(700);
    const sum = addDistributions(before, between);
    expect([sum.count, sum.buckets]).toEqual([now.count, now.buckets]);
    expect(subtractDistributions(now, now)).toBe(EMPTY_DISTRIBUTION);
  });

  it('have a curve that goes through their percentiles and ends at the greatest', () => {
    const { histogram, record } = randomHistogram(3);
    record(12_345);
    const distribution = histogram.read();
    const curve = percentileCurve(distribution);
    const xs = curveXs();
    curve.slice(0, -1).forEach((ns, point) => {
      expect(ns).toBe(
        point === 0 ? percentile(distribution, 1e-9) : percentile(distribution, 100 - 100 / xs[point]),
      );
    });
    expect(curve.at(-1)).toBe(distribution.max);
    expect(xs[curve.length - 1]).toBeGreaterThan(12_345);
    expect(xs[curve.length - 2]).toBeLessThanOrEqual(12_345);
  });

  it('have no curve and no figures where they hold nothing, and a curve of one value', () => {
    expect(percentileCurve(EMPTY_DISTRIBUTION)).toEqual([]);
    expect(summaryOf(EMPTY_DISTRIBUTION)).toEqual([null, null, null, null, null, null]);
    expect(percentileCurve({ count: 1, min: 7, max: 7, buckets: [[7, 1]] })).toEqual([7, 7]);
  });
});
