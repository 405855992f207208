import { expect, test } from 'vitest';
import { dumpSnapshot, Telemetry } from '../src/index.js';
import { filled, LAYOUT } from './helpers/filled.js';

test('a dump is a table, a line for each metric, in the units that fit', () => {
  const telemetry = filled();
  expect(telemetry.dump('recorder').split('\n')).toEqual([
    'recorder       value  count  failures    total     min     mean    p50    p90    p99   p99.9     max  idle  busy',
    'bytes_read   16.8 MB',
    'waits              0',
    'lag           1.5 ms',
    'backlog     0 events',
    'sync                      2               1 ms  170 µs   500 µs                               830 µs',
    'seek                      0',
    'write                     1         2    40 µs   40 µs    40 µs                                40 µs',
    'open                      0         0',
    'writer                    1                3 s                                                         9 s  25 %',
    'preparer                  0               0 ns                                                        0 ns',
    'append                  100            5.05 µs    1 ns  50.5 ns  50 ns  90 ns  99 ns  100 ns  100 ns',
    'rotate                    0',
  ]);
  expect(dumpSnapshot(LAYOUT, telemetry.snapshot(), 'recorder')).toBe(telemetry.dump('recorder'));
});

test('a dump has no columns that nothing fills', () => {
  const telemetry = Telemetry.create({ seen: 'counter' });
  telemetry.counter('seen').add(1_234_567);
  expect(telemetry.dump('a long label')).toBe('a long label      value\nseen          1,234,567');
  expect(Telemetry.create({}).dump('nothing')).toBe('nothing');
});

test('a dump shows times and bytes in the largest unit of which there is one, after rounding', () => {
  const shown = (value: number, unit: string) => {
    const telemetry = Telemetry.create({ x: { kind: 'gauge', unit } });
    telemetry.gauge('x').set(value);
    return telemetry.dump('').split('\n')[1]?.slice(1).trim();
  };
  const times: [number, string][] = [
    [0, '0 ns'],
    [0.25, '0.25 ns'],
    [999.4, '999 ns'],
    [999.6, '1 µs'],
    [-1500, '-1.5 µs'],
    [999_600, '1 ms'],
    [123_456_789, '123 ms'],
    [3600e9, '3,600 s'],
    [Number.POSITIVE_INFINITY, '∞ s'],
    [Number.NaN, 'NaN ns'],
  ];
  for (const [ns, text] of times) expect(shown(ns, 'ns')).toBe(text);
  expect(shown(16_448, 'bytes')).toBe('16.4 kB');
  expect(shown(2 ** 40, 'bytes')).toBe('1,100 GB');
  expect(shown(0.0625, '')).toBe('0.063');
});
