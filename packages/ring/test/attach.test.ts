import { describe, expect, it } from 'vitest';
import { SpmcRing } from '../src/spmc-ring.js';
import { SpscRing } from '../src/spsc-ring.js';
import { popValue, RINGS, record } from './support/rings.js';

const NOT_A_RING = expect.objectContaining({ name: 'RingError', code: 'NOT_A_RING' });

describe.each(RINGS)('creating and attaching a $name', ({ Ring }) => {
  it.each([0, -1, -4, 3, 6, 100, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, 2 ** 32])(
    'refuses a capacity of %d, which is not a power of two',
    (capacity) => {
      expect(() => Ring.create({ capacity, recordWords: 16 })).toThrow(RangeError);
    },
  );

  it.each([0, -1, 1.5, Number.NaN])('refuses records of %d words', (recordWords) => {
    expect(() => Ring.create({ capacity: 4, recordWords })).toThrow(RangeError);
  });

  it('refuses a ring of 2 GiB', () => {
    expect(() => Ring.create({ capacity: 2 ** 24, recordWords: 32 })).toThrow(RangeError);
  });

  it('attaches to the same ring: geometry, contents, both directions', () => {
    const ring = Ring.create({ capacity: 8, recordWords: 2 });
    ring.push(record(1));
    const other = Ring.attach(ring.buffer);
    expect([other.capacity, other.recordWords, other.buffer, other.size]).toEqual([8, 2, ring.buffer, 1]);
    ring.push(record(2));
    expect([popValue(other), popValue(other), popValue(other)]).toEqual([1, 2, undefined]);
  });

  it('lets an instance take a role over that another has finished with', () => {
    const first = Ring.create({ capacity: 4, recordWords: 2 });
    const second = Ring.attach(first.buffer);
    for (let value = 0; value < 40; value += 2) {
      expect(first.push(record(value))).toBe(true);
      expect(second.push(record(value + 1))).toBe(true);
      expect(popValue(second)).toBe(value);
      expect(popValue(first)).toBe(value + 1);
      expect(popValue(second)).toBe(undefined);
      expect(popValue(first)).toBe(undefined);
    }
  });

  it('refuses what is not a SharedArrayBuffer', () => {
    expect(() => Ring.attach(new ArrayBuffer(4096) as never)).toThrow(TypeError);
    expect(() => Ring.attach(undefined as never)).toThrow(TypeError);
  });

  it('refuses a buffer without a ring, too short for one, or of odd length', () => {
    expect(() => Ring.attach(new SharedArrayBuffer(4096))).toThrow(NOT_A_RING);
    expect(() => Ring.attach(new SharedArrayBuffer(0))).toThrow(NOT_A_RING);
    expect(() => Ring.attach(new SharedArrayBuffer(16))).toThrow(NOT_A_RING);
    expect(() => Ring.attach(new SharedArrayBuffer(4097))).toThrow(NOT_A_RING);
  });

  it('refuses a ring whose header does not fit its buffer', () => {
    const { buffer } = Ring.create({ capacity: 8, recordWords: 2 });
    const shorter = new SharedArrayBuffer(buffer.byteLength - 4);
    new Int32Array(shorter).set(new Int32Array(buffer, 0, shorter.byteLength / 4));
    expect(() => Ring.attach(shorter)).toThrow(NOT_A_RING);
  });

  it.each([0, 1, 2, 3, 4])('refuses a ring whose header word %i was changed', (word) => {
    const { buffer } = Ring.create({ capacity: 8, recordWords: 2 });
    for (const value of [0, -1, 70, 2 ** 30]) {
      const copy = new SharedArrayBuffer(buffer.byteLength);
      const words = new Int32Array(copy);
      words.set(new Int32Array(buffer));
      words[word] = value;
      expect(() => Ring.attach(copy)).toThrow(NOT_A_RING);
    }
  });
});

it('refuses a ring of the other kind', () => {
  expect(() => SpscRing.attach(SpmcRing.create({ capacity: 4, recordWords: 2 }).buffer)).toThrow(NOT_A_RING);
  expect(() => SpmcRing.attach(SpscRing.create({ capacity: 4, recordWords: 2 }).buffer)).toThrow(NOT_A_RING);
});
