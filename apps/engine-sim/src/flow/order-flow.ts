import {
  EVENT_WORDS,
  OrderType,
  type RequestEvent,
  RequestEventOffset,
  RequestType,
  Side,
  WORD_BYTES,
} from '@fswal/format';
import { Xoshiro128 } from './xoshiro128.js';

const TIMESTAMP = RequestEventOffset.timestamp / WORD_BYTES;
const PRICE = RequestEventOffset.price / WORD_BYTES;
const QUANTITY = RequestEventOffset.quantity / WORD_BYTES;
const USER_ID = RequestEventOffset.userId / WORD_BYTES;
const ORDER_ID = RequestEventOffset.orderId / WORD_BYTES;
const KIND = RequestEventOffset.type / WORD_BYTES;

/** Orders that the flow keeps track of: the most that can ever rest. A power of two. */
export const FLOW_SLOTS = 4096;

/** 2026-01-05 09:30:00 UTC in ns: the flow has a clock of its own, so that even timestamps follow from the seed. */
const OPENING_NS = 1_767_605_400_000_000_000n;
/** Mean time between requests is half of this. A power of two. */
const GAP_NS = 2048;

const CENTRE_PRICE = 100_000;
/** The fair price moves by a tick once in this many requests, on average. A power of two. */
const DRIFT_REQUESTS = 2048;
/** The farther the fair price is from the centre, the likelier it turns back; at this distance it always does. */
const DRIFT_TICKS = 16_384;

const USERS = 1024;
/** Of 1024 requests, about so many are market orders; of new limit orders, about so many cross the spread. */
const MARKET_IN_1024 = 32;
const CROSSING_IN_1024 = 64;

/**
 * Synthetic order flow: the requests with the ids 1, 2, 3, ... that follow from a seed and from nothing else, so that
 * whoever knows the seed can make any prefix of a log again, and a recorder that was killed after request k goes on
 * from there with `skip(k)`.
 *
 * Prices gather around a fair price that walks about a centre. Each limit order has one of `FLOW_SLOTS` slots until it
 * is cancelled, and a full slot's next request changes or cancels its order; so the book's depth is bounded for ever,
 * although the flow never looks at the book. It cannot know which orders were filled meanwhile: what it asks of those
 * is refused, about one request in seven.
 */
export class OrderFlow {
  readonly #random: Xoshiro128;
  readonly #slotOrder = new Int32Array(FLOW_SLOTS);
  readonly #slotUser = new Int32Array(FLOW_SLOTS);
  readonly #slotSide = new Int32Array(FLOW_SLOTS);
  #count = 0;
  #lastOrderId = 0;
  #fairPrice = CENTRE_PRICE;
  #clockLow = Number(BigInt.asIntN(32, OPENING_NS));
  #clockHigh = Number(OPENING_NS >> 32n);

  /** @param seed a whole number from 0 to 2^53 - 1 */
  constructor(seed: number) {
    this.#random = new Xoshiro128(seed);
  }

  /** Requests made so far: the id of the last one. */
  get count(): number {
    return this.#count;
  }

  /**
   * Makes the next request in `event`: every byte of it but the event id, which is left to whoever commits it.
   * @returns that id
   */
  next(event: RequestEvent): number {
    const random = this.#random;
    const what = random.next();
    const where = random.next();
    const howFar = random.next();
    const howMuch = random.next();
    this.#walk(what >>> 10, where >>> 12);
    this.#tick(where >>> 20);

    const { words, base } = event;
    words[base + TIMESTAMP] = this.#clockLow;
    words[base + TIMESTAMP + 1] = this.#clockHigh;
    for (let i = TIMESTAMP + 2; i < EVENT_WORDS; i++) words[base + i] = 0;

    const slot = where & (FLOW_SLOTS - 1);
    if ((what & 1023) < MARKET_IN_1024) {
      this.#newOrder(words, base, howMuch);
      words[base + QUANTITY] = lots(howMuch >>> 12);
      words[base + KIND] = kind(RequestType.New, OrderType.Market, sideOf(howFar));
    } else if (this.#slotOrder[slot] === 0) {
      const side = sideOf(howFar);
      this.#newOrder(words, base, howMuch);
      this.#slotOrder[slot] = words[base + ORDER_ID];
      this.#slotUser[slot] = words[base + USER_ID];
      this.#slotSide[slot] = side;
      words[base + PRICE] = this.#price(side, howFar, ((what >>> 22) & 1023) < CROSSING_IN_1024);
      words[base + QUANTITY] = lots(howMuch >>> 12);
      words[base + KIND] = kind(RequestType.New, OrderType.Limit, side);
    } else {
      this.#change(words, base, slot, howFar, howMuch);
    }
    return ++this.#count;
  }

