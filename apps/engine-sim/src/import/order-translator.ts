import {
  EVENT_WORDS,
  OrderType,
  RequestEvent,
  RequestEventOffset,
  RequestType,
  Side,
  WORD_BYTES,
} from '@fswal/format';
import { INSTRUMENT, MAX_INSTRUMENTS } from '../engine/instrument.js';
import { MAX_QUANTITY } from '../engine/matching-engine.js';
import { MAX_PRICE } from '../engine/price-bitmap.js';

const TIMESTAMP = RequestEventOffset.timestamp / WORD_BYTES;
const TWO_32 = 4_294_967_296;

/** An order id of the market data; a bigint where a number would not be exact. */
export type ForeignId = number | bigint;

/** An order as market data shows it when it comes. */
export interface ForeignOrder {
  readonly id: ForeignId;
  readonly instrument: number;
  readonly side: Side;
  readonly quantity: number;
  /** In 1 / 10,000 of the currency, a whole number. */
  readonly price: number;
}

/** An order that rests, as far as the market data has said. */
interface LiveOrder {
  /** Ids in the requests. */
  readonly orderId: number;
  readonly userId: number;
  readonly instrument: number;
  readonly side: Side;
  /** The filled part included, as a request to change it has it. */
  quantity: number;
  filled: number;
}

export interface TranslatorOptions {
  /** Takes each request. It is reused from request to request, and has no id. */
  readonly write: (event: RequestEvent) => void;
  /** Price of a tick, in 1 / 10,000 of the currency. */
  readonly tick: number;
  /** Users to spread the orders over. */
  readonly users: number;
  /** Nanoseconds from 1970 to the midnight before the times of the market data. */
  readonly midnightNs: bigint;
}

/** How often what happened. */
export interface TranslatorCounts {
  /** Requests by type. Executions are new market orders. */
  newOrders: number;
  priceChanges: number;
  quantityChanges: number;
  cancels: number;
  executions: number;
  /** Messages about orders that never came, so that there is nothing to ask. */
  unknownOrders: number;
  /** Orders that were left out since the book has no such price, and prices that were no whole number of ticks. */
  pricesOutOfRange: number;
  pricesRounded: number;
}

/**
 * Makes requests of what market data says has happened to orders: a new order, a new quantity, a cancel, a new price for
 * a replaced order, which goes on under its first id; and for an execution the market order that must have come from
 * the other side. It follows each order while it rests, and maps the ids to 32 bits.
 *
 * What cannot have happened is not carried out: each method returns what is wrong with it, or undefined.
 */
export class OrderTranslator {
  readonly counts: TranslatorCounts = {
    newOrders: 0,
    priceChanges: 0,
    quantityChanges: 0,
    cancels: 0,
    executions: 0,
    unknownOrders: 0,
    pricesOutOfRange: 0,
    pricesRounded: 0,
  };
  readonly #options: TranslatorOptions;
  readonly #orders = new Map<ForeignId, LiveOrder>();
  readonly #event = new RequestEvent();
  readonly #midnightLow: number;
  readonly #midnightHigh: number;
  #lastOrderId = 0;
  #nowNs = 0;

  constructor(options: TranslatorOptions) {
    this.#options = options;
    this.#midnightLow = Number(BigInt.asUintN(32, options.midnightNs));
    this.#midnightHigh = Number(options.midnightNs >> 32n);
  }

  /** Orders that rest, as far as the market data has said. */
  get liveOrders(): number {
    return this.#orders.size;
  }

  /** Of the messages that follow, in nanoseconds after midnight. */
  set nowNs(ns: number) {
    this.#nowNs = ns;
  }

