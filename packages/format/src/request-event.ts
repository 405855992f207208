import {
  bigSigned,
  bigUnsigned,
  EventView,
  setBigSigned,
  setBigUnsigned,
  setSigned,
  signed,
} from './event-view.js';
import { RequestEventOffset, WORD_BYTES } from './layout.js';

/** What a request asks for. Wire values. */
export const RequestType = { New: 0, ModifyPrice: 1, ModifyQuantity: 2, Cancel: 3 } as const;
export type RequestType = (typeof RequestType)[keyof typeof RequestType];

/** Wire values. */
export const OrderType = { Limit: 0, Market: 1 } as const;
export type OrderType = (typeof OrderType)[keyof typeof OrderType];

/** Wire values. */
export const Side = { Bid: 0, Ask: 1 } as const;
export type Side = (typeof Side)[keyof typeof Side];

/** The fields of a request, for `RequestEvent.from`. Those left out are zero. */
export interface RequestEventFields {
  eventId?: number | bigint;
  /** Nanoseconds since 1970. */
  timestamp?: bigint;
  /** Ticks. */
  price?: number | bigint;
  quantity?: number | bigint;
  userId?: number;
  orderId?: number;
  type?: RequestType;
  orderType?: OrderType;
  side?: Side;
}

const TIMESTAMP = RequestEventOffset.timestamp / WORD_BYTES;
const PRICE = RequestEventOffset.price / WORD_BYTES;
const QUANTITY = RequestEventOffset.quantity / WORD_BYTES;
const USER_ID = RequestEventOffset.userId / WORD_BYTES;
const ORDER_ID = RequestEventOffset.orderId / WORD_BYTES;
/** The word that holds type, order type and side, a byte each. */
const KIND = RequestEventOffset.type / WORD_BYTES;
const ORDER_TYPE_SHIFT = 8 * (RequestEventOffset.orderType - RequestEventOffset.type);
const SIDE_SHIFT = 8 * (RequestEventOffset.side - RequestEventOffset.type);

/**
 * A request to a matching engine: 64 bytes in place. Numbers are exact or a RangeError; the bigint properties reach
 * the whole 64 bits. Reading and writing the number properties allocates nothing.
 */
export class RequestEvent extends EventView {
  /** A new event over 64 bytes of its own. @throws RangeError for a value that its field cannot hold */
  static from(fields: RequestEventFields): RequestEvent {
    const event = new RequestEvent();
    if (fields.eventId !== undefined) event.eventIdBig = big(fields.eventId);
    if (fields.timestamp !== undefined) event.timestamp = fields.timestamp;
    if (fields.price !== undefined) event.priceBig = big(fields.price);
    if (fields.quantity !== undefined) event.quantityBig = big(fields.quantity);
    if (fields.userId !== undefined) event.userId = fields.userId;
    if (fields.orderId !== undefined) event.orderId = fields.orderId;
    if (fields.type !== undefined) event.type = fields.type;
    if (fields.orderType !== undefined) event.orderType = fields.orderType;
    if (fields.side !== undefined) event.side = fields.side;
    return event;
  }

  /** Nanoseconds since 1970 (u64). */
  get timestamp(): bigint {
    return bigUnsigned(this.words, this.base + TIMESTAMP);
  }
  set timestamp(ns: bigint) {
    setBigUnsigned(this.words, this.base + TIMESTAMP, ns);
  }

  /**
   * Sets `timestamp` to now, with the resolution of `Date.now()` (1 ms), without a BigInt. V8 allocates the 16 bytes of
   * the clock's number itself.
   */
  stampNow(): void {
    // ms * 1e6 in two halves, each of them exact in a double.
    const ms = Date.now();
    const high = Math.floor(ms / 65_536) * 1_000_000;
    const low = (ms % 65_536) * 1_000_000;
    const lowSum = (high % 65_536) * 65_536 + low;
    this.words[this.base + TIMESTAMP] = lowSum % 4_294_967_296;
    this.words[this.base + TIMESTAMP + 1] = Math.floor(high / 65_536) + Math.floor(lowSum / 4_294_967_296);
  }

  /** Ticks (i64). @throws RangeError outside +-(2^53 - 1): read the bigint property there */
  get price(): number {
    return signed(this.words, (this.base + PRICE) | 0);
  }
  set price(ticks: number) {
    setSigned(this.words, (this.base + PRICE) | 0, ticks);
  }
  get priceBig(): bigint {
    return bigSigned(this.words, this.base + PRICE);
  }
  set priceBig(ticks: bigint) {
    setBigSigned(this.words, this.base + PRICE, ticks);
  }

  /** i64. @throws RangeError outside +-(2^53 - 1): read the bigint property there */
  get quantity(): number {
    return signed(this.words, (this.base + QUANTITY) | 0);
  }
  set quantity(quantity: number) {
    setSigned(this.words, (this.base + QUANTITY) | 0, quantity);
  }
  get quantityBig(): bigint {
    return bigSigned(this.words, this.base + QUANTITY);
  }
  set quantityBig(quantity: bigint) {
    setBigSigned(this.words, this.base + QUANTITY, quantity);
  }

  /** u32. */
  get userId(): number {
    return this.words[(this.base + USER_ID) | 0] >>> 0;
  }
  set userId(id: number) {
    this.words[(this.base + USER_ID) | 0] = u32(id);
  }

  /** u32. */
  get orderId(): number {
    return this.words[(this.base + ORDER_ID) | 0] >>> 0;
  }
  set orderId(id: number) {
    this.words[(this.base + ORDER_ID) | 0] = u32(id);
  }

  get type(): RequestType {
    return (this.words[this.base + KIND] & 0xff) as RequestType;
  }
  set type(type: RequestType) {
    this.#setKind(0, type);
  }

  get orderType(): OrderType {
    return ((this.words[this.base + KIND] >>> ORDER_TYPE_SHIFT) & 0xff) as OrderType;
  }
  set orderType(orderType: OrderType) {
    this.#setKind(ORDER_TYPE_SHIFT, orderType);
  }

  get side(): Side {
    return ((this.words[this.base + KIND] >>> SIDE_SHIFT) & 0xff) as Side;
  }
  set side(side: Side) {
    this.#setKind(SIDE_SHIFT, side);
  }

  #setKind(shift: number, value: number): void {
    if ((value & 0xff) !== value) throw new RangeError(`${value} does not fit in a byte`);
    const at = this.base + KIND;
    this.words[at] = (this.words[at] & ~(0xff << shift)) | (value << shift);
  }
}

function u32(value: number): number {
  if (value >>> 0 !== value) throw new RangeError(`${value} is not a whole number from 0 to 2^32 - 1`);
  return value | 0;
}

function big(value: number | bigint): bigint {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new RangeError(`${value} is not a whole number that a double holds exactly: pass a bigint`);
  }
  return BigInt(value);
}
