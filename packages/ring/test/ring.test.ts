import { describe, expect, it } from 'vitest';
import { FIRST_POSITIONS, popValue, RINGS, record, ringAt } from './support/rings.js';

describe.each(RINGS)('$name', (kind) => {
  const { Ring } = kind;

  it('gives records back in the order they came', () => {
    const ring = Ring.create({ capacity: 4, recordWords: 2 });
    for (const value of [7, 8, 9]) expect(ring.push(record(value))).toBe(true);
    expect([popValue(ring), popValue(ring), popValue(ring)]).toEqual([7, 8, 9]);
  });

  it('is empty at first, and says so by false and -1', () => {
    const ring = Ring.create({ capacity: 4, recordWords: 2 });
    const into = Int32Array.of(5, 5);
    expect(ring.pop(into)).toBe(false);
    expect(into).toEqual(Int32Array.of(5, 5));
    expect(ring.peek()).toBe(-1);
    expect(ring.size).toBe(0);
  });

  it.each(FIRST_POSITIONS)(
    'takes exactly its capacity, and the next when one is gone, from position %i',
    (firstPosition) => {
      for (const capacity of [1, 2, 4, 8]) {
        const ring = ringAt(kind, { capacity, firstPosition });
        for (let value = 0; value < capacity; value++) expect(ring.push(record(value))).toBe(true);
        expect(ring.push(record(99))).toBe(false);
        expect(ring.claim()).toBe(-1);
        expect(ring.size).toBe(capacity);
        for (let value = 0; value < 3 * capacity; value++) {
          expect(popValue(ring)).toBe(value);
          expect(ring.size).toBe(capacity - 1);
          expect(ring.push(record(capacity + value))).toBe(true);
          expect(ring.push(record(99))).toBe(false);
        }
        for (let value = 3 * capacity; value < 4 * capacity; value++) expect(popValue(ring)).toBe(value);
        expect(popValue(ring)).toBe(undefined);
        expect(ring.size).toBe(0);
      }
    },
  );

  it.each(FIRST_POSITIONS)(
    'moves records in place past the wrap of its cursors, from position %i',
    (firstPosition) => {
      const ring = ringAt(kind, { capacity: 2, firstPosition });
      for (let value = 0; value < 10; value++) {
        const to = ring.claim();
        ring.words[to] = value;
        expect(ring.peek()).toBe(-1);
        ring.commit();
        const from = ring.peek();
        expect(from).toBe(to);
        expect(ring.words[from]).toBe(value);
        ring.release();
      }
    },
  );

  it('claims the same record until it is committed, and publishes it only then', () => {
    const ring = Ring.create({ capacity: 4, recordWords: 2 });
    const at = ring.claim();
    expect(ring.claim()).toBe(at);
    ring.words.set(record(3), at);
    expect(ring.size).toBe(0);
    ring.commit();
    expect(ring.size).toBe(1);
    expect(ring.claim()).not.toBe(at);
    expect(popValue(ring)).toBe(3);
  });

  it('peeks the same record until it is released, and keeps its place till then', () => {
    const ring = Ring.create({ capacity: 2, recordWords: 2 });
    ring.push(record(1));
    ring.push(record(2));
    const at = ring.peek();
    expect(ring.words[at]).toBe(1);
    expect(ring.peek()).toBe(at);
    expect(ring.push(record(3))).toBe(false);
    ring.release();
    expect(ring.push(record(3))).toBe(true);
    expect(ring.words[ring.peek()]).toBe(2);
  });

  it('pops the peeked record', () => {
    const ring = Ring.create({ capacity: 2, recordWords: 2 });
    ring.push(record(1));
    ring.push(record(2));
    ring.peek();
    expect(popValue(ring)).toBe(1);
    expect(() => ring.release()).toThrow(expect.objectContaining({ code: 'NOT_PEEKED' }));
    expect(popValue(ring)).toBe(2);
  });

  it('refuses commit without claim, and release without peek', () => {
    const ring = Ring.create({ capacity: 2, recordWords: 2 });
    const notClaimed = expect.objectContaining({ name: 'RingError', code: 'NOT_CLAIMED' });
    const notPeeked = expect.objectContaining({ name: 'RingError', code: 'NOT_PEEKED' });
    expect(() => ring.commit()).toThrow(notClaimed);
    expect(() => ring.release()).toThrow(notPeeked);
    ring.claim();
    ring.commit();
    expect(() => ring.commit()).toThrow(notClaimed);
    ring.peek();
    ring.release();
    expect(() => ring.release()).toThrow(notPeeked);
    ring.peek(); // empty
    expect(() => ring.release()).toThrow(notPeeked);
    expect(ring.size).toBe(0);
  });

  it('refuses commit when the claim found it full', () => {
    const ring = Ring.create({ capacity: 1, recordWords: 2 });
    ring.push(record(1));
    expect(ring.claim()).toBe(-1);
    expect(() => ring.commit()).toThrow(expect.objectContaining({ code: 'NOT_CLAIMED' }));
    expect(ring.size).toBe(1);
  });

  it('refuses to push over a claimed record', () => {
    const ring = Ring.create({ capacity: 4, recordWords: 2 });
    ring.words.set(record(1), ring.claim());
    expect(() => ring.push(record(2))).toThrow(expect.objectContaining({ code: 'CLAIM_OPEN' }));
    ring.commit();
    expect(ring.push(record(2))).toBe(true);
    expect([popValue(ring), popValue(ring)]).toEqual([1, 2]);
  });

  it('copies from and to any index, and touches nothing beside', () => {
    const ring = Ring.create({ capacity: 2, recordWords: 3 });
    expect(ring.push(Int32Array.of(1, 2, 3, 4, 5), 1)).toBe(true);
    const into = new Int32Array(6);
    expect(ring.pop(into, 2)).toBe(true);
    expect(into).toEqual(Int32Array.of(0, 0, 2, 3, 4, 0));
  });

  it('copies records of any number of words whole', () => {
    for (let recordWords = 1; recordWords <= 40; recordWords++) {
      const ring = Ring.create({ capacity: 2, recordWords });
      for (let round = 0; round < 4; round++) {
        const sent = Int32Array.from({ length: recordWords }, (_, i) => round * 1000 + i);
        expect(ring.push(sent)).toBe(true);
        const received = new Int32Array(recordWords);
        expect(ring.pop(received)).toBe(true);
        expect(received).toEqual(sent);
      }
    }
  });

  it('refuses an array that a record does not fit in, and does nothing', () => {
    const ring = Ring.create({ capacity: 2, recordWords: 3 });
    expect(() => ring.push(new Int32Array(2))).toThrow(RangeError);
    expect(() => ring.push(new Int32Array(4), 2)).toThrow(RangeError);
    expect(() => ring.push(new Int32Array(4), -1)).toThrow(RangeError);
    expect(ring.size).toBe(0);
    ring.push(Int32Array.of(1, 2, 3));
    expect(() => ring.pop(new Int32Array(2))).toThrow(RangeError);
    expect(() => ring.pop(new Int32Array(4), -1)).toThrow(RangeError);
    expect(ring.size).toBe(1);
  });

  it('keeps extreme values', () => {
    const ring = Ring.create({ capacity: 2, recordWords: 2 });
    ring.push(Int32Array.of(-(2 ** 31), 2 ** 31 - 1));
    const into = new Int32Array(2);
    ring.pop(into);
    expect(into).toEqual(Int32Array.of(-(2 ** 31), 2 ** 31 - 1));
  });
});
