import { RequestEvent, RequestType, Side } from '@fswal/format';
import { describe, expect, it } from 'vitest';
import { MAX_QUANTITY, MatchingEngine } from '../src/engine/matching-engine.js';
import { ORDER_SHIFT, OrderWord } from '../src/engine/order-pool.js';
import { Outcome } from '../src/engine/outcome.js';
import { MAX_PRICE, NO_PRICE } from '../src/engine/price-bitmap.js';
import {
  ask,
  bid,
  cancel,
  depth,
  limit,
  market,
  modifyPrice,
  modifyQuantity,
  request,
  run,
  tape,
} from './requests.js';

describe('price-time priority', () => {
  it('trades with the best price first, whatever came first', () => {
    const { trades } = run(ask(1, 103, 5), ask(2, 101, 5), ask(3, 102, 5), bid(4, 103, 12));
    expect(tape(trades)).toEqual(['2<4 5@101', '3<4 5@102', '1<4 2@103']);
  });

  it('trades with the highest bid first', () => {
    const { trades } = run(bid(1, 97, 5), bid(2, 99, 5), bid(3, 98, 5), ask(4, 97, 12));
    expect(tape(trades)).toEqual(['2<4 5@99', '3<4 5@98', '1<4 2@97']);
  });

  it('trades with the oldest order at a price first', () => {
    const { trades } = run(ask(1, 100, 5), ask(2, 100, 5), ask(3, 100, 5), bid(4, 100, 11));
    expect(tape(trades)).toEqual(['1<4 5@100', '2<4 5@100', '3<4 1@100']);
  });

  it("trades at the resting order's price", () => {
    const { trades } = run(ask(1, 100, 5), bid(2, 120, 5));
    expect(tape(trades)).toEqual(['1<2 5@100']);
  });

  it('does not trade through the limit', () => {
    const { engine, trades } = run(ask(1, 100, 5), ask(2, 101, 5), bid(3, 100, 8));
    expect(tape(trades)).toEqual(['1<3 5@100']);
    expect(depth(engine)).toEqual(['3:3@100', '2:5@101']);
  });

  it('finds the next price however far it is', () => {
    const { engine, trades } = run(ask(1, 5, 1), ask(2, MAX_PRICE, 1), bid(3, MAX_PRICE, 3));
    expect(tape(trades)).toEqual(['1<3 1@5', '2<3 1@1048575']);
    expect(depth(engine)).toEqual(['3:1@1048575']);
  });
});

describe('partial fills', () => {
  it('leaves the rest of a resting order in its place', () => {
    const { engine, trades } = run(ask(1, 100, 10), ask(2, 100, 10), bid(3, 100, 4), bid(4, 100, 8));
    expect(tape(trades)).toEqual(['1<3 4@100', '1<4 6@100', '2<4 2@100']);
    expect(depth(engine)).toEqual(['2:8@100']);
  });

  it('rests what a limit order does not fill', () => {
    const { engine } = run(ask(1, 100, 4), bid(2, 100, 10));
    expect(depth(engine)).toEqual(['2:6@100']);
    expect(engine.book.bestBid).toBe(100);
    expect(engine.book.bestAsk).toBe(NO_PRICE);
  });
});

describe('market orders', () => {
  it('sweeps level after level and leaves no residue', () => {
    const { engine, trades } = run(ask(1, 100, 1), ask(2, 200, 2), ask(3, 900, 3), market(4, Side.Bid, 50));
    expect(tape(trades)).toEqual(['1<4 1@100', '2<4 2@200', '3<4 3@900']);
    expect(depth(engine)).toEqual([]);
    expect(engine.rejects).toBe(0);
  });

  it('sells to bids down to the lowest price there is', () => {
    const { trades } = run(bid(1, 1, 5), bid(2, 2, 5), market(3, Side.Ask, 10));
    expect(tape(trades)).toEqual(['2<3 5@2', '1<3 5@1']);
  });

  it('comes to nothing against an empty side', () => {
    const { engine, trades } = run(bid(1, 100, 5), market(2, Side.Bid, 5));
    expect(trades).toEqual([]);
    expect(depth(engine)).toEqual(['1:5@100']);
    expect(engine.apply(cancel(2))).toBe(Outcome.UnknownOrder);
  });
});