  add({ id, instrument, side, quantity, price }: ForeignOrder): string | undefined {
    if (this.#orders.has(id)) return `order ${id} is there already`;
    if (instrument >= MAX_INSTRUMENTS) return `there is no instrument ${instrument}`;
    const problem = checkQuantity(quantity);
    if (problem !== undefined) return problem;
    const ticks = this.#ticks(price, side);
    if (ticks === undefined) return undefined;
    const order = { ...this.#newIds(), instrument, side, quantity, filled: 0 };
    this.#orders.set(id, order);
    this.counts.newOrders++;
    this.#write(order, RequestType.New, OrderType.Limit, ticks, quantity);
    return undefined;
  }

  /** Takes `quantity` of the open part away. */
  reduce(id: ForeignId, quantity: number): string | undefined {
    const order = this.#find(id);
    if (order === undefined) return undefined;
    const problem = checkQuantity(quantity) ?? checkOpen(order, id, quantity);
    if (problem !== undefined) return problem;
    order.quantity -= quantity;
    if (order.quantity === order.filled) this.#orders.delete(id);
    this.counts.quantityChanges++;
    this.#write(order, RequestType.ModifyQuantity, OrderType.Limit, 0, order.quantity);
    return undefined;
  }

  cancel(id: ForeignId): void {
    const order = this.#find(id);
    if (order === undefined) return;
    this.#orders.delete(id);
    this.#cancel(order);
  }

  /** `quantity` of it was traded: asks for a market order that does that. */
  execute(id: ForeignId, quantity: number): string | undefined {
    const order = this.#find(id);
    if (order === undefined) return undefined;
    const problem = checkQuantity(quantity) ?? checkOpen(order, id, quantity);
    if (problem !== undefined) return problem;
    order.filled += quantity;
    if (order.filled === order.quantity) this.#orders.delete(id);
    const side = order.side === Side.Bid ? Side.Ask : Side.Bid;
    const taker = { ...order, ...this.#newIds(), side };
    this.counts.executions++;
    this.#write(taker, RequestType.New, OrderType.Market, 0, quantity);
    return undefined;
  }

  /** From now on the order is called `newId`, has `quantity` open at `price`, and is the last one there. */
  replace(id: ForeignId, newId: ForeignId, quantity: number, price: number): string | undefined {
    const order = this.#find(id);
    if (order === undefined) return undefined;
    if (newId !== id && this.#orders.has(newId)) return `order ${newId} is there already`;
    const problem = checkQuantity(quantity);
    if (problem !== undefined) return problem;
    const ticks = this.#ticks(price, order.side);
    this.#orders.delete(id);
    if (ticks === undefined) {
      this.#cancel(order);
      return undefined;
    }
    this.#orders.set(newId, order);
    this.counts.priceChanges++;
    this.#write(order, RequestType.ModifyPrice, OrderType.Limit, ticks, 0);
    if (order.quantity - order.filled === quantity) return undefined;
    order.quantity = order.filled + quantity;
    this.counts.quantityChanges++;
    this.#write(order, RequestType.ModifyQuantity, OrderType.Limit, 0, order.quantity);
    return undefined;
  }

  #find(id: ForeignId): LiveOrder | undefined {
    const order = this.#orders.get(id);
    if (order === undefined) this.counts.unknownOrders++;
    return order;
  }

  #cancel(order: LiveOrder): void {
    this.counts.cancels++;
    this.#write(order, RequestType.Cancel, OrderType.Limit, 0, 0);
  }

  /** Away from the other side where it is no whole number: what did not cross does not cross then. */
  #ticks(price: number, side: Side): number | undefined {
    const exact = price / this.#options.tick;
    const ticks = side === Side.Bid ? Math.floor(exact) : Math.ceil(exact);
    if (ticks < 1 || ticks > MAX_PRICE) {
      this.counts.pricesOutOfRange++;
      return undefined;
    }
    if (ticks !== exact) this.counts.pricesRounded++;
    return ticks;
  }

  #newIds(): { orderId: number; userId: number } {
    this.#lastOrderId = this.#lastOrderId === TWO_32 - 1 ? 1 : this.#lastOrderId + 1;
    return { orderId: this.#lastOrderId, userId: 1 + (this.#lastOrderId % this.#options.users) };
  }

  #write(order: LiveOrder, type: RequestType, orderType: OrderType, price: number, quantity: number): void {
    const event = this.#event;
    event.words.fill(0, 0, EVENT_WORDS);
    const low = this.#midnightLow + (this.#nowNs % TWO_32);
    event.words[TIMESTAMP] = low;
    event.words[TIMESTAMP + 1] =
      this.#midnightHigh + Math.floor(this.#nowNs / TWO_32) + (low >= TWO_32 ? 1 : 0);
    event.price = price;
    event.quantity = quantity;
    event.userId = order.userId;
    event.orderId = order.orderId;
    event.type = type;
    event.orderType = orderType;
    event.side = order.side;
    event.words[INSTRUMENT] = order.instrument;
    this.#options.write(event);
  }
}

function checkQuantity(quantity: number): string | undefined {
  if (quantity >= 1 && quantity <= MAX_QUANTITY) return undefined;
  return `${quantity} is no quantity: it must be from 1 to ${MAX_QUANTITY}`;
}

function checkOpen({ quantity, filled }: LiveOrder, id: ForeignId, taken: number): string | undefined {
  const open = quantity - filled;
  return taken <= open ? undefined : `it takes ${taken} of order ${id}, of which ${open} are left`;
}
