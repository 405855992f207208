import { describe, expect, test } from 'vitest';
import { canonicalNumber } from '../src/canonical-number.js';
import { type MetricSource, type Sample, Telemetry } from '../src/index.js';
import { openMetricsText } from '../src/openmetrics.js';
import { filled } from './helpers/filled.js';
import { parseOpenMetrics } from './helpers/parse-openmetrics.js';
import { gauge, sourceOf, valuesOf } from './helpers/samples.js';

describe('OpenMetrics text', () => {
  test('of all kinds is what a strict parser takes', () => {
    const families = parseOpenMetrics(
      openMetricsText(filled(), { prefix: 'fswal', labels: { dir: '/log' } }),
    );
    expect(families.map(({ name, type, unit, help }) => [name, type, unit, help])).toEqual([
      ['fswal_bytes_read_bytes', 'counter', 'bytes', 'Bytes of segment files.'],
      ['fswal_waits', 'counter', undefined, undefined],
      ['fswal_lag_seconds', 'gauge', 'seconds', 'How far behind.'],
      ['fswal_backlog_events', 'gauge', 'events', undefined],
      ['fswal_sync_seconds', 'summary', 'seconds', 'Waits for the device.'],
      ['fswal_sync_min_seconds', 'gauge', 'seconds', 'Waits for the device. (min)'],
      ['fswal_sync_max_seconds', 'gauge', 'seconds', 'Waits for the device. (max)'],
      ['fswal_seek_seconds', 'summary', 'seconds', undefined],
      ['fswal_seek_min_seconds', 'gauge', 'seconds', undefined],
      ['fswal_seek_max_seconds', 'gauge', 'seconds', undefined],
      ['fswal_write_seconds', 'summary', 'seconds', 'Writes of blocks.'],
      ['fswal_write_min_seconds', 'gauge', 'seconds', 'Writes of blocks. (min)'],
      ['fswal_write_max_seconds', 'gauge', 'seconds', 'Writes of blocks. (max)'],
      ['fswal_write_failures', 'counter', undefined, 'Writes of blocks. (failures)'],
      ['fswal_open_seconds', 'summary', 'seconds', undefined],
      ['fswal_open_min_seconds', 'gauge', 'seconds', undefined],
      ['fswal_open_max_seconds', 'gauge', 'seconds', undefined],
      ['fswal_open_failures', 'counter', undefined, undefined],
      ['fswal_writer_loops', 'counter', undefined, undefined],
      ['fswal_writer_active_seconds', 'counter', 'seconds', undefined],
      ['fswal_writer_idle_seconds', 'counter', 'seconds', undefined],
      ['fswal_preparer_loops', 'counter', undefined, undefined],
      ['fswal_preparer_active_seconds', 'counter', 'seconds', undefined],
      ['fswal_preparer_idle_seconds', 'counter', 'seconds', undefined],
      ['fswal_append_seconds', 'histogram', 'seconds', 'One append.'],
      ['fswal_append_min_seconds', 'gauge', 'seconds', 'One append. (min)'],
      ['fswal_append_max_seconds', 'gauge', 'seconds', 'One append. (max)'],
      ['fswal_rotate_seconds', 'histogram', 'seconds', undefined],
      ['fswal_rotate_min_seconds', 'gauge', 'seconds', undefined],
      ['fswal_rotate_max_seconds', 'gauge', 'seconds', undefined],
    ]);
    expect(families.flatMap(({ samples }) => samples).every(({ labels }) => labels.dir === '/log')).toBe(
      true,
    );
    const values = valuesOf(parseOpenMetrics(openMetricsText(filled())));
    expect(values).toMatchObject({
      'bytes_read_bytes_total []': 16_842_816,
      'lag_seconds []': 0.0015,
      'sync_seconds_count []': 2,
      'sync_seconds_sum []': 0.001,
      'sync_min_seconds []': 0.00017,
      'seek_min_seconds []': Number.NaN,
      'write_failures_total []': 2,
      'writer_idle_seconds_total []': 9,
      'append_seconds_bucket [] le 5e-8': 50,
      'append_seconds_bucket [] le Infinity': 100,
      'append_seconds_sum []': 5050e-9,
      'rotate_seconds_count []': 0,
    });
  });

  test('of nothing is its end', () => {
    expect(openMetricsText(Telemetry.create({}))).toBe('# EOF\n');
  });

  test('has the bytes that the specification shows', () => {
    const samples: Sample[] = [
      gauge('go_goroutines', { help: 'Number of "goroutines"\nthat \\ exist.', value: 69 }),
      gauge('up', { unit: 'ratios', labels: { a: 'bb', c: 'escaping" \\ example \n ' }, value: -Infinity }),
      { ...gauge('process_cpu'), kind: 'counter', unit: 'seconds', value: 1.89e-7 } as Sample,
    ];
    expect(openMetricsText(sourceOf(samples))).toBe(
      String.raw`# TYPE go_goroutines gauge
# HELP go_goroutines Number of \"goroutines\"\nthat \\ exist.
go_goroutines 69
# TYPE up_ratios gauge
# UNIT up_ratios ratios
up_ratios{a="bb",c="escaping\" \\ example \n "} -Inf
# TYPE process_cpu_seconds counter
# UNIT process_cpu_seconds seconds
process_cpu_seconds_total 1.89e-7
# EOF
`,
    );
  });

  test('writes bounds as the specification wants them', () => {
    const asked =
      '0.0 0.001 0.002 0.01 0.1 0.9 0.95 0.99 0.999 1.0 1.7 10.0 1e-10 1e-09 1e-05 0.0001 100000.0 1e+06 1e+10';
    for (const text of asked.split(' ')) expect(canonicalNumber(Number(text))).toBe(text);
    expect(canonicalNumber(1.1e23)).toBe('1.1e+23');
    expect(canonicalNumber(1e-100)).toBe('1e-100');
    expect(canonicalNumber(Number.POSITIVE_INFINITY)).toBe('+Inf');
  });

  test('keeps the metrics of several sets together, told apart by labels', () => {
    const sets = [filled(), filled()];
    const source: MetricSource = {
      collect(prefix, collector) {
        sets.forEach((set, i) => {
          set.collect(prefix, collector, { maintainer: String(i) });
        });
      },
    };
    const families = parseOpenMetrics(openMetricsText(source, { labels: { dir: 'x', empty: '' } }));
    expect(families.length).toBe(parseOpenMetrics(openMetricsText(filled())).length);
    expect(families[0]?.samples.map(({ labels }) => labels)).toEqual([
      { dir: 'x', maintainer: '0' },
      { dir: 'x', maintainer: '1' },
    ]);
    const unlabelled: MetricSource = {
      collect(prefix, collector) {
        for (const set of sets) set.collect(prefix, collector);
      },
    };
    expect(() => openMetricsText(unlabelled)).toThrow('there are two metrics bytes_read_bytes');
  });

  test('takes no unit and no _total twice', () => {
    const telemetry = Telemetry.create({
      read_bytes: { kind: 'counter', unit: 'bytes' },
      seen_total: 'counter',
    });
    const families = parseOpenMetrics(openMetricsText(telemetry));
    expect(families.map(({ name }) => name)).toEqual(['read_bytes', 'seen']);
  });

  test('is refused where a name, a label or a counter is not allowed', () => {
    for (const name of ['', '1a', '_a', 'a:b', 'a-b', 'ä', 'a b', 'a\nb']) {
      expect(() => openMetricsText(sourceOf([gauge(name)])), name).toThrow(TypeError);
      expect(() => openMetricsText(sourceOf([gauge('a', { labels: { [name]: 'x' } })])), name).toThrow(
        TypeError,
      );
    }
    expect(() => openMetricsText(sourceOf([gauge('a', { unit: 'per cent' })]))).toThrow("(unit 'per cent')");
    expect(() => openMetricsText(filled(), { labels: { le: '1' } })).toThrow("cannot be called 'le'");
    expect(() => openMetricsText(filled(), { prefix: '2' })).toThrow("cannot be called '2_bytes_read'");
    for (const value of [-1, Number.NaN]) {
      const counter = { ...gauge('a'), kind: 'counter', value } as Sample;
      expect(() => openMetricsText(sourceOf([counter]))).toThrow(`the counter a is ${value}`);
    }
    const clash = Telemetry.create({ write: 'duration', write_seconds_sum: 'gauge' });
    expect(() => openMetricsText(clash)).toThrow('write_seconds and write_seconds_sum clash');
    const kinds = sourceOf([gauge('a_seconds', { labels: { x: 'y' } }), ...durations('a')]);
    expect(() => openMetricsText(kinds)).toThrow('two metrics a_seconds');
  });
});

function durations(name: string): Sample[] {
  const samples: Sample[] = [];
  Telemetry.create({ [name]: 'duration' }).collect('', (sample) => samples.push(sample));
  return samples;
}
