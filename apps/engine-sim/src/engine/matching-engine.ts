import {
  OrderType,
  type RequestEvent,
  RequestEventOffset,
  RequestType,
  Side,
  WORD_BYTES,
} from '@fswal/format';
import { OrderBook } from './order-book.js';
import { NO_ORDER, ORDER_SHIFT, OrderWord } from './order-pool.js';
import { OUTCOMES, Outcome } from './outcome.js';
import { MAX_PRICE, NO_PRICE } from './price-bitmap.js';
import { StateHash } from './state-hash.js';
import type { WordReader, WordSink } from './state-words.js';

/** The largest quantity of an order. */
export const MAX_QUANTITY = 0x7fff_ffff;

/** A trade, as the listener sees it. The object is reused from trade to trade. */
export interface Trade {
  /** Ticks: the resting order's price. */
  price: number;
  quantity: number;
  /** The order that rested, and the one that came and took it. */
  makerOrderId: number;
  takerOrderId: number;
  /** The side of the one that came. */
  takerSide: Side;
}

const PRICE = RequestEventOffset.price / WORD_BYTES;
const QUANTITY = RequestEventOffset.quantity / WORD_BYTES;
const USER_ID = RequestEventOffset.userId / WORD_BYTES;
const ORDER_ID = RequestEventOffset.orderId / WORD_BYTES;
/** The word that holds request type, order type and side, a byte each, and a byte of padding. */
const KIND = RequestEventOffset.type / WORD_BYTES;

/**
 * A matching engine for one instrument, by price, then time.
 *
 * - A limit order trades with the best opposite orders up to its price, oldest first, at their prices; the rest of it
 *   rests. A market order trades with whatever there is; nothing of it rests.
 * - A new price sends the order to the end of the queue there, and it trades first if it crosses; this holds for the
 *   price it had, too.
 * - A new quantity is the total, the filled part included. A smaller one keeps the order's place, a larger one costs
 *   it, one at or below the filled part cancels the order.
 * - Only its own user changes or cancels an order.
 *
 * What cannot be carried out is counted and changes nothing else; `apply` never throws. The state depends on the
 * requests' fields alone, never on event ids or clocks. Nothing is allocated once the book has reached its depth.
 */
export class MatchingEngine {
  readonly book = new OrderBook();
  readonly #outcomes = new Float64Array(OUTCOMES);
  readonly #totals = new Float64Array(2);
  readonly #tradeHash = new StateHash();
  readonly #listener: ((trade: Readonly<Trade>) => void) | undefined;
  readonly #trade: Trade = { price: 0, quantity: 0, makerOrderId: 0, takerOrderId: 0, takerSide: Side.Bid };

  /** @param listener called for each trade, in order */
  constructor(listener?: (trade: Readonly<Trade>) => void) {
    this.#listener = listener;
  }

  /** Requests applied so far, refused ones included. */
  get requests(): number {
    return this.#outcomes.reduce((sum, count) => sum + count, 0);
  }
  /** Requests refused so far. */
  get rejects(): number {
    return this.requests - this.#outcomes[Outcome.Accepted];
  }
  /** Requests so far that had this outcome. */
  count(outcome: Outcome): number {
    return this.#outcomes[outcome];
  }
  get trades(): number {
    return this.#totals[0];
  }
  /** Quantity traded so far. */
  get volume(): number {
    return this.#totals[1];
  }

  /** Carries a request out. Reads the event in place and keeps nothing of it. */
  apply(event: RequestEvent): Outcome {
    // Words, not properties: a property throws for what a double cannot hold, and here that is just a bad value.
    const { words, base } = event;
    const kind = words[base + KIND];
    const outcome = this.#dispatch(words, base, kind & 0xff, (kind >>> 8) & 0xff, (kind >>> 16) & 0xff);
    this.#outcomes[outcome]++;
    return outcome;
  }

  /**
   * 16 hexadecimal digits over the whole book, all trades and all counts. Walks the book: not for every event.
   */
  stateHash(): string {
    const hash = new StateHash();
    this.writeTo(hash);
    return hash.digest();
  }

