import { expect, it } from 'vitest';
import { Stall } from '../src/soak/stall.js';

it('a stall is a minute without change, but where there is nothing to wait for', () => {
  let now = 1e9;
  const stall = new Stall(() => now);
  const after = (ms: number, value: number): boolean => {
    now += ms;
    return stall.isReached(value);
  };
  expect([after(0, 1), after(60_000, 1), after(1, 1)]).toEqual([false, false, true]);
  expect([after(60_001, 2), after(60_000, 2), after(60_000, Number.NaN), after(60_001, Number.NaN)]).toEqual([
    false,
    false,
    false,
    false,
  ]);
  expect([after(0, 2), after(60_001, 2)]).toEqual([false, true]);
});
