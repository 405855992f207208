import { describe, expect, it, vi } from 'vitest';
import { Word } from '../src/layout.js';
import { popValue, RINGS, record } from './support/rings.js';

describe.each(RINGS)('waiting for a $name', ({ Ring }) => {
  it('returns at once where there is nothing to wait for', async () => {
    const ring = Ring.create({ capacity: 1, recordWords: 2 });
    expect(ring.waitNotFull(Number.POSITIVE_INFINITY)).toBe(true);
    expect(await ring.waitNotFullAsync(Number.POSITIVE_INFINITY)).toBe(true);
    ring.push(record(1));
    expect(ring.waitNotEmpty(Number.POSITIVE_INFINITY)).toBe(true);
    expect(await ring.waitNotEmptyAsync(Number.POSITIVE_INFINITY)).toBe(true);
  });

  it.each([0, -1, 5, Number.NaN])('gives up after %d ms', async (timeoutMs) => {
    const ring = Ring.create({ capacity: 1, recordWords: 2 });
    expect(ring.waitNotEmpty(timeoutMs)).toBe(false);
    expect(await ring.waitNotEmptyAsync(timeoutMs)).toBe(false);
    ring.push(record(1));
    expect(ring.waitNotFull(timeoutMs)).toBe(false);
    expect(await ring.waitNotFullAsync(timeoutMs)).toBe(false);
  });

  it('gives up when the clock says so, not at the first nap that ends', () => {
    const ring = Ring.create({ capacity: 1, recordWords: 2 });
    let now = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => {
      now += 5;
      return now;
    });
    try {
      expect(ring.waitNotEmpty(20)).toBe(false);
    } finally {
      clock.mockRestore();
    }
    // First looked at when it said 5.
    expect(now).toBe(25);
  });

  it('resolves an async wait for a record when one is committed', async () => {
    const ring = Ring.create({ capacity: 2, recordWords: 2 });
    const consumer = Ring.attach(ring.buffer);
    const waiting = consumer.waitNotEmptyAsync(10_000);
    ring.push(record(1));
    expect(await waiting).toBe(true);
    expect(popValue(consumer)).toBe(1);
  });

  it('resolves an async wait for room when a record is released', async () => {
    const ring = Ring.create({ capacity: 1, recordWords: 2 });
    const consumer = Ring.attach(ring.buffer);
    ring.push(record(1));
    const waiting = ring.waitNotFullAsync(10_000);
    expect(popValue(consumer)).toBe(1);
    expect(await waiting).toBe(true);
    expect(ring.push(record(2))).toBe(true);
  });

  it('notifies once per sleep: a publication without a sleeper changes nothing, one with a sleeper unmarks and counts', async () => {
    const ring = Ring.create({ capacity: 4, recordWords: 2 });
    const consumer = Ring.attach(ring.buffer);
    const waiting = consumer.waitNotEmptyAsync(10_000);
    const marked = ring.words[Word.recordSleepers];
    expect(marked & 1).toBe(1);
    ring.push(record(1));
    const counted = ring.words[Word.recordSleepers];
    expect(counted).toBe((marked & ~1) + 2);
    ring.push(record(2));
    expect(ring.words[Word.recordSleepers]).toBe(counted);
    await waiting; // it marked anew before it looked: one vain notification
    ring.push(record(3));
    expect(ring.words[Word.recordSleepers]).toBe(counted + 2);
    expect(ring.words[Word.roomSleepers]).toBe(0);
  });

  it('wakes a sleeper whose announcement came after the look of an earlier publication', async () => {
    const ring = Ring.create({ capacity: 4, recordWords: 2 });
    const consumer = Ring.attach(ring.buffer);
    expect(await consumer.waitNotEmptyAsync(1)).toBe(false); // leaves its mark behind
    ring.push(record(1)); // a vain notification
    expect(popValue(consumer)).toBe(1);
    const waiting = consumer.waitNotEmptyAsync(10_000);
    ring.push(record(2));
    expect(await waiting).toBe(true);
  });
});