  /** All that `stateHash` is over and that requests to come depend on. Walks the book. */
  writeTo(sink: WordSink): void {
    for (const count of this.#outcomes) sink.addNumber(count);
    for (const total of this.#totals) sink.addNumber(total);
    this.#tradeHash.writeTo(sink);
    this.book.writeTo(sink);
  }

  /** Gives a fresh engine the state that `writeTo` wrote. @throws RangeError for what no engine writes */
  readFrom(words: WordReader): void {
    for (let i = 0; i < this.#outcomes.length; i++) this.#outcomes[i] = words.nextNumber();
    for (let i = 0; i < this.#totals.length; i++) this.#totals[i] = words.nextNumber();
    this.#tradeHash.readFrom(words);
    this.book.readFrom(words);
  }

  #dispatch(words: Int32Array, base: number, type: number, orderType: number, side: number): Outcome {
    switch (type) {
      case RequestType.New:
        return this.#new(words, base, orderType, side);
      case RequestType.ModifyPrice:
        return this.#modifyPrice(words, base);
      case RequestType.ModifyQuantity:
        return this.#modifyQuantity(words, base);
      case RequestType.Cancel:
        return this.#cancel(words, base);
      default:
        return Outcome.BadRequest;
    }
  }

  #new(words: Int32Array, base: number, orderType: number, side: number): Outcome {
    const orderId = words[base + ORDER_ID];
    if (orderType > OrderType.Market || side > Side.Ask || orderId === 0) return Outcome.BadRequest;
    const quantity = positive(words, base + QUANTITY);
    if (quantity === 0) return Outcome.BadQuantity;
    const isLimit = orderType === OrderType.Limit;
    const price = isLimit ? positive(words, base + PRICE) : side === Side.Bid ? MAX_PRICE : 1;
    if (price === 0 || price > MAX_PRICE) return Outcome.BadPrice;
    if (this.book.find(orderId) !== NO_ORDER) return Outcome.DuplicateOrder;

    const filled = this.#match(orderId, side, price, quantity);
    if (filled < quantity && isLimit) {
      const order = this.book.pool.take();
      const pool = this.book.pool.words;
      const at = order << ORDER_SHIFT;
      pool[at + OrderWord.orderId] = orderId;
      pool[at + OrderWord.userId] = words[base + USER_ID];
      pool[at + OrderWord.price] = price;
      pool[at + OrderWord.side] = side;
      pool[at + OrderWord.quantity] = quantity;
      pool[at + OrderWord.filled] = filled;
      this.book.add(order);
    }
    return Outcome.Accepted;
  }

  #modifyPrice(words: Int32Array, base: number): Outcome {
    const order = this.book.find(words[base + ORDER_ID]);
    if (order === NO_ORDER) return Outcome.UnknownOrder;
    const pool = this.book.pool.words;
    const at = order << ORDER_SHIFT;
    if (pool[at + OrderWord.userId] !== words[base + USER_ID]) return Outcome.NotOwner;
    const price = positive(words, base + PRICE);
    if (price === 0 || price > MAX_PRICE) return Outcome.BadPrice;

    // Out of the queue first: it must not be there while it trades.
    this.book.dequeue(order);
    pool[at + OrderWord.price] = price;
    const open = pool[at + OrderWord.quantity] - pool[at + OrderWord.filled];
    const filled = this.#match(pool[at + OrderWord.orderId], pool[at + OrderWord.side], price, open);
    pool[at + OrderWord.filled] += filled;
    if (filled < open) this.book.enqueue(order);
    else this.book.forget(order);
    return Outcome.Accepted;
  }

  #modifyQuantity(words: Int32Array, base: number): Outcome {
    const order = this.book.find(words[base + ORDER_ID]);
    if (order === NO_ORDER) return Outcome.UnknownOrder;
    const pool = this.book.pool.words;
    const at = order << ORDER_SHIFT;
    if (pool[at + OrderWord.userId] !== words[base + USER_ID]) return Outcome.NotOwner;
    const quantity = words[base + QUANTITY];
    // Zero is a quantity here: it is below the filled part, or equal to it.
    if (words[base + QUANTITY + 1] !== 0 || quantity < 0) return Outcome.BadQuantity;

    if (quantity <= pool[at + OrderWord.filled]) {
      this.book.remove(order);
    } else if (quantity <= pool[at + OrderWord.quantity]) {
      pool[at + OrderWord.quantity] = quantity;
    } else {
      pool[at + OrderWord.quantity] = quantity;
      this.book.dequeue(order);
      this.book.enqueue(order);
    }
    return Outcome.Accepted;
  }

  #cancel(words: Int32Array, base: number): Outcome {
    const order = this.book.find(words[base + ORDER_ID]);
    if (order === NO_ORDER) return Outcome.UnknownOrder;
    const owner = this.book.pool.words[(order << ORDER_SHIFT) + OrderWord.userId];
    if (owner !== words[base + USER_ID]) return Outcome.NotOwner;
    this.book.remove(order);
    return Outcome.Accepted;
  }

  /** Trades up to `quantity` with the opposite side at `limit` or better; returns how much was filled. */
  #match(takerId: number, side: number, limit: number, quantity: number): number {
    const { book } = this;
    const pool = book.pool.words;
    let open = quantity;
    while (open > 0) {
      const price = side === Side.Bid ? book.bestAsk : book.bestBid;
      if (price === NO_PRICE || (side === Side.Bid ? price > limit : price < limit)) break;
      const maker = book.first(price);
      const at = maker << ORDER_SHIFT;
      const makerOpen = pool[at + OrderWord.quantity] - pool[at + OrderWord.filled];
      const traded = Math.min(open, makerOpen);
      open -= traded;
      pool[at + OrderWord.filled] += traded;
      this.#record(price, traded, pool[at + OrderWord.orderId], takerId, side);
      if (traded === makerOpen) book.remove(maker);
    }
    return quantity - open;
  }

  #record(price: number, quantity: number, makerId: number, takerId: number, takerSide: number): void {
    this.#totals[0]++;
    this.#totals[1] += quantity;
    const hash = this.#tradeHash;
    hash.add(price);
    hash.add(quantity);
    hash.add(makerId);
    hash.add(takerId);
    hash.add(takerSide);
    if (this.#listener === undefined) return;
    const trade = this.#trade;
    trade.price = price;
    trade.quantity = quantity;
    trade.makerOrderId = makerId >>> 0;
    trade.takerOrderId = takerId >>> 0;
    trade.takerSide = takerSide as Side;
    this.#listener(trade);
  }
}

/** The 64-bit integer at word `at` if it is from 1 to 2^31 - 1, else 0. */
function positive(words: Int32Array, at: number): number {
  return words[at + 1] === 0 && words[at] > 0 ? words[at] : 0;
}
