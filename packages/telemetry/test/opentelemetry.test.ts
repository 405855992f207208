import type { Meter } from '@opentelemetry/api';
import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { MetricSource } from '../src/index.js';
import { observeMetrics } from '../src/opentelemetry.js';
import { filled } from './helpers/filled.js';

/** A meter, and what its SDK exports when it is told to. */
function sdk(): { meter: Meter; exported: () => Promise<Record<string, Exported>> } {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 30 });
  const provider = new MeterProvider({ readers: [reader] });
  onTestFinished(() => provider.shutdown());
  const exported = async () => {
    exporter.reset();
    await provider.forceFlush();
    const metrics = exporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
    return Object.fromEntries(
      metrics.map(({ descriptor: { name, unit, description }, dataPointType, dataPoints }) => [
        name,
        {
          unit,
          description,
          type: DataPointType[dataPointType]!,
          points: dataPoints.map(({ attributes, value }) => [attributes, value] as const),
        },
      ]),
    );
  };
  return { meter: provider.getMeter('test'), exported };
}

interface Exported {
  unit: string;
  description: string;
  type: string;
  points: (readonly [attributes: unknown, value: unknown])[];
}

describe('a meter of OpenTelemetry', () => {
  test('shows counters, gauges, and distributions as count, sum and quantiles', async () => {
    const { meter, exported } = sdk();
    observeMetrics(meter, filled(), { prefix: 'fswal', labels: { dir: '/log' } });
    const metrics = await exported();
    const dir = { dir: '/log' };
    expect(metrics.fswal_bytes_read).toEqual({
      unit: 'By',
      description: 'Bytes of segment files.',
      type: 'SUM',
      points: [[dir, 16_842_816]],
    });
    expect(metrics.fswal_lag).toMatchObject({ unit: 's', type: 'GAUGE', points: [[dir, 0.0015]] });
    expect(metrics.fswal_backlog).toMatchObject({ unit: '{events}', type: 'GAUGE', points: [[dir, 0]] });
    expect(metrics.fswal_waits).toMatchObject({ unit: '', type: 'SUM', points: [[dir, 0]] });
    expect(metrics.fswal_sync_count).toMatchObject({ unit: '', type: 'SUM', points: [[dir, 2]] });
    expect(metrics.fswal_sync_sum).toMatchObject({ unit: 's', type: 'SUM', points: [[dir, 0.001]] });
    expect(metrics.fswal_write_failures).toMatchObject({ type: 'SUM', points: [[dir, 2]] });
    expect(metrics.fswal_writer_active).toMatchObject({ unit: 's', type: 'SUM', points: [[dir, 3]] });
    expect(metrics.fswal_append).toEqual({
      unit: 's',
      description: 'One append.',
      type: 'GAUGE',
      points: [
        [{ ...dir, quantile: '0.5' }, 50e-9],
        [{ ...dir, quantile: '0.9' }, 90e-9],
        [{ ...dir, quantile: '0.99' }, 99e-9],
        [{ ...dir, quantile: '0.999' }, 100e-9],
        [{ ...dir, quantile: '0.9999' }, 100e-9],
      ],
    });
    expect(metrics.fswal_append_max).toMatchObject({ type: 'GAUGE', points: [[dir, 100e-9]] });
    // Nothing is said of what there is not yet.
    expect(metrics.fswal_rotate_count).toMatchObject({ points: [[dir, 0]] });
    expect(metrics.fswal_rotate?.points ?? []).toEqual([]);
    expect(metrics.fswal_seek_min?.points ?? []).toEqual([]);
  });

  test('shows what there is at each collection, from one snapshot, until it is told to stop', async () => {
    const { meter, exported } = sdk();
    const sets = [filled(), filled()];
    let snapshots = 0;
    const source: MetricSource = {
      collect(prefix, collector) {
        snapshots++;
        sets.forEach((set, i) => {
          set.collect(prefix, collector, { maintainer: String(i) });
        });
      },
    };
    const stop = observeMetrics(meter, source);
    snapshots = 0;
    for (let round = 1; round <= 3; round++) {
      sets[1]!.counter('waits').add(1);
      expect((await exported()).waits?.points).toEqual([
        [{ maintainer: '0' }, 0],
        [{ maintainer: '1' }, round],
      ]);
      expect(snapshots).toBe(round);
    }
    stop();
    await exported();
    expect(snapshots).toBe(3);
  });
});
