import { describe, expect, it } from 'vitest';
import { SpmcRing } from '../src/spmc-ring.js';
import { FIRST_POSITIONS, popValue, RINGS, record, ringAt } from './support/rings.js';

const KIND = RINGS[1];

describe('several consumers of a SpmcRing', () => {
  it('hands each record to exactly one of them', () => {
    const ring = SpmcRing.create({ capacity: 4, recordWords: 2 });
    const a = SpmcRing.attach(ring.buffer);
    const b = SpmcRing.attach(ring.buffer);
    for (const value of [1, 2, 3]) ring.push(record(value));
    expect(a.words[a.peek()]).toBe(1);
    expect(b.words[b.peek()]).toBe(2);
    expect(a.words[a.peek()]).toBe(1);
    a.release();
    expect(a.words[a.peek()]).toBe(3);
    b.release();
    expect(b.peek()).toBe(-1);
  });

  it.each(FIRST_POSITIONS)(
    'never lets the producer overwrite a record that is being read, from position %i',
    (firstPosition) => {
      const ring = ringAt(KIND, { capacity: 4, firstPosition }) as SpmcRing;
      const slow = SpmcRing.attach(ring.buffer);
      const fast = SpmcRing.attach(ring.buffer);
      for (let value = 0; value < 4; value++) ring.push(record(value));
      const held = slow.peek();
      // All others are taken and given back, so that only the slow consumer stands in the way.
      for (let value = 1; value < 4; value++) expect(popValue(fast)).toBe(value);
      expect(ring.size).toBe(0);
      expect(ring.push(record(4))).toBe(false);
      expect(ring.waitNotFull(0)).toBe(false);
      expect(slow.words.slice(held, held + 2)).toEqual(record(0));
      slow.release();
      expect(ring.waitNotFull(0)).toBe(true);
      for (let value = 4; value < 8; value++) expect(ring.push(record(value))).toBe(true);
      expect(ring.push(record(8))).toBe(false);
      for (let value = 4; value < 8; value++) expect(popValue(fast)).toBe(value);
    },
  );

  it('lets the producer go round up to the record that is being read', () => {
    const ring = SpmcRing.create({ capacity: 4, recordWords: 2 });
    const slow = SpmcRing.attach(ring.buffer);
    const fast = SpmcRing.attach(ring.buffer);
    ring.push(record(0));
    ring.push(record(1));
    expect(popValue(fast)).toBe(0);
    const held = slow.peek();
    for (let value = 2; value < 5; value++) expect(ring.push(record(value))).toBe(true);
    expect(ring.push(record(5))).toBe(false);
    for (let value = 2; value < 5; value++) expect(popValue(fast)).toBe(value);
    expect(slow.words[held]).toBe(1);
  });

  it('releases out of order, and hands out in order all the same', () => {
    const ring = SpmcRing.create({ capacity: 2, recordWords: 2 });
    const a = SpmcRing.attach(ring.buffer);
    const b = SpmcRing.attach(ring.buffer);
    ring.push(record(0));
    ring.push(record(1));
    a.peek();
    b.peek();
    b.release();
    expect(ring.push(record(2))).toBe(false);
    a.release();
    expect(ring.push(record(2))).toBe(true);
    expect(ring.push(record(3))).toBe(true);
    expect([popValue(b), popValue(a)]).toEqual([2, 3]);
  });

  it('tells a consumer that holds a record that there is something, and others that there is not', () => {
    const ring = SpmcRing.create({ capacity: 2, recordWords: 2 });
    const holder = SpmcRing.attach(ring.buffer);
    const other = SpmcRing.attach(ring.buffer);
    ring.push(record(0));
    holder.peek();
    expect(holder.waitNotEmpty(0)).toBe(true);
    expect(other.waitNotEmpty(0)).toBe(false);
  });
});
