import { describe, expect, expectTypeOf, test } from 'vitest';
import {
  type DurationSnapshot,
  type HistogramSnapshot,
  type MetricKind,
  type MetricLayout,
  Telemetry,
} from '../src/index.js';

const layout = {
  appended: 'counter',
  backlog: 'gauge',
  sync: 'duration',
  write: 'operation',
  writer: 'lifecycle',
  append: 'histogram',
} as const;

/** Does all that a metric of this kind records. */
function recordAll(telemetry: Telemetry, name: string, kind: MetricKind): void {
  if (kind === 'counter') telemetry.counter(name).add(0.1);
  if (kind === 'gauge') telemetry.gauge(name).set(0.1);
  if (kind === 'duration') telemetry.duration(name).record(0.1);
  if (kind === 'operation') {
    telemetry.operation(name).record(0.1);
    for (let i = 0; i < 1000; i++) telemetry.operation(name).fail();
  }
  if (kind === 'lifecycle') {
    telemetry.lifecycle(name).active(0.1);
    telemetry.lifecycle(name).idle(0.1);
  }
  if (kind === 'histogram') for (let ns = 1; ns < 2 ** 37; ns *= 1.01) telemetry.histogram(name).record(ns);
}

describe('a set of metrics', () => {
  test('is all zeros at first', () => {
    expect(Telemetry.create(layout).snapshot()).toEqual({
      appended: 0,
      backlog: 0,
      sync: { count: 0, sum: 0, min: 0, max: 0 },
      write: { count: 0, sum: 0, min: 0, max: 0, failures: 0 },
      writer: { loops: 0, active: 0, idle: 0 },
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
    telemetry.operation('write').record(50);
    telemetry.operation('write').fail();
    telemetry.operation('write').record(30);
    telemetry.operation('write').fail();
    telemetry.lifecycle('writer').active(7);
    telemetry.lifecycle('writer').active(8);
    telemetry.lifecycle('writer').idle(100);
    telemetry.histogram('append').record(12);
    const snapshot = telemetry.snapshot();
    expect(snapshot).toMatchObject({
      appended: 7,
      backlog: -2.5,
      sync: { count: 3, sum: 600, min: 100, max: 300 },
      write: { count: 2, sum: 80, min: 30, max: 50, failures: 2 },
      writer: { loops: 2, active: 15, idle: 100 },
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

  test('gives every metric cache lines of its own, wherever the buffer starts', () => {
    const names = Array.from({ length: 18 }, (_, i) => `metric${i}`);
    const kinds = ['counter', 'gauge', 'duration', 'operation', 'lifecycle', 'histogram'] as const;
    const mixed: MetricLayout = Object.fromEntries(names.map((name, i) => [name, kinds[i % 6]!]));
    const telemetry = Telemetry.create(mixed);
    const bytes = new Uint8Array(telemetry.buffer);
    // The header's bytes, which all readers read, then those that each metric changes.
    const used = [Array.from({ length: 8 }, (_, at) => at)];
    for (const [i, name] of names.entries()) {
      const before = bytes.slice();
      recordAll(telemetry, name, kinds[i % 6]!);
      used.push([...bytes.keys()].filter((at) => bytes[at] !== before[at]));
    }
    for (let start = 0; start < 64; start += 16) {
      const lines = used.map((places) => new Set(places.map((at) => (start + at) >> 6)));
      const owners = lines.flatMap((owned) => [...owned]);
      expect(lines.every(({ size }) => size > 0)).toBe(true);
      expect(new Set(owners).size, `a buffer that starts at ${start}`).toBe(owners.length);
    }
  });

  test('survives a sequence that wraps round', () => {
    const telemetry = Telemetry.create({ one: 'counter', many: 'histogram' });
    // Of the counter's line and the histogram's the first word is the sequence; the histogram's second has the epoch.
    const words = new Int32Array(telemetry.buffer);
    words[32] = 2 ** 31 - 2;
    words[64] = -2;
    words[80] = 2 ** 31 - 1;
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

  test('knows its layout whatever the layout says of it besides', () => {
    const described = {
      appended: { kind: 'counter', help: 'Events appended.', unit: 'events' },
      sync: { kind: 'duration', help: 'Waits for the device.' },
    } as const;
    const telemetry = Telemetry.create(described);
    telemetry.counter('appended').add(5);
    expect(Telemetry.attach({ appended: 'counter', sync: 'duration' }, telemetry.buffer).snapshot()).toEqual(
      telemetry.snapshot(),
    );
    expectTypeOf(telemetry.snapshot()).toEqualTypeOf<{
      readonly appended: number;
      readonly sync: DurationSnapshot;
    }>();
    expect(telemetry.snapshot().appended).toBe(5);
    // @ts-expect-error: a duration is in nanoseconds
    Telemetry.create({ sync: { kind: 'duration', unit: 'ms' } });
  });

  test('refuses names and kinds that there are not', () => {
    const telemetry: Telemetry = Telemetry.create(layout);
    expect(() => telemetry.counter('missing')).toThrow("no counter called 'missing'");
    expect(() => telemetry.counter('backlog')).toThrow("no counter called 'backlog'");
    expect(() => telemetry.histogram('sync')).toThrow(TypeError);
    expect(() => telemetry.operation('sync')).toThrow("no operation called 'sync'");
    expect(() => telemetry.duration('write')).toThrow("no duration called 'write'");
    expect(() => telemetry.lifecycle('sync')).toThrow("no lifecycle called 'sync'");
    expect(() => Telemetry.create({ x: 'toString' } as unknown as MetricLayout)).toThrow(
      "no kind 'toString'",
    );
  });

  test('counts a duration that is negative or not a number as 0', () => {
    const telemetry = Telemetry.create(layout);
    for (const ns of [-5, Number.NaN]) {
      telemetry.duration('sync').record(ns);
      telemetry.histogram('append').record(ns);
      telemetry.operation('write').record(ns);
      telemetry.lifecycle('writer').active(ns);
      telemetry.lifecycle('writer').idle(ns);
    }
    expect(telemetry.snapshot()).toMatchObject({
      sync: { count: 2, sum: 0, min: 0, max: 0 },
      write: { count: 2, sum: 0, min: 0, max: 0, failures: 0 },
      writer: { loops: 2, active: 0, idle: 0 },
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
