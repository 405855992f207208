import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EVENT_WORDS, RequestEvent } from '../src/index.js';

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const i64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const u8 = fc.integer({ min: 0, max: 255 }) as fc.Arbitrary<never>;

const fields = fc.record({
  eventId: u64,
  timestamp: u64,
  price: i64,
  quantity: i64,
  userId: u32,
  orderId: u32,
  type: u8,
  orderType: u8,
  side: u8,
});

test('any event round-trips exactly, at any place, without touching its neighbours', () => {
  fc.assert(
    fc.property(fields, fc.integer({ min: 0, max: 2 }), (wanted, place) => {
      const words = new Int32Array(3 * EVENT_WORDS).fill(-1);
      new RequestEvent(words, place * EVENT_WORDS).copyFrom(RequestEvent.from(wanted));
      const event = new RequestEvent(words, place * EVENT_WORDS);
      expect({
        eventId: event.eventIdBig,
        timestamp: event.timestamp,
        price: event.priceBig,
        quantity: event.quantityBig,
        userId: event.userId,
        orderId: event.orderId,
        type: event.type,
        orderType: event.orderType,
        side: event.side,
      }).toEqual(wanted);
      const neighbours = [0, 1, 2].filter((n) => n !== place);
      for (const n of neighbours) {
        expect(words.subarray(n * EVENT_WORDS, (n + 1) * EVENT_WORDS).every((word) => word === -1)).toBe(
          true,
        );
      }
    }),
    { numRuns: 500 },
  );
});

test('little-endian bytes at the offsets of the format', () => {
  fc.assert(
    fc.property(fields, (wanted) => {
      const view = new DataView(RequestEvent.from(wanted).words.buffer);
      expect(view.getBigUint64(0, true)).toBe(wanted.eventId);
      expect(view.getBigUint64(8, true)).toBe(wanted.timestamp);
      expect(view.getBigInt64(16, true)).toBe(wanted.price);
      expect(view.getBigInt64(24, true)).toBe(wanted.quantity);
      expect(view.getUint32(32, true)).toBe(wanted.userId);
      expect(view.getUint32(36, true)).toBe(wanted.orderId);
      expect([view.getUint8(40), view.getUint8(41), view.getUint8(42)]).toEqual([
        wanted.type,
        wanted.orderType,
        wanted.side,
      ]);
    }),
    { numRuns: 500 },
  );
});

test('a number is stored exactly or refused: whatever the double', () => {
  const doubles = fc.oneof(fc.double(), fc.maxSafeInteger(), fc.double({ min: -1e17, max: 1e17 }));
  fc.assert(
    fc.property(doubles, (value) => {
      const event = RequestEvent.from({ eventId: 1, price: 1 });
      const set = (store: () => void) => {
        try {
          store();
          return true;
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
          return false;
        }
      };
      const signed = set(() => {
        event.price = value;
      });
      const unsigned = set(() => {
        event.eventId = value;
      });
      expect(signed).toBe(Number.isSafeInteger(value));
      expect(unsigned).toBe(Number.isSafeInteger(value) && value >= 0);
      expect(event.price).toBe(signed ? value + 0 : 1);
      expect(event.eventId).toBe(unsigned ? value + 0 : 1);
    }),
    { numRuns: 2_000 },
  );
});
