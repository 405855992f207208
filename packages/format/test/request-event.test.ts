import { describe, expect, test } from 'vitest';
import { EVENT_BYTES, EVENT_WORDS, EventView, RequestEvent, RequestEventOffset } from '../src/index.js';

const MAX = Number.MAX_SAFE_INTEGER;

describe('number properties', () => {
  test.each([0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 52, MAX])('an event id of %d is exact', (id) => {
    const event = RequestEvent.from({ eventId: id });
    expect(event.eventId).toBe(id);
    expect(event.eventIdBig).toBe(BigInt(id));
  });

  test.each([0, 1, -1, 2 ** 31, -(2 ** 31), 2 ** 32, -(2 ** 32), -(2 ** 32) - 1, MAX, -MAX])(
    'a price of %d is exact',
    (ticks) => {
      const event = new RequestEvent();
      event.price = ticks;
      event.quantity = ticks;
      expect([event.price, event.quantity]).toEqual([ticks, ticks]);
      expect([event.priceBig, event.quantityBig]).toEqual([BigInt(ticks), BigInt(ticks)]);
    },
  );

  const unfit = [Number.NaN, Infinity, -Infinity, 0.5, -0.5, 1e-20, -1e-20, 4_294_967_295.5, 2 ** 53, 1e300];

  test.each([...unfit, -(2 ** 53), -1e300])('refuse %d, and store nothing', (value) => {
    const event = RequestEvent.from({ eventId: 7, price: 8, quantity: 9 });
    expect(() => {
      event.price = value;
    }).toThrow(RangeError);
    expect(() => {
      event.quantity = value;
    }).toThrow(RangeError);
    expect(() => {
      event.eventId = value;
    }).toThrow(RangeError);
    expect([event.eventId, event.price, event.quantity]).toEqual([7, 8, 9]);
    expect(() => RequestEvent.from({ price: value })).toThrow(RangeError);
    expect(() => RequestEvent.from({ eventId: value })).toThrow(RangeError);
  });

  test('an event id is not negative', () => {
    expect(() => {
      new RequestEvent().eventId = -1;
    }).toThrow(RangeError);
    expect(() => RequestEvent.from({ eventId: -1 })).toThrow(RangeError);
    expect(() => RequestEvent.from({ eventId: -1n })).toThrow(RangeError);
  });

  test.each([2n ** 53n, 2n ** 63n, 2n ** 64n - 1n])('reading event id %d as a number is refused', (id) => {
    expect(() => RequestEvent.from({ eventId: id }).eventId).toThrow(/eventId|Big/);
  });

  test.each([2n ** 53n, -(2n ** 53n), -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)])(
    'reading a price of %d as a number is refused',
    (ticks) => {
      const event = RequestEvent.from({ price: ticks, quantity: ticks });
      expect(() => event.price).toThrow(RangeError);
      expect(() => event.quantity).toThrow(RangeError);
      expect([event.priceBig, event.quantityBig]).toEqual([ticks, ticks]);
    },
  );
});

describe('bigint properties', () => {
  test.each([-1n, 2n ** 64n])('u64 fields refuse %d', (value) => {
    const event = RequestEvent.from({ eventId: 7, timestamp: 8n });
    expect(() => {
      event.eventIdBig = value;
    }).toThrow(RangeError);
    expect(() => {
      event.timestamp = value;
    }).toThrow(RangeError);
    expect([event.eventIdBig, event.timestamp]).toEqual([7n, 8n]);
  });

  test.each([2n ** 63n, -(2n ** 63n) - 1n, 2n ** 64n])('i64 fields refuse %d', (value) => {
    const event = RequestEvent.from({ price: 7, quantity: 8 });
    expect(() => {
      event.priceBig = value;
    }).toThrow(RangeError);
    expect(() => {
      event.quantityBig = value;
    }).toThrow(RangeError);
    expect([event.priceBig, event.quantityBig]).toEqual([7n, 8n]);
  });
});

describe('small properties', () => {
  test.each([-1, 2 ** 32, 0.5, Number.NaN])('u32 fields refuse %d', (value) => {
    const event = new RequestEvent();
    expect(() => {
      event.userId = value;
    }).toThrow(RangeError);
    expect(() => {
      event.orderId = value;
    }).toThrow(RangeError);
  });

  test.each([-1, 256, 0.5, Number.NaN])('byte fields refuse %d', (value) => {
    const event = new RequestEvent();
    expect(() => {
      event.type = value as never;
    }).toThrow(RangeError);
    expect(() => {
      event.orderType = value as never;
    }).toThrow(RangeError);
    expect(() => {
      event.side = value as never;
    }).toThrow(RangeError);
  });

  test('what is left out is zero, and so is the padding', () => {
    expect(RequestEvent.from({}).bytes).toEqual(new Uint8Array(EVENT_BYTES));
    const full = RequestEvent.from({ eventId: 1, type: 3, orderType: 1, side: 1 });
    expect(full.bytes.subarray(RequestEventOffset.padding).every((byte) => byte === 0)).toBe(true);
  });
});

test('stampNow stores the milliseconds of the clock as nanoseconds', () => {
  const event = new RequestEvent();
  const before = Date.now();
  event.stampNow();
  const after = Date.now();
  expect(event.timestamp % 1_000_000n).toBe(0n);
  expect(event.timestamp).toBeGreaterThanOrEqual(BigInt(before) * 1_000_000n);
  expect(event.timestamp).toBeLessThanOrEqual(BigInt(after) * 1_000_000n);
});

test('a view is moved by assignment, and shows the memory it lies in', () => {
  const words = new Int32Array(3 * EVENT_WORDS);
  const view = new EventView(words, EVENT_WORDS);
  view.eventId = 5;
  view.base = 2 * EVENT_WORDS;
  view.eventIdBig = 6n;
  expect([words[0], words[EVENT_WORDS], words[2 * EVENT_WORDS]]).toEqual([0, 5, 6]);
  view.bytes[63] = 9;
  expect(new Uint8Array(words.buffer)[3 * EVENT_BYTES - 1]).toBe(9);
});

test('copyFrom stores the id last', () => {
  const order: number[] = [];
  const stored = new Int32Array(EVENT_WORDS);
  const words = new Proxy(stored, {
    set: (target, key, value) => {
      order.push(Number(key));
      target[Number(key)] = value;
      return true;
    },
    get: (target, key) => Reflect.get(target, key),
  });
  const source = RequestEvent.from({ eventId: 2n ** 40n + 3n, price: -4, side: 1 });
  new EventView(words).copyFrom(source);
  expect(order.slice(-2).sort()).toEqual([0, 1]);
  expect(new Set(order).size).toBe(EVENT_WORDS);
  expect(Array.from(stored)).toEqual(Array.from(source.words));
});
