import { OrderType, RequestEvent, type RequestType, Side } from '@fswal/format';
import { describe, expect, it } from 'vitest';
import { MatchingEngine, type Trade } from '../src/engine/matching-engine.js';
import { NO_PRICE } from '../src/engine/price-bitmap.js';
import { OrderFlow } from '../src/flow/order-flow.js';
import { Xoshiro128 } from '../src/flow/xoshiro128.js';
import { ReferenceBook } from './reference-book.js';
import { resting } from './requests.js';

const SEEDS = [1, 2, 3, Math.floor(Date.now() / 1000)];

/** Requests that collide on few prices, ids and users, so that every rule is met often; some of them senseless. */
function wildRequest(random: Xoshiro128): RequestEvent {
  return RequestEvent.from({
    type: random.below(4) as RequestType,
    orderType: random.below(6) === 0 ? OrderType.Market : OrderType.Limit,
    side: random.below(2) as Side,
    orderId: 1 + random.below(60),
    userId: 1 + Math.floor(random.below(12) / 10),
    price: random.below(30),
    quantity: random.below(12) - 1,
  });
}

describe.each(SEEDS)('under wild requests of seed %i', (seed) => {
  it('does what the naive book does, request by request', () => {
    const random = new Xoshiro128(seed);
    const trades: Trade[] = [];
    const engine = new MatchingEngine((trade) => trades.push({ ...trade }));
    const reference = new ReferenceBook();
    for (let i = 0; i < 5000; i++) {
      const event = wildRequest(random);
      engine.apply(event);
      reference.apply(event);
      expect(resting(engine), `request ${i} of seed ${seed}`).toEqual(reference.resting());
      expect(engine.rejects, `request ${i} of seed ${seed}`).toBe(reference.rejects);
    }
    expect(trades).toEqual(reference.trades);
    expect(trades.length).toBeGreaterThan(500);
  });
});

describe.each(SEEDS)('under the flow of seed %i', (seed) => {
  it('does what the naive book does', () => {
    const trades: Trade[] = [];
    const engine = new MatchingEngine((trade) => trades.push({ ...trade }));
    const reference = new ReferenceBook();
    const flow = new OrderFlow(seed);
    const event = new RequestEvent();
    for (let i = 0; i < 12_000; i++) {
      flow.next(event);
      engine.apply(event);
      reference.apply(event);
    }
    expect(resting(engine), `seed ${seed}`).toEqual(reference.resting());
    expect(trades).toEqual(reference.trades);
    expect(engine.rejects).toBe(reference.rejects);
  });

  it('never crosses the book, never rests an order without quantity, and conserves quantity', () => {
    const trades: Trade[] = [];
    const engine = new MatchingEngine((trade) => trades.push({ ...trade }));
    const flow = new OrderFlow(seed);
    const event = new RequestEvent();
    for (let i = 1; i <= 100_000; i++) {
      flow.next(event);
      engine.apply(event);
      const { bestBid, bestAsk } = engine.book;
      if (bestBid >= bestAsk && bestAsk !== NO_PRICE)
        expect.fail(`crossed after request ${i} of seed ${seed}`);
      if (i % 5000 === 0) checkBook(engine, seed);
    }
    expect(trades.length).toBe(engine.trades);
    expect(trades.reduce((sum, trade) => sum + trade.quantity, 0)).toBe(engine.volume);
    // Each resting order's filled part is the sum of its trades.
    const filled = new Map<number, number>();
    for (const { makerOrderId, takerOrderId, quantity } of trades) {
      filled.set(makerOrderId, (filled.get(makerOrderId) ?? 0) + quantity);
      filled.set(takerOrderId, (filled.get(takerOrderId) ?? 0) + quantity);
    }
    for (const order of resting(engine)) expect(order.filled).toBe(filled.get(order.orderId) ?? 0);
  });
});

function checkBook(engine: MatchingEngine, seed: number): void {
  const orders = resting(engine);
  expect(orders.length).toBe(engine.book.size);
  expect(orders.every((o) => o.filled >= 0 && o.filled < o.quantity)).toBe(true);
  const bids = orders.filter((o) => o.side === Side.Bid).map((o) => o.price);
  const asks = orders.filter((o) => o.side === Side.Ask).map((o) => o.price);
  expect(Math.max(...bids), `best bid, seed ${seed}`).toBe(engine.book.bestBid);
  expect(Math.min(...asks), `best ask, seed ${seed}`).toBe(engine.book.bestAsk);
}
