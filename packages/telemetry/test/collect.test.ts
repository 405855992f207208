import { describe, expect, test } from 'vitest';
import { collectSnapshot, type Sample, Telemetry } from '../src/index.js';
import { filled, LAYOUT } from './helpers/filled.js';

function samplesOf(collect: (collector: (sample: Sample) => void) => void): Sample[] {
  const samples: Sample[] = [];
  collect((sample) => samples.push(sample));
  return samples;
}

describe('collecting', () => {
  test('feeds a collector of few lines', () => {
    const lines: string[] = [];
    filled().collect('fswal', (sample) => {
      const value = 'value' in sample ? sample.value : sample.sum / sample.count;
      if (!Number.isNaN(value)) lines.push(`${sample.name} ${value} ${sample.unit}`.trim());
    });
    expect(lines).toContain('fswal_bytes_read 16842816 bytes');
    expect(lines).toContain('fswal_lag 0.0015 seconds');
    expect(lines).toContain('fswal_sync 0.0005 seconds');
    expect(lines).toContain('fswal_writer_loops 1');
    expect(lines).not.toContainEqual(expect.stringContaining('seek'));
  });

  test('gives each kind as the shapes that monitoring systems know, in seconds', () => {
    const samples = samplesOf((collector) => filled().collect('', collector, { dir: '/log' }));
    const of = (name: string) =>
      samples.filter((sample) => sample.name === name || sample.name.startsWith(`${name}_`));
    const labels = { dir: '/log' };
    expect(of('write')).toEqual([
      {
        name: 'write',
        kind: 'summary',
        help: 'Writes of blocks.',
        unit: 'seconds',
        count: 1,
        sum: 4e-5,
        labels,
      },
      {
        name: 'write_min',
        kind: 'gauge',
        help: 'Writes of blocks. (min)',
        unit: 'seconds',
        value: 4e-5,
        labels,
      },
      {
        name: 'write_max',
        kind: 'gauge',
        help: 'Writes of blocks. (max)',
        unit: 'seconds',
        value: 4e-5,
        labels,
      },
      {
        name: 'write_failures',
        kind: 'counter',
        help: 'Writes of blocks. (failures)',
        unit: '',
        value: 2,
        labels,
      },
    ]);
    expect(of('writer')).toEqual([
      { name: 'writer_loops', kind: 'counter', help: '', unit: '', value: 1, labels },
      { name: 'writer_active', kind: 'counter', help: '', unit: 'seconds', value: 3, labels },
      { name: 'writer_idle', kind: 'counter', help: '', unit: 'seconds', value: 9, labels },
    ]);
    expect(of('append')[0]).toMatchObject({
      kind: 'histogram',
      count: 100,
      quantiles: [
        [0.5, 50e-9],
        [0.9, 90e-9],
        [0.99, 99e-9],
        [0.999, 100e-9],
        [0.9999, 100e-9],
      ],
    });
    expect(of('rotate')[0]).toMatchObject({
      count: 0,
      sum: 0,
      quantiles: [0.5, 0.9, 0.99, 0.999, 0.9999].map((q) => [q, Number.NaN]),
    });
  });

  test('takes snapshots as well as metrics', () => {
    const telemetry = filled();
    const ofMetrics = samplesOf((collector) => telemetry.collect('fswal', collector));
    const ofSnapshot = samplesOf((collector) =>
      collectSnapshot(LAYOUT, telemetry.snapshot(), 'fswal', collector),
    );
    expect(ofSnapshot).toEqual(ofMetrics);
  });

  test('counts a histogram in buckets from 1 ns to 50 s, each with all below it', () => {
    const telemetry = Telemetry.create({ append: 'histogram' });
    const recorded = [0, 1, 2, 3, 99, 100, 101, 1e3, 1.02e3, 0.98e3, 1e9, 49e9, 51e9, 100e9];
    for (const ns of recorded) telemetry.histogram('append').record(ns);
    const [sample] = samplesOf((collector) => telemetry.collect('', collector));
    if (sample?.kind !== 'histogram') return expect.fail('there is no histogram');
    const bounds = sample.buckets.map(([bound]) => bound);
    expect(bounds.slice(0, 6)).toEqual([1e-9, 2e-9, 5e-9, 1e-8, 2e-8, 5e-8]);
    expect(bounds.slice(-3)).toEqual([20, 50, Number.POSITIVE_INFINITY]);
    expect(bounds.length).toBe(34);
    for (const [bound, count] of sample.buckets) {
      // The histogram knows durations within 0.8 %.
      const surely = recorded.filter(
        (ns) => ns <= bound * 1e9 * 0.992 || (ns < 128 && ns <= bound * 1e9),
      ).length;
      const perhaps = recorded.filter((ns) => ns <= bound * 1e9 * 1.008).length;
      expect(count, `up to ${bound} s`).toBeGreaterThanOrEqual(surely);
      expect(count, `up to ${bound} s`).toBeLessThanOrEqual(perhaps);
    }
  });
});
