import { describe, expect, expectTypeOf, test } from 'vitest';
import { type DurationSnapshot, type HistogramSnapshot, type MetricLayout, Telemetry } from '../src/index.js';

const layout = { appended: 'counter', backlog: 'gauge', sync: 'duration', append: 'histogram' } as const;

describe('a set of metrics', () => {
  test('is all zeros at first', () => {
    expect(Telemetry.create(layout).snapshot()).toEqual({
      appended: 0,
      backlog: 0,
      sync: { count: 0, sum: 0, min: 0, max: 0 },
      append: {
        count: 0,
        sum: 0,
        min: 0,
        max: 0,
        mean: 0,
        p50: 0,
        p90: 0,
        p99: 0,
        p999: 0,
        p9999: 0,
        buckets: [],
      },
    });
  });

  test('shows in a snapshot what was recorded, as plain data', () => {
    const telemetry = Telemetry.create(layout);
    telemetry.counter('appended').add(3);
    telemetry.counter('appended').add(4);
    telemetry.gauge('backlog').set(10);
    telemetry.gauge('backlog').set(-2.5);
    telemetry.duration('sync').record(300);
    telemetry.duration('sync').record(100);
    telemetry.duration('sync').record(200);
    telemetry.histogram('append').record(12);
    const snapshot = telemetry.snapshot();
    expect(snapshot).toMatchObject({
      appended: 7,
      backlog: -2.5,
      sync: { count: 3, sum: 600, min: 100, max: 300 },
      append: { count: 1, sum: 12, min: 12, max: 12, mean: 12, p50: 12, p9999: 12 },
    });
    expect(structuredClone(snapshot)).toEqual(snapshot);
    expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot);
  });

  test('is the same for everybody who attaches', () => {
    const telemetry = Telemetry.create(layout);
    const other = Telemetry.attach(layout, telemetry.buffer);
    telemetry.counter('appended').add(1);
    other.counter('appended').add(1);
    expect(telemetry.snapshot()).toEqual(other.snapshot());
    expect(telemetry.snapshot().appended).toBe(2);
  });

  test('is exact up to 2^53', () => {
    const telemetry = Telemetry.create(layout);
    const counter = telemetry.counter('appended');
    counter.add(2 ** 53 - 2);
    counter.add(1);
    expect(telemetry.snapshot().appended).toBe(Number.MAX_SAFE_INTEGER);
  });

  test('gives every metric cache lines of its own', () => {
    const names = Array.from({ length: 20 }, (_, i) => `metric${i}`);
    const kinds = ['counter', 'gauge', 'duration', 'histogram'] as const;
    const mixed: MetricLayout = Object.fromEntries(names.map((name, i) => [name, kinds[i % 4]!]));
    const telemetry = Telemetry.create(mixed);
    const owner = new Map<number, string>();
    for (const [i, name] of names.entries()) {
      const before = new Uint8Array(telemetry.buffer).slice();
      if (i % 4 === 0) telemetry.counter(name).add(0.1);
      if (i % 4 === 1) telemetry.gauge(name).set(0.1);
      if (i % 4 === 2) telemetry.duration(name).record(0.1);
      if (i % 4 === 3) for (let ns = 1; ns < 2 ** 37; ns *= 1.01) telemetry.histogram(name).record(ns);
      new Uint8Array(telemetry.buffer).forEach((byte, at) => {
        if (byte === before[at]) return;
        const line = at >> 6;
        expect(owner.get(line) ?? name).toBe(name);
        owner.set(line, name);
      });
    }
    expect(new Set(owner.values()).size).toBe(20);
    expect(owner.has(0)).toBe(false);
  });

  test('survives a sequence that wraps round', () => {
    const telemetry = Telemetry.create({ one: 'counter', many: 'histogram' });
    // Past the header, the sequence of the counter is the first word of its line, and then that of the histogram.
    const words = new Int32Array(telemetry.buffer);
    words[16] = 2 ** 31 - 2;
    words[32] = -2;
    words[48] = 2 ** 31 - 1;
    for (let i = 0; i < 10; i++) {
      telemetry.counter('one').add(1);
      telemetry.histogram('many').record(5);
      expect(telemetry.snapshot()).toMatchObject({ one: i + 1, many: { count: i + 1, min: 5, max: 5 } });
    }
  });

  test('refuses a buffer of another layout', () => {
    const { buffer } = Telemetry.create(layout);
    const { appended, ...rest } = layout;
    const others: MetricLayout[] = [
      rest,
      { ...rest, appended },
      { ...layout, appended: 'gauge' },
      { ...layout, more: 'counter' },
    ];
    for (const other of others) expect(() => Telemetry.attach(other, buffer)).toThrow(RangeError);
    const zeros = new SharedArrayBuffer(buffer.byteLength);
    expect(() => Telemetry.attach(layout, zeros)).toThrow(RangeError);
  });

  test('refuses names and kinds that there are not', () => {
    const telemetry: Telemetry = Telemetry.create(layout);
    expect(() => telemetry.counter('missing')).toThrow("no counter called 'missing'");
    expect(() => telemetry.counter('backlog')).toThrow("no counter called 'backlog'");
    expect(() => telemetry.histogram('sync')).toThrow(TypeError);
    expect(() => Telemetry.create({ x: 'toString' } as unknown as MetricLayout)).toThrow(
      "no kind 'toString'",
    );
  });

  test('counts a duration that is negative or not a number as 0', () => {
    const telemetry = Telemetry.create(layout);
    for (const ns of [-5, Number.NaN]) {
      telemetry.duration('sync').record(ns);
      telemetry.histogram('append').record(ns);
    }
    expect(telemetry.snapshot()).toMatchObject({
      sync: { count: 2, sum: 0, min: 0, max: 0 },
      append: { count: 2, sum: 0, min: 0, max: 0, p50: 0 },
    });
  });

  test('is typed by its layout', () => {
    const telemetry = Telemetry.create({ appended: 'counter', sync: 'duration', append: 'histogram' });
    expectTypeOf(telemetry.counter).parameters.toEqualTypeOf<['appended' | 'sync' | 'append']>();
    expectTypeOf(telemetry.snapshot()).toEqualTypeOf<{
      readonly appended: number;
      readonly sync: DurationSnapshot;
      readonly append: HistogramSnapshot;
    }>();
    const any: Telemetry = telemetry;
    expectTypeOf(any.counter).parameters.toEqualTypeOf<[string]>();
    expect(any.snapshot().appended).toBe(0);
  });
});