describe('modify price', () => {
  it('sends the order to the end of the queue at its new price', () => {
    const { engine } = run(bid(1, 99, 5), bid(2, 100, 5), modifyPrice(1, 100));
    expect(depth(engine)).toEqual(['2:5@100', '1:5@100']);
  });

  it('costs the place even at the same price', () => {
    const { engine } = run(bid(1, 100, 5), bid(2, 100, 5), modifyPrice(1, 100));
    expect(depth(engine)).toEqual(['2:5@100', '1:5@100']);
  });

  it('trades where the new price crosses, and rests the remainder there', () => {
    const { engine, trades } = run(ask(1, 105, 3), bid(2, 100, 5), modifyPrice(2, 106));
    expect(tape(trades)).toEqual(['1<2 3@105']);
    expect(depth(engine)).toEqual(['2:2@106']);
  });

  it('leaves best prices right when the moved order fills wholly beyond the spread', () => {
    const { engine } = run(
      bid(9, 90, 1),
      ask(1, 105, 9),
      ask(3, 107, 1),
      bid(2, 100, 5),
      modifyPrice(2, 110),
    );
    expect([engine.book.bestBid, engine.book.bestAsk]).toEqual([90, 105]);
    expect(depth(engine)).toEqual(['9:1@90', '1:4@105', '3:1@107']);
    expect(engine.apply(cancel(2))).toBe(Outcome.UnknownOrder);
  });

  it('moves the best price back when the best order moves away', () => {
    const { engine } = run(ask(1, 100, 5), ask(2, 110, 5), modifyPrice(1, 120));
    expect(engine.book.bestAsk).toBe(110);
  });
});

describe('modify quantity', () => {
  it('keeps the place when it goes down or stays', () => {
    const { engine } = run(bid(1, 100, 5), bid(2, 100, 5), modifyQuantity(1, 5), modifyQuantity(1, 3));
    expect(depth(engine)).toEqual(['1:3@100', '2:5@100']);
  });

  it('loses the place when it goes up', () => {
    const { engine } = run(bid(1, 100, 5), bid(2, 100, 5), modifyQuantity(1, 6));
    expect(depth(engine)).toEqual(['2:5@100', '1:6@100']);
  });

  it('counts what is already filled', () => {
    const { engine } = run(bid(1, 100, 10), ask(2, 100, 4), modifyQuantity(1, 7));
    expect(depth(engine)).toEqual(['1:3@100']);
  });

  it.each([4, 3, 0])('cancels an order of which 4 are filled at a new quantity of %i', (quantity) => {
    const { engine } = run(bid(1, 100, 10), ask(2, 100, 4), modifyQuantity(1, quantity));
    expect(depth(engine)).toEqual([]);
    expect(engine.rejects).toBe(0);
    expect(engine.book.bestBid).toBe(NO_PRICE);
  });
});

describe('cancel', () => {
  it('takes the order out of the middle of its queue', () => {
    const { engine } = run(bid(1, 100, 1), bid(2, 100, 2), bid(3, 100, 3), cancel(2));
    expect(depth(engine)).toEqual(['1:1@100', '3:3@100']);
  });

  it('frees the id for another order', () => {
    const { engine } = run(bid(1, 100, 1), cancel(1), ask(1, 200, 2));
    expect(depth(engine)).toEqual(['1:2@200']);
  });
});

describe('requests that cannot be carried out', () => {
  const huge = 2n ** 62n;
  const cases: readonly (readonly [string, RequestEvent, Outcome])[] = [
    ['an unknown request type', withType(9), Outcome.BadRequest],
    [
      'a side that is none',
      request({ orderId: 5, side: 2 as Side, price: 1, quantity: 1 }),
      Outcome.BadRequest,
    ],
    [
      'an order type that is none',
      request({ orderId: 5, orderType: 7 as 1, quantity: 1 }),
      Outcome.BadRequest,
    ],
    ['order id 0', bid(0, 100, 1), Outcome.BadRequest],
    ['price 0', bid(5, 0, 1), Outcome.BadPrice],
    ['a negative price', bid(5, -1, 1), Outcome.BadPrice],
    ['a price beyond the range', bid(5, MAX_PRICE + 1, 1), Outcome.BadPrice],
    [
      'a price past 2^53',
      RequestEvent.from({ orderId: 5, priceBig: 0n, quantity: 1 } as never),
      Outcome.BadPrice,
    ],
    ['a huge price', request({ orderId: 5, price: huge, quantity: 1 }), Outcome.BadPrice],
    [
      'a huge new price',
      request({ type: RequestType.ModifyPrice, orderId: 1, price: huge }),
      Outcome.BadPrice,
    ],
    ['quantity 0', bid(5, 100, 0), Outcome.BadQuantity],
    ['a negative quantity', bid(5, 100, -1), Outcome.BadQuantity],
    ['a quantity beyond the range', bid(5, 100, MAX_QUANTITY + 1), Outcome.BadQuantity],
    ['a huge quantity', request({ orderId: 5, price: 1, quantity: huge }), Outcome.BadQuantity],
    ['a market order without quantity', market(5, Side.Bid, 0), Outcome.BadQuantity],
    ['a negative new quantity', modifyQuantity(1, -1), Outcome.BadQuantity],
    ['a new order with the id of a resting one', bid(1, 99, 1), Outcome.DuplicateOrder],
    ['a market order with the id of a resting one', market(1, Side.Ask, 1), Outcome.DuplicateOrder],
    ['a cancel of an unknown order', cancel(99), Outcome.UnknownOrder],
    ['a new price for an unknown order', modifyPrice(99, 1), Outcome.UnknownOrder],
    ['a new quantity for an unknown order', modifyQuantity(99, 1), Outcome.UnknownOrder],
    ["a cancel of another user's order", request({ type: 3, orderId: 1, userId: 8 }), Outcome.NotOwner],
    [
      "a new price for another user's order",
      request({ type: 1, orderId: 1, userId: 8, price: 1 }),
      Outcome.NotOwner,
    ],
    [
      "a new quantity for another user's order",
      request({ type: 2, orderId: 1, userId: 8, quantity: 1 }),
      Outcome.NotOwner,
    ],
  ];

  it.each(cases)('counts %s and changes nothing else', (_, event, outcome) => {
    const { engine, trades } = run(bid(1, 100, 5));
    expect(engine.apply(event)).toBe(outcome);
    expect(engine.count(outcome)).toBe(1);
    expect([engine.requests, engine.rejects, engine.trades]).toEqual([2, 1, 0]);
    expect(trades).toEqual([]);
    expect(depth(engine)).toEqual(['1:5@100']);
  });

  function withType(type: number): RequestEvent {
    return request({ type: type as RequestType, orderId: 1, price: 1, quantity: 1 });
  }
});

