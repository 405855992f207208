import { Side } from '@fswal/format';
import { OrderIndex } from './order-index.js';
import { NO_ORDER, ORDER_SHIFT, OrderPool, OrderWord } from './order-pool.js';
import { MAX_PRICE, NO_PRICE, PriceBitmap } from './price-bitmap.js';
import type { WordReader, WordSink } from './state-words.js';

/** The words of an order that are its state, in the order in which they are written. */
const STATE_WORDS = [
  OrderWord.orderId,
  OrderWord.userId,
  OrderWord.price,
  OrderWord.side,
  OrderWord.quantity,
  OrderWord.filled,
];

/** A resting order, as `OrderBook.visit` shows it. The object is reused from order to order. */
export interface RestingOrder {
  orderId: number;
  userId: number;
  /** Ticks. */
  price: number;
  side: Side;
  quantity: number;
  filled: number;
}

/**
 * The resting orders: one queue per tick, oldest first, each queue a doubly linked list through the pool.
 *
 * The book is never crossed, so a tick holds bids or asks, not both, and one bitmap and one array of queues serve both
 * sides: all that is occupied below the best ask are bids. The book does not match: who puts an order in must have
 * taken out what it trades with.
 */
export class OrderBook {
  readonly pool = new OrderPool();
  readonly #index = new OrderIndex();
  readonly #occupied = new PriceBitmap();
  /** First and last order of each tick; `NO_ORDER` where there is none. */
  readonly #first = new Int32Array(MAX_PRICE + 1);
  readonly #last = new Int32Array(MAX_PRICE + 1);
  #bestBid = NO_PRICE;
  #bestAsk = NO_PRICE;

  /** The highest bid in ticks, or `NO_PRICE`. */
  get bestBid(): number {
    return this.#bestBid;
  }
  /** The lowest ask in ticks, or `NO_PRICE`. */
  get bestAsk(): number {
    return this.#bestAsk;
  }
  /** Resting orders. */
  get size(): number {
    return this.#index.size;
  }

  /** The resting order with this id (int32), or `NO_ORDER`. */
  find(orderId: number): number {
    return this.#index.get(orderId);
  }

  /** The order that trades first at `price`. */
  first(price: number): number {
    return this.#first[price];
  }

  /** Puts an order of the pool, its words filled, into the book, last at its price. */
  add(order: number): void {
    this.#index.set(this.pool.words[(order << ORDER_SHIFT) + OrderWord.orderId], order);
    this.enqueue(order);
  }

  /** Takes an order out of the book and gives it back to the pool. */
  remove(order: number): void {
    this.dequeue(order);
    this.forget(order);
  }

  /** The half of `remove` that concerns id and row, for an order that is in no queue. */
  forget(order: number): void {
    this.#index.delete(this.pool.words[(order << ORDER_SHIFT) + OrderWord.orderId]);
    this.pool.give(order);
  }

  /** The half of `add` that concerns the queue: an order keeps its id and its row while it moves. */
  enqueue(order: number): void {
    const words = this.pool.words;
    const at = order << ORDER_SHIFT;
    const price = words[at + OrderWord.price];
    const last = this.#last[price];
    words[at + OrderWord.previous] = last;
    words[at + OrderWord.next] = NO_ORDER;
    this.#last[price] = order;
    if (last !== NO_ORDER) {
      words[(last << ORDER_SHIFT) + OrderWord.next] = order;
      return;
    }
    this.#first[price] = order;
    this.#occupied.add(price);
    if (words[at + OrderWord.side] === Side.Bid) {
      if (price > this.#bestBid) this.#bestBid = price;
    } else if (price < this.#bestAsk || this.#bestAsk === NO_PRICE) {
      this.#bestAsk = price;
    }
  }

  /** The half of `remove` that concerns the queue. */
  dequeue(order: number): void {
    const words = this.pool.words;
    const at = order << ORDER_SHIFT;
    const price = words[at + OrderWord.price];
    const previous = words[at + OrderWord.previous];
    const next = words[at + OrderWord.next];
    if (previous === NO_ORDER) this.#first[price] = next;
    else words[(previous << ORDER_SHIFT) + OrderWord.next] = next;
    if (next !== NO_ORDER) {
      words[(next << ORDER_SHIFT) + OrderWord.previous] = previous;
      return;
    }
    this.#last[price] = previous;
    if (previous !== NO_ORDER) return;
    this.#occupied.delete(price);
    if (price === this.#bestBid) this.#bestBid = this.#occupied.below(price);
    else if (price === this.#bestAsk) this.#bestAsk = this.#occupied.above(price);
  }

  /** Calls `visitor` for each resting order, by price from the lowest, at a price by priority. */
  visit(visitor: (order: Readonly<RestingOrder>) => void): void {
    const seen: RestingOrder = { orderId: 0, userId: 0, price: 0, side: Side.Bid, quantity: 0, filled: 0 };
    const words = this.pool.words;
    for (let price = this.#occupied.above(0); price !== NO_PRICE; price = this.#occupied.above(price)) {
      for (let order = this.#first[price]; order !== NO_ORDER; ) {
        const at = order << ORDER_SHIFT;
        seen.orderId = words[at + OrderWord.orderId] >>> 0;
        seen.userId = words[at + OrderWord.userId] >>> 0;
        seen.price = words[at + OrderWord.price];
        seen.side = words[at + OrderWord.side] as Side;
        seen.quantity = words[at + OrderWord.quantity];
        seen.filled = words[at + OrderWord.filled];
        visitor(seen);
        order = words[at + OrderWord.next];
      }
    }
  }

  /** How many orders rest, then every field of each, in the order of `visit`. */
  writeTo(sink: WordSink): void {
    sink.add(this.size);
    this.visit((order) => {
      sink.add(order.orderId);
      sink.add(order.userId);
      sink.add(order.price);
      sink.add(order.side);
      sink.add(order.quantity);
      sink.add(order.filled);
    });
  }

  /** Fills an empty book with what `writeTo` wrote. @throws RangeError for what no book writes */
  readFrom(words: WordReader): void {
    const orders = words.next() >>> 0;
    let [lastPrice, lastSide]: [number, number] = [NO_PRICE, Side.Bid];
    for (let i = 0; i < orders; i++) {
      const order = this.pool.take();
      const row = this.pool.words.subarray(order << ORDER_SHIFT, (order + 1) << ORDER_SHIFT);
      for (const word of STATE_WORDS) row[word] = words.next();
      const price = row[OrderWord.price];
      const side = row[OrderWord.side];
      // By price, bids below asks, and no price with both.
      const inOrder = price === lastPrice ? side === lastSide : price > lastPrice && side >= lastSide;
      if (!inOrder || !isResting(row) || this.find(row[OrderWord.orderId]) !== NO_ORDER) {
        throw new RangeError(`order ${i} of the state's ${orders} is none that rests in a book`);
      }
      this.add(order);
      lastPrice = price;
      lastSide = side;
    }
  }
}

/** Whether these words are those of an order that can rest, wherever that is. */
function isResting(row: Int32Array): boolean {
  const filled = row[OrderWord.filled];
  return (
    row[OrderWord.orderId] !== 0 &&
    row[OrderWord.price] > NO_PRICE &&
    row[OrderWord.price] <= MAX_PRICE &&
    row[OrderWord.side] <= Side.Ask &&
    filled >= 0 &&
    filled < row[OrderWord.quantity]
  );
}
