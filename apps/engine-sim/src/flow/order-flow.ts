import {
  EVENT_WORDS,
  OrderType,
  type RequestEvent,
  RequestEventOffset,
  RequestType,
  Side,
  WORD_BYTES,
} from '@fswal/format';
import { INSTRUMENT } from '../engine/instrument.js';
import { type Arrivals, createArrivals } from './arrivals.js';
import { createDistances, createSizes, type Draw } from './draws.js';
import type { Flow } from './flow.js';
import { FlowClock } from './flow-clock.js';
import { DEFAULT_PROFILE, type FlowProfile } from './flow-profile.js';
import { Popularity } from './popularity.js';
import { INSTRUMENTS_STREAM, Xoshiro128 } from './xoshiro128.js';

const TIMESTAMP = RequestEventOffset.timestamp / WORD_BYTES;
const PRICE = RequestEventOffset.price / WORD_BYTES;
const QUANTITY = RequestEventOffset.quantity / WORD_BYTES;
const USER_ID = RequestEventOffset.userId / WORD_BYTES;
const ORDER_ID = RequestEventOffset.orderId / WORD_BYTES;
const KIND = RequestEventOffset.type / WORD_BYTES;

/** 2026-01-05 09:30:00 UTC in ns: the flow has a clock of its own, so that even timestamps follow from the seed. */
const OPENING_NS = 1_767_605_400_000_000_000n;
const CENTRE_PRICE = 100_000;
/** The fair price moves by a tick once in this many requests, on average. A power of two. */
const DRIFT_REQUESTS = 2048;
/** The farther the fair price is from the centre, the likelier it turns back; at this distance it always does. */
const DRIFT_TICKS = 16_384;

/** Shares of requests are drawn in 1024ths, those among changes of an order in 4096ths. */
const REQUESTS = 1024;
const CHANGES = 4096;
/** A crossing order is so far on the other side of the fair price. */
const CROSSING_TICKS = 3;

/**
 * Synthetic order flow: requests that follow from a seed, a profile and nothing else.
 *
 * Prices gather around a fair price that walks about a centre, of each instrument its own. Each limit order has one of
 * its instrument's slots until it is cancelled, and a full slot's next request changes or cancels its order; so the
 * book's depth is bounded for ever, although the flow never looks at the book. It cannot know which orders were filled
 * meanwhile: what it asks of those is refused, about one request in seven.
 *
 * Slots are drawn at random, so as many are full as make new and cancelled orders balance, whatever their weights.
 */
export class OrderFlow implements Flow {
  readonly #random: Xoshiro128;
  readonly #arrivals: Arrivals;
  readonly #popularity: Popularity;
  readonly #sizes: Draw;
  readonly #distances: Draw;
  readonly #clock = new FlowClock(OPENING_NS);
  readonly #users: number;
  readonly #slots: number;
  /** Market orders and crossing orders in 1024, changes of price and of price or quantity in 4096. */
  readonly #markets: number;
  readonly #crossings: number;
  readonly #priceChanges: number;
  readonly #priceOrQuantityChanges: number;
  /** By instrument and slot. */
  readonly #slotOrder: Int32Array;
  readonly #slotUser: Int32Array;
  readonly #slotSide: Int32Array;
  /** By instrument. */
  readonly #fairPrice: Int32Array;
  #count = 0;
  #lastOrderId = 0;

  /** @param seed a whole number from 0 to 2^53 - 1 */
  constructor(seed: number, profile: FlowProfile = DEFAULT_PROFILE) {
    const { mix, instruments, users, slots, prices } = profile;
    this.#random = new Xoshiro128(seed);
    this.#arrivals = createArrivals(profile.arrivals, seed);
    this.#popularity = new Popularity(instruments, new Xoshiro128(seed, INSTRUMENTS_STREAM));
    this.#sizes = createSizes(profile.sizes);
    this.#distances = createDistances(prices);
    this.#users = users;
    this.#slots = slots;
    const changes = mix.price + mix.quantity + mix.cancel;
    this.#markets = Math.round((REQUESTS * (mix.new - mix.cancel)) / (mix.new + changes));
    this.#crossings = Math.round(REQUESTS * prices.crossing);
    this.#priceChanges = Math.round((CHANGES * mix.price) / changes);
    this.#priceOrQuantityChanges = Math.round((CHANGES * (mix.price + mix.quantity)) / changes);
    this.#slotOrder = new Int32Array(instruments.count * slots);
    this.#slotUser = new Int32Array(instruments.count * slots);
    this.#slotSide = new Int32Array(instruments.count * slots);
    this.#fairPrice = new Int32Array(instruments.count).fill(CENTRE_PRICE);
  }

