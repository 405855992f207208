import { RequestEvent } from '@fswal/format';
import { describe, expect, it } from 'vitest';
import { CSV_HEADER, eventLines } from '../src/log/event-text.js';

const U64 = 2n ** 64n;
const EDGES = [
  0n,
  1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  U64 - 1n,
];
const SAMPLES = 20_000;

/** A repeatable source of u64 of all magnitudes. */
function u64From(seed: bigint): () => bigint {
  let state = seed;
  return () => {
    state = (state * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n) % U64;
    return state >> (state % 64n);
  };
}

function expectSame(value: bigint, other: bigint): void {
  const event = RequestEvent.from({
    eventId: value,
    timestamp: other,
    price: BigInt.asIntN(64, value),
    quantity: BigInt.asIntN(64, other),
    userId: Number(BigInt.asUintN(32, value)),
    orderId: Number(BigInt.asUintN(32, other)),
    type: 3,
    orderType: 1,
    side: 1,
  });
  const { eventIdBig, timestamp, priceBig, quantityBig, userId, orderId } = event;
  const fields = [eventIdBig, timestamp, priceBig, quantityBig, userId, orderId, 3, 1, 1].map(String);
  const one = { words: event.words, base: event.base, count: 1 };
  expect(eventLines(one, 'csv')).toBe(`${fields.join(',')}\n`);
  const line = eventLines(one, 'jsonl');
  const names = CSV_HEADER.trim().split(',');
  const parsed = JSON.parse(line) as Record<string, unknown>;
  expect(Object.keys(parsed)).toEqual(names);
  expect(names.map((name) => String(parsed[name]))).toEqual(fields);
}

describe('events as text', () => {
  it('are exact at the edges of what a double holds', () => {
    for (const value of EDGES) for (const other of EDGES) expectSame(value, other);
  });

  it('are exact for any 64 bits', () => {
    const seed = BigInt(process.env.FSWAL_SEED ?? Math.floor(Math.random() * 2 ** 31));
    const next = u64From(seed);
    try {
      for (let i = 0; i < SAMPLES; i++) expectSame(next(), next());
    } catch (error) {
      throw new Error(`with FSWAL_SEED=${seed}`, { cause: error });
    }
  });

  it('are strings where they have 64 bits', () => {
    const { words, base } = RequestEvent.from({ eventId: 5, timestamp: 7n, price: -3, quantity: 4 });
    const line = JSON.parse(eventLines({ words, base, count: 1 }, 'jsonl')) as object;
    expect(line).toMatchObject({ eventId: '5', timestamp: '7', price: '-3', quantity: '4', userId: 0 });
  });
});
