import { describe, expect, it } from 'vitest';
import { GAUGES } from '../src/soak/process-gauges.js';
import { type SoakSample, SoakSamples } from '../src/soak/soak-samples.js';
import { judge } from '../src/soak/soak-verdict.js';

/** One sample a second, each gauge 100 but for what `gauges` says of that second. */
function samplesOf(seconds: number, gauges: (second: number) => Partial<SoakSample> = () => ({})) {
  const even = Object.fromEntries(GAUGES.map(({ name }) => [name, 100]));
  return Array.from(
    { length: seconds },
    (_, i) => ({ second: i + 1, ...even, ...gauges(i + 1) }) as SoakSample,
  );
}

describe('the verdict of a soak', () => {
  it('is flat where nothing grows after the warm-up, however much did in it', () => {
    const verdict = judge(
      samplesOf(600, (second) => ({ rss: Math.min(second, 60) })),
      600,
    );
    expect(verdict).toMatchObject({ trend: 'flat', windowSeconds: 60, windowSamples: 60 });
    expect(verdict.gauges.rss).toEqual({ first: 60, last: 60, growthPercent: 0, trend: 'flat' });
  });

  it('compares the minute after the warm-up with the last one, and nothing in between', () => {
    const verdict = judge(
      samplesOf(600, (second) => ({ maps: second < 60 ? 1 : second < 120 ? 200 : second < 540 ? 900 : 201 })),
      600,
    );
    expect(verdict.gauges.maps).toEqual({ first: 200, last: 201, growthPercent: 0.5, trend: 'flat' });
  });

  it.each([
    [101, 'flat'],
    [101.01, 'grown'],
    [150, 'grown'],
    [20, 'flat'],
  ] as const)('calls 100 that becomes %d %s', (last, trend) => {
    const verdict = judge(
      samplesOf(180, (second) => ({ threads: second >= 120 ? last : 100 })),
      180,
    );
    expect(verdict.trend).toBe(trend);
    expect(verdict.gauges.threads.trend).toBe(trend);
    expect(verdict.gauges.descriptors.trend).toBe('flat');
  });

  it('goes by medians: single outliers change nothing', () => {
    const verdict = judge(
      samplesOf(180, (second) => ({ rss: second % 10 === 0 ? 100 + second : 100 })),
      180,
    );
    expect(verdict.trend).toBe('flat');
  });

  it('is grown where something comes from nothing, and has no percentage for that', () => {
    const verdict = judge(
      samplesOf(180, (second) => ({ external: second < 120 ? 0 : 1 })),
      180,
    );
    expect(verdict.gauges.external).toEqual({ first: 0, last: 1, growthPercent: null, trend: 'grown' });
    const nothing = judge(
      samplesOf(180, () => ({ external: 0 })),
      180,
    );
    expect(nothing.gauges.external).toMatchObject({ growthPercent: 0, trend: 'flat' });
  });

  it('takes thirds of a run below three minutes', () => {
    const rising = samplesOf(30, (second) => ({ rss: second < 10 ? 0 : second < 20 ? 100 : 300 }));
    const verdict = judge(rising, 30);
    expect(verdict).toMatchObject({ trend: 'grown', windowSeconds: 10, windowSamples: 10 });
    expect(verdict.gauges.rss).toEqual({ first: 100, last: 300, growthPercent: 200, trend: 'grown' });
  });

  it('is too short, and not flat, with fewer than five samples in a window', () => {
    expect(judge(samplesOf(13), 13).trend).toBe('too short');
    expect(judge(samplesOf(15), 15).trend).toBe('flat');
    // A stall leaves gaps.
    expect(judge(samplesOf(180).slice(0, 122), 180).trend).toBe('too short');
    const none = judge([], 0.5);
    expect(none.trend).toBe('too short');
    expect(none.gauges.rss).toEqual({ first: null, last: null, growthPercent: null, trend: 'too short' });
  });
});

describe('the samples of a soak', () => {
  it('come out as they went in, and those beyond their room are left out', () => {
    const samples = new SoakSamples(2);
    const gauges = {
      read: (into: Float64Array, at: number) => {
        for (let i = 0; i < GAUGES.length; i++) into[at + i] = samples.count * 10 + i;
      },
    };
    for (const second of [1.004, 2.5, 3]) samples.take(second, gauges);
    expect(samples.list()).toEqual([
      { second: 1, rss: 0, heapUsed: 1, external: 2, arrayBuffers: 3, descriptors: 4, maps: 5, threads: 6 },
      {
        second: 2.5,
        rss: 10,
        heapUsed: 11,
        external: 12,
        arrayBuffers: 13,
        descriptors: 14,
        maps: 15,
        threads: 16,
      },
    ]);
  });
});
