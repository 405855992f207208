import { OrderType, RequestEvent, type RequestEventFields, RequestType, Side } from '@fswal/format';
import { MatchingEngine, type Trade } from '../src/engine/matching-engine.js';
import type { RestingOrder } from '../src/engine/order-book.js';

const USER = 7;

export function limit(
  orderId: number,
  side: Side,
  price: number,
  quantity: number,
  userId = USER,
): RequestEvent {
  return RequestEvent.from({
    type: RequestType.New,
    orderType: OrderType.Limit,
    orderId,
    userId,
    side,
    price,
    quantity,
  });
}
export const bid = (orderId: number, price: number, quantity: number, userId = USER): RequestEvent =>
  limit(orderId, Side.Bid, price, quantity, userId);
export const ask = (orderId: number, price: number, quantity: number, userId = USER): RequestEvent =>
  limit(orderId, Side.Ask, price, quantity, userId);
export function market(orderId: number, side: Side, quantity: number): RequestEvent {
  return request({ type: RequestType.New, orderType: OrderType.Market, orderId, side, quantity });
}
export function modifyPrice(orderId: number, price: number): RequestEvent {
  return request({ type: RequestType.ModifyPrice, orderId, price });
}
export function modifyQuantity(orderId: number, quantity: number): RequestEvent {
  return request({ type: RequestType.ModifyQuantity, orderId, quantity });
}
export function cancel(orderId: number): RequestEvent {
  return request({ type: RequestType.Cancel, orderId });
}
export function request(fields: RequestEventFields): RequestEvent {
  return RequestEvent.from({ userId: USER, ...fields });
}

/** An engine that was fed `requests`, and its trades. */
export function run(...requests: RequestEvent[]): { engine: MatchingEngine; trades: Trade[] } {
  const trades: Trade[] = [];
  const engine = new MatchingEngine((trade) => trades.push({ ...trade }));
  for (const event of requests) engine.apply(event);
  return { engine, trades };
}

/** The resting orders by price from the lowest, at a price by priority. */
export function resting(engine: MatchingEngine): RestingOrder[] {
  const orders: RestingOrder[] = [];
  engine.book.visit((order) => orders.push({ ...order }));
  return orders;
}

/** The same as `id:open@price`. */
export function depth(engine: MatchingEngine): string[] {
  return resting(engine).map((o) => `${o.orderId}:${o.quantity - o.filled}@${o.price}`);
}

/** Trades as `maker<taker quantity@price`. */
export function tape(trades: readonly Trade[]): string[] {
  return trades.map((t) => `${t.makerOrderId}<${t.takerOrderId} ${t.quantity}@${t.price}`);
}
