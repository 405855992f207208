import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import {
  parseBlocks,
  parseCheckpointPace,
  parseEvents,
  parseRate,
  parseSeed,
} from '../src/commands/options.js';
import { formatRate, toJson } from '../src/commands/output.js';
import { drawKillMoment } from '../src/crash/kill-plan.js';
import { Xoshiro128 } from '../src/flow/xoshiro128.js';
import { median } from '../src/measure/median.js';

describe('options', () => {
  it.each(['', ' ', '0', '-1', '1.5', '1e6', '0x10', '2147483648', 'ten', '1 2'])(
    'refuses %j as a number of events',
    (text) => {
      expect(() => parseEvents(text)).toThrow(InvalidArgumentError);
    },
  );

  it('takes whole numbers in their range', () => {
    expect(parseEvents('2147483647')).toBe(2147483647);
    expect(parseSeed('0')).toBe(0);
    expect(parseSeed('9007199254740991')).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => parseSeed('9007199254740993')).toThrow(InvalidArgumentError);
    expect(parseBlocks('16')).toBe(16);
    expect(() => parseBlocks('15')).toThrow(InvalidArgumentError);
    expect(() => parseBlocks('130001')).toThrow(InvalidArgumentError);
  });

  it('takes any rate above 0', () => {
    expect([parseRate('0.5'), parseRate('1e6')]).toEqual([0.5, 1e6]);
    for (const text of ['', '0', '-3', 'Infinity', 'fast']) {
      expect(() => parseRate(text)).toThrow(InvalidArgumentError);
    }
  });
});

describe('how often checkpoints are taken', () => {
  it('is said in events or in seconds', () => {
    expect(parseCheckpointPace('100000')).toEqual({ events: 100_000 });
    expect(parseCheckpointPace('2.5s')).toEqual({ seconds: 2.5 });
  });

  it.each(['', 's', '0', '0s', '-1s', '1e3s', '1..5s', '86401s', '5 s', '1.5', '5m'])(
    'is not said by %j',
    (text) => {
      expect(() => parseCheckpointPace(text)).toThrow(InvalidArgumentError);
    },
  );
});

describe('output', () => {
  it('writes 64-bit integers as strings, at any depth, in one line', () => {
    const json = toJson({ a: 1, b: { id: 2n ** 64n - 1n, list: [3n] }, c: null });
    expect(json).toBe('{"a":1,"b":{"id":"18446744073709551615","list":["3"]},"c":null}');
  });

  it('writes rates for people, also where nothing was timed', () => {
    expect(formatRate(12_345_678)).toBe('12.3 M events/s');
    expect(formatRate(4321.4)).toBe('4,321 events/s');
    expect(formatRate(Number.NaN)).toBe('-');
  });

  it('takes medians of odd and even numbers of values', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([9, 1, 5, 6])).toBe(5.5);
    expect(median([])).toBeNaN();
  });
});

describe('the plan of kills', () => {
  it('is the same for the same seed', () => {
    const plan = (seed: number): unknown[] => {
      const random = new Xoshiro128(seed);
      return Array.from({ length: 50 }, () => drawKillMoment(random, 50_000));
    };
    expect(plan(3)).toEqual(plan(3));
    expect(plan(3)).not.toEqual(plan(4));
  });

  it('kills while opening, just after the first append, at rotations and everywhere else, within the recording', () => {
    const random = new Xoshiro128(1);
    const moments = Array.from({ length: 1000 }, () => drawKillMoment(random, 50_000));
    const appended = moments.flatMap((moment) => (moment.kind === 'appended' ? [moment.events] : []));
    expect(moments.filter((moment) => moment.kind === 'opening').length).toBeGreaterThan(50);
    expect(moments.filter((moment) => moment.kind === 'rotation').length).toBeGreaterThan(200);
    expect(appended.filter((events) => events <= 500).length).toBeGreaterThan(100);
    expect(appended.filter((events) => events > 25_000).length).toBeGreaterThan(80);
    expect(Math.min(...appended)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...appended)).toBeLessThanOrEqual(50_000);
  });

  it('keeps within a recording of one event', () => {
    const random = new Xoshiro128(2);
    for (let i = 0; i < 200; i++) {
      const moment = drawKillMoment(random, 1);
      if (moment.kind === 'appended') expect(moment.events).toBe(1);
    }
  });
});