  get count(): number {
    return this.#count;
  }
  get length(): number {
    return Number.POSITIVE_INFINITY;
  }
  get elapsedNs(): number {
    return this.#clock.elapsedNs;
  }

  next(event: RequestEvent): number {
    const random = this.#random;
    const what = random.next();
    const where = random.next();
    const howFar = random.next();
    const howMuch = random.next();
    const instrument = this.#popularity.next();
    this.#walk(instrument, what >>> 10, where >>> 12);
    this.#clock.advance(this.#arrivals.nextGapNs(where >>> 20));

    const { words, base } = event;
    words[base + TIMESTAMP] = this.#clock.low;
    words[base + TIMESTAMP + 1] = this.#clock.high;
    for (let i = TIMESTAMP + 2; i < EVENT_WORDS; i++) words[base + i] = 0;
    words[base + INSTRUMENT] = instrument;

    const slot = instrument * this.#slots + (where & (this.#slots - 1));
    if ((what & (REQUESTS - 1)) < this.#markets) {
      this.#newOrder(words, base, howMuch);
      words[base + KIND] = kind(RequestType.New, OrderType.Market, sideOf(howFar));
    } else if (this.#slotOrder[slot] === 0) {
      const side = sideOf(howFar);
      const crosses = ((what >>> 22) & (REQUESTS - 1)) < this.#crossings;
      this.#newOrder(words, base, howMuch);
      this.#slotOrder[slot] = words[base + ORDER_ID];
      this.#slotUser[slot] = words[base + USER_ID];
      this.#slotSide[slot] = side;
      const distance = crosses ? -CROSSING_TICKS : this.#distances.of(howFar);
      words[base + PRICE] = this.#price(instrument, side, distance);
      words[base + KIND] = kind(RequestType.New, OrderType.Limit, side);
    } else {
      this.#change(words, base, instrument, slot, howFar, howMuch);
    }
    return ++this.#count;
  }

  skip(count: number, scratch: RequestEvent): void {
    for (let i = 0; i < count; i++) this.next(scratch);
  }

  #newOrder(words: Int32Array, base: number, howMuch: number): void {
    // 2^32 ids last an hour or more at full speed; then they start again, long after the first ones were cancelled.
    this.#lastOrderId = (this.#lastOrderId + 1) | 0 || 1;
    words[base + ORDER_ID] = this.#lastOrderId;
    words[base + USER_ID] = 1 + ((howMuch >>> 0) % this.#users);
    words[base + QUANTITY] = this.#sizes.of(howMuch);
  }

  /** A request about the order of an occupied slot: change its price or quantity, or cancel it. */
  #change(
    words: Int32Array,
    base: number,
    instrument: number,
    slot: number,
    howFar: number,
    howMuch: number,
  ): void {
    const side = this.#slotSide[slot];
    words[base + ORDER_ID] = this.#slotOrder[slot];
    words[base + USER_ID] = this.#slotUser[slot];
    const which = ((howMuch & 3) << 10) | ((howMuch >>> 2) & 1023);
    if (which < this.#priceChanges) {
      words[base + PRICE] = this.#price(instrument, side, this.#distances.of(howFar));
      words[base + KIND] = kind(RequestType.ModifyPrice, OrderType.Limit, side);
    } else if (which < this.#priceOrQuantityChanges) {
      words[base + QUANTITY] = this.#sizes.of(howMuch);
      words[base + KIND] = kind(RequestType.ModifyQuantity, OrderType.Limit, side);
    } else {
      this.#slotOrder[slot] = 0;
      words[base + KIND] = kind(RequestType.Cancel, OrderType.Limit, side);
    }
  }

  /** Ticks: on the order's own side of the fair price, or across where the distance is negative. */
  #price(instrument: number, side: number, distance: number): number {
    const fairPrice = this.#fairPrice[instrument];
    return side === Side.Bid ? fairPrice - distance : fairPrice + distance;
  }

  #walk(instrument: number, whether: number, whereTo: number): void {
    if ((whether & (DRIFT_REQUESTS - 1)) !== 0) return;
    const pull = this.#fairPrice[instrument] - CENTRE_PRICE;
    const draw = (whereTo & (2 * DRIFT_TICKS - 1)) - DRIFT_TICKS;
    this.#fairPrice[instrument] += draw >= pull ? 1 : -1;
  }
}

function sideOf(bits: number): Side {
  return (bits & 1) === 0 ? Side.Bid : Side.Ask;
}

function kind(type: RequestType, orderType: OrderType, side: number): number {
  return type | (orderType << 8) | (side << 16);
}