  /** Passes over `count` requests, in `scratch`. */
  skip(count: number, scratch: RequestEvent): void {
    for (let i = 0; i < count; i++) this.next(scratch);
  }

  #newOrder(words: Int32Array, base: number, howMuch: number): void {
    // 2^32 ids last an hour or more at full speed; then they start again, long after the first ones were cancelled.
    this.#lastOrderId = (this.#lastOrderId + 1) | 0 || 1;
    words[base + ORDER_ID] = this.#lastOrderId;
    words[base + USER_ID] = 1 + (howMuch & (USERS - 1));
  }

  /** A request about the order of an occupied slot: cancel it (half of them), or change its price or quantity. */
  #change(words: Int32Array, base: number, slot: number, howFar: number, howMuch: number): void {
    const side = this.#slotSide[slot];
    words[base + ORDER_ID] = this.#slotOrder[slot];
    words[base + USER_ID] = this.#slotUser[slot];
    switch (howMuch & 3) {
      case 0:
        words[base + PRICE] = this.#price(side, howFar, false);
        words[base + KIND] = kind(RequestType.ModifyPrice, OrderType.Limit, side);
        return;
      case 1:
        words[base + QUANTITY] = lots(howMuch >>> 12);
        words[base + KIND] = kind(RequestType.ModifyQuantity, OrderType.Limit, side);
        return;
      default:
        this.#slotOrder[slot] = 0;
        words[base + KIND] = kind(RequestType.Cancel, OrderType.Limit, side);
    }
  }

  /** Ticks: most near the fair price, some far; on the order's own side of it, or across. */
  #price(side: number, howFar: number, crossing: boolean): number {
    // Each spread is half as likely as the one before and twice as wide: a heavy tail, up to 1023 ticks.
    const spread = 8 << Math.min(Math.clz32(howFar), 7);
    const distance = crossing ? -3 : 1 + ((howFar >>> 1) & (spread - 1));
    return side === Side.Bid ? this.#fairPrice - distance : this.#fairPrice + distance;
  }

  #walk(whether: number, whereTo: number): void {
    if ((whether & (DRIFT_REQUESTS - 1)) !== 0) return;
    const pull = this.#fairPrice - CENTRE_PRICE;
    const draw = (whereTo & (2 * DRIFT_TICKS - 1)) - DRIFT_TICKS;
    this.#fairPrice += draw >= pull ? 1 : -1;
  }

  #tick(bits: number): void {
    const gap = 1 + (bits & (GAP_NS - 1));
    this.#clockLow = (this.#clockLow + gap) | 0;
    if (this.#clockLow >>> 0 < gap) this.#clockHigh++;
  }
}

/** From 1 to 100, mostly in tens. */
function lots(bits: number): number {
  return (bits & 7) === 0 ? 1 + ((bits >>> 3) & 63) : 10 * (1 + ((bits >>> 3) % 10));
}

function sideOf(bits: number): Side {
  return (bits & 1) === 0 ? Side.Bid : Side.Ask;
}

function kind(type: RequestType, orderType: OrderType, side: number): number {
  return type | (orderType << 8) | (side << 16);
}
