import { Counter, Gauge, Histogram, type OpenMetricsContentType, Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { canonicalNumber } from '../src/canonical-number.js';
import { type MetricSource, Telemetry } from '../src/index.js';
import { OPENMETRICS_CONTENT_TYPE, openMetricsText } from '../src/openmetrics.js';
import { registerMetrics } from '../src/prom-client.js';
import { filled } from './helpers/filled.js';
import { parseOpenMetrics } from './helpers/parse-openmetrics.js';
import { valuesOf } from './helpers/samples.js';

const options = { prefix: 'fswal', labels: { dir: '/log' } };

function openMetricsRegistry(): Registry<OpenMetricsContentType> {
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  return registry;
}

describe('a registry of prom-client', () => {
  test('shows the same as OpenMetrics text does, but for units', async () => {
    const registry = openMetricsRegistry();
    const telemetry = filled();
    registerMetrics(registry, telemetry, options);
    for (let scrape = 0; scrape < 2; scrape++) {
      const shown = parseOpenMetrics(await registry.metrics());
      const expected = parseOpenMetrics(openMetricsText(telemetry, options));
      expect(shown).toEqual(expected.map(({ unit: _, help = '', ...family }) => ({ ...family, help })));
      telemetry.counter('waits').add(1);
    }
  });

  test('shows what there is at each scrape, from one snapshot', async () => {
    const registry = new Registry();
    const telemetry = filled();
    let snapshots = 0;
    const source: MetricSource = {
      collect(prefix, collector) {
        snapshots++;
        telemetry.collect(prefix, collector);
      },
    };
    registerMetrics(registry, source, options);
    snapshots = 0;
    for (let scrape = 1; scrape <= 3; scrape++) {
      telemetry.counter('waits').add(1);
      const text = await registry.metrics();
      expect(text).toContain(`\nfswal_waits_total{dir="/log"} ${scrape}\n`);
      expect(text).toContain('# TYPE fswal_append_seconds histogram\n');
      expect(text).toContain('fswal_append_seconds_bucket{dir="/log",le="5e-08"} 50\n');
      expect(text).toContain('fswal_seek_min_seconds{dir="/log"} Nan\n');
      expect(snapshots).toBe(scrape);
    }
    expect(await registry.getMetricsAsJSON()).toContainEqual({
      name: 'fswal_lag_seconds',
      help: 'How far behind.',
      type: 'gauge',
      aggregator: 'omit',
      values: [{ labels: { dir: '/log' }, value: 0.0015 }],
    });
    registry.resetMetrics();
    expect(await registry.metrics()).toContain('fswal_waits_total{dir="/log"} 3\n');
  });

  test('has each metric once, and all or none of a source', async () => {
    const registry = new Registry();
    const unregister = registerMetrics(registry, filled(), options);
    const before = registry.getMetricsAsArray().length;
    expect(() => registerMetrics(registry, filled(), options)).toThrow(
      'the registry has a metric fswal_bytes_read_bytes_total already',
    );
    new Gauge({ name: 'other_rotate_max_seconds', help: 'x', registers: [registry] });
    expect(() => registerMetrics(registry, filled(), { prefix: 'other' })).toThrow(
      'other_rotate_max_seconds',
    );
    expect(registry.getMetricsAsArray().length).toBe(before + 1);
    unregister();
    expect(registry.getMetricsAsArray().map(({ name }) => name)).toEqual(['other_rotate_max_seconds']);
    registerMetrics(registry, filled(), options);
    expect(registry.getMetricsAsArray().length).toBe(before + 1);
  });

  test('loses only what was registered when it is taken out', async () => {
    const registry = openMetricsRegistry();
    const unregister = registerMetrics(registry, filled(), options);
    // Here prom-client changes the names of counters.
    await registry.metrics();
    unregister();
    expect(registry.getMetricsAsArray()).toEqual([]);
    registerMetrics(registry, filled(), options);
    unregister();
    expect(registry.getMetricsAsArray().length).toBe(30);
  });
});

test('OpenMetrics text is the same as what prom-client writes of what it counts by itself', async () => {
  const telemetry = Telemetry.create({
    seen: 'counter',
    lag: { kind: 'gauge', unit: 'ns' },
    append: 'histogram',
  });
  const registry = openMetricsRegistry();
  const registers = [registry];
  const seen = new Counter({ name: 'seen', help: 'x', registers });
  const lag = new Gauge({ name: 'lag_seconds', help: 'x', registers });
  const bounds = boundsOf(openMetricsText(telemetry));
  const append = new Histogram({ name: 'append_seconds', help: 'x', buckets: bounds, registers });
  // Whole numbers below 128 are exact in the log's histogram.
  for (let ns = 0; ns < 128; ns++) {
    telemetry.counter('seen').add(ns);
    seen.inc(ns);
    telemetry.histogram('append').record(ns);
    append.observe(ns / 1e9);
  }
  telemetry.gauge('lag').set(-3e9);
  lag.set(-3);
  const ours = openMetricsText(telemetry);
  const theirs = await registry.metrics();
  const {
    'append_min_seconds []': min,
    'append_max_seconds []': max,
    ...common
  } = valuesOf(parseOpenMetrics(ours));
  expect([min, max]).toEqual([0, 127e-9]);
  // Their bounds are not written canonically.
  const canonical = theirs.replace(
    /le="([^"]+)"/g,
    (_, le) => `le="${canonicalNumber(Number(le.replace('+Inf', 'Infinity')))}"`,
  );
  const expected = valuesOf(parseOpenMetrics(canonical));
  expect(common['append_seconds_sum []']).toBeCloseTo(expected['append_seconds_sum []']!, 15);
  expect({ ...common, 'append_seconds_sum []': 0 }).toEqual({ ...expected, 'append_seconds_sum []': 0 });
  expect(OPENMETRICS_CONTENT_TYPE).toBe(Registry.OPENMETRICS_CONTENT_TYPE);
});

function boundsOf(text: string): number[] {
  return [...text.matchAll(/le="([^"+]+)"/g)].map(([, le]) => Number(le));
}