describe('wide values', () => {
  it('takes ids and users up to 2^32 - 1', () => {
    const { engine, trades } = run(
      limit(0xffff_ffff, Side.Ask, 100, 5, 0xffff_fffe),
      limit(0xffff_fffd, Side.Bid, 100, 2, 0xffff_fffc),
    );
    expect(tape(trades)).toEqual(['4294967295<4294967293 2@100']);
    expect(depth(engine)).toEqual(['4294967295:3@100']);
  });

  it('takes quantities up to 2^31 - 1', () => {
    const { engine, trades } = run(
      ask(1, 100, MAX_QUANTITY),
      ask(2, 100, MAX_QUANTITY),
      bid(3, 100, MAX_QUANTITY),
    );
    expect(trades[0].quantity).toBe(MAX_QUANTITY);
    expect(engine.volume).toBe(MAX_QUANTITY);
    expect(depth(engine)).toEqual([`2:${MAX_QUANTITY}@100`]);
  });
});

describe('the state hash', () => {
  const requests = [bid(1, 100, 10), bid(2, 100, 10), bid(4, 99, 3), ask(3, 100, 4), ask(5, 105, 6)];

  it('is 16 hexadecimal digits, and the same for the same requests', () => {
    const hash = run(...requests).engine.stateHash();
    expect(hash).toMatch(/^[0-9a-f]{16}$/);
    expect(run(...requests).engine.stateHash()).toBe(hash);
    expect(run(...requests.slice(1)).engine.stateHash()).not.toBe(hash);
  });

  it('does not change by being asked for', () => {
    const { engine } = run(...requests);
    expect(engine.stateHash()).toBe(engine.stateHash());
  });

  it.each(
    Object.entries(OrderWord).filter(([name]) => name !== 'previous' && name !== 'next' && name !== 'price'),
  )('sees a changed %s of any resting order', (_, word) => {
    for (const id of [1, 2, 4, 5]) {
      const { engine } = run(...requests);
      const before = engine.stateHash();
      engine.book.pool.words[(engine.book.find(id) << ORDER_SHIFT) + word] ^= 1;
      expect(engine.stateHash()).not.toBe(before);
    }
  });

  it('sees the price of a resting order', () => {
    expect(run(bid(1, 100, 1)).engine.stateHash()).not.toBe(run(bid(1, 101, 1)).engine.stateHash());
  });

  it('sees the order of a queue', () => {
    const one = run(bid(1, 100, 5), bid(2, 100, 5)).engine;
    const other = run(bid(2, 100, 5), bid(1, 100, 5)).engine;
    expect(one.stateHash()).not.toBe(other.stateHash());
  });

  it('sees trades of which nothing rests any more', () => {
    const one = run(ask(1, 100, 5), bid(2, 100, 5)).engine;
    const dearer = run(ask(1, 101, 5), bid(2, 101, 5)).engine;
    const reversed = run(bid(2, 100, 5), ask(1, 100, 5)).engine;
    const hashes = [one, dearer, reversed, run(bid(2, 100, 5), cancel(2)).engine].map((e) => e.stateHash());
    expect(new Set(hashes).size).toBe(4);
  });

  it('sees a request that was refused', () => {
    expect(run(...requests, cancel(77)).engine.stateHash()).not.toBe(run(...requests).engine.stateHash());
  });

  it('does not depend on event ids or timestamps', () => {
    const engine = new MatchingEngine();
    for (const [i, event] of requests.entries()) {
      const stamped = RequestEvent.from({ eventId: 1000 + i * 3 });
      stamped.words.set(event.words.subarray(2), 2);
      stamped.stampNow();
      engine.apply(stamped);
    }
    expect(engine.stateHash()).toBe(run(...requests).engine.stateHash());
  });
});
