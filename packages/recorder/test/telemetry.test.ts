/* What a recorder without threads measures. */
import { BLOCK_EVENTS } from '@fswal/format';
import { compressSegment, decompressSegment } from '@fswal/format/files';
import { expect, test } from 'vitest';
import { addSnapshots } from '../src/add-snapshots.js';
import { RECORDER_METRICS } from '../src/recorder-metrics.js';
import { collectRecorder, dumpRecorder } from '../src/telemetry.js';
import { FAST, newLogDir } from './helpers/directories.js';
import { type HandOptions, HandRecorder } from './helpers/hand-recorder.js';

const SEGMENT_EVENTS = 16 * BLOCK_EVENTS;

function start(options: Partial<HandOptions> = {}): HandRecorder {
  return new HandRecorder({ dir: newLogDir(FAST), ...options });
}

test('the lags are those of the watermarks, in events', () => {
  const recorder = start();
  recorder.settle();
  expect(recorder.measured.watermarks).toMatchObject({ sealed_lag: 0, sealed_lag_time: 0, durable_lag: 0 });
  recorder.appendTo(300);
  const behind = recorder.measured;
  expect(behind.watermarks).toMatchObject({ sealed_lag: 300, durable_lag: 300 });
  expect(behind.watermarks.sealed_lag_time).toBeGreaterThan(0);
  expect(behind.tail_ring).toMatchObject({ occupancy: 300, capacity: 8 * BLOCK_EVENTS });
  recorder.settle();
  expect(recorder.measured.watermarks).toMatchObject({ sealed_lag: 0, sealed_lag_time: 0, durable_lag: 300 });
  expect(recorder.measured.watermarks.durable_lag_time).toBeGreaterThan(0);
  recorder.sync();
  const none = { sealed_lag: 0, sealed_lag_time: 0, durable_lag: 0, durable_lag_time: 0 };
  expect(recorder.measured.watermarks).toMatchObject(none);
  recorder.record(3 * SEGMENT_EVENTS + 17);
  recorder.sync();
  expect(recorder.measured.watermarks).toMatchObject(none);
  expect(recorder.measured.segment_writer.written_events).toBe(3 * SEGMENT_EVENTS + 17);
  // Ids may have gaps: events are counted.
  recorder.append(10_000_000);
  expect(recorder.measured.watermarks).toMatchObject({ sealed_lag: 1, durable_lag: 1 });
  recorder.close();
});

test('the time of a lag counts from the last moment at which there was none', async () => {
  const recorder = start();
  recorder.settle();
  await new Promise((resolve) => setTimeout(resolve, 50));
  const idleMs = performance.now();
  recorder.settle();
  recorder.appendTo(1);
  const { sealed_lag_time, durable_lag_time } = recorder.measured.watermarks;
  expect(sealed_lag_time / 1e6).toBeLessThanOrEqual(performance.now() - idleMs);
  expect(durable_lag_time / 1e6).toBeLessThanOrEqual(performance.now() - idleMs);
  recorder.settle();
  const writtenMs = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const waitedMs = performance.now() - writtenMs;
  expect(recorder.measured.watermarks.durable_lag_time / 1e6).toBeGreaterThanOrEqual(waitedMs);
  recorder.sync();
  recorder.close();
});

test('every step from one segment to the next is counted', () => {
  const recorder = start();
  recorder.record(3 * SEGMENT_EVENTS + 1);
  recorder.sync();
  recorder.close();
  expect(recorder.measured).toMatchObject({
    manager: { segment_rotation: { count: 3 }, persist_current_segment: { count: 4, failures: 0 } },
    segment_writer: { open_new_segment: { count: 4 }, close_segment: { count: 4 }, written_blocks: 48 },
    segment_preparer: { get_next_segment: { count: 4 } },
    meta_store: { fdatasync: { failures: 0 } },
  });
  const { meta_store } = recorder.measured;
  expect(meta_store.fdatasync_histogram.count).toBe(meta_store.fdatasync.count);
  expect(meta_store.maintenance_meta_flush.count).toBe(meta_store.durable_moves.count);
});

test('a compression that does not verify is counted by what is wrong with it', () => {
  const spoil = (bytes: Uint8Array) => {
    const copy = bytes.slice();
    copy[200]! ^= 1;
    return compressSegment(copy);
  };
  const codec = { compress: spoil, decompress: decompressSegment };
  const recorder = start({ limits: { maxSegments: 1, maxCompressedSegments: 100 }, codec });
  recorder.record(2 * SEGMENT_EVENTS + 1);
  recorder.sync();
  expect(recorder.measured).toMatchObject({
    segment_writer: { total_block_checksum_failures: 2, total_validation_failures: 2 },
    segment_maintainer: { maintenance_compression: { count: 0, failures: 2 } },
  });
  recorder.close();
});

test('what several threads measured is added up', () => {
  const some = { count: 2, sum: 30, min: 10, max: 20, failures: 1 };
  const none = { count: 0, sum: 0, min: 0, max: 0, failures: 2 };
  const loop = { loops: 1, active: 2, idle: 3 };
  const layout = { op: 'operation', loop: 'lifecycle', bytes: 'counter' } as const;
  const add = (a: typeof some, b: typeof some) =>
    addSnapshots<typeof layout>([
      { op: a, loop, bytes: 5 },
      { op: b, loop, bytes: 6 },
    ]);
  const twice = { loop: { loops: 2, active: 4, idle: 6 }, bytes: 11 };
  expect(add(some, none)).toEqual({ op: { ...some, failures: 3 }, ...twice });
  expect(add(none, some)).toEqual({ op: { ...some, failures: 3 }, ...twice });
  expect(add(some, some)).toEqual({ op: { count: 4, sum: 60, min: 10, max: 20, failures: 2 }, ...twice });
});

test('a snapshot has every metric, collected and in tables as well', () => {
  const recorder = start();
  const { measured } = recorder;
  const names: string[] = [];
  collectRecorder(measured, 'wal', ({ name, labels }) => names.push(`${name} ${labels.log}`), { log: 'a' });
  const tables = dumpRecorder(measured);
  for (const [component, layout] of Object.entries(RECORDER_METRICS)) {
    expect(Object.keys(measured[component as keyof typeof measured]).sort()).toEqual(
      Object.keys(layout).sort(),
    );
    for (const [name, { kind, help }] of Object.entries(layout)) {
      const exported = `wal_${component}_${name}${kind === 'lifecycle' ? '_loops' : ''} a`;
      expect(names).toContain(exported);
      expect(tables).toMatch(new RegExp(`^${name} `, 'm'));
      expect(help).toMatch(/\.$/);
    }
  }
  recorder.close();
});
