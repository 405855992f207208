import { OrderType, type RequestEvent, RequestType, Side } from '@fswal/format';
import type { Trade } from '../src/engine/matching-engine.js';
import type { RestingOrder } from '../src/engine/order-book.js';

/** The engine's rules as simply as they can be written: one array of orders in order of time, searched each time. */
export class ReferenceBook {
  orders: RestingOrder[] = [];
  readonly trades: Trade[] = [];
  rejects = 0;

  apply(event: RequestEvent): void {
    if (!this.#carryOut(event)) this.rejects++;
  }

  /** By price from the lowest, at a price by priority. */
  resting(): RestingOrder[] {
    // sort() is stable.
    return [...this.orders].sort((a, b) => a.price - b.price);
  }

  #carryOut(event: RequestEvent): boolean {
    const { orderId, userId, price, quantity, side } = event;
    const order = this.orders.find((o) => o.orderId === orderId);
    if (event.type === RequestType.New) {
      const isLimit = event.orderType === OrderType.Limit;
      if (order !== undefined || quantity <= 0 || (isLimit && price <= 0)) return false;
      const taker = { orderId, userId, price: isLimit ? price : undefined, side, quantity, filled: 0 };
      this.#match(taker);
      if (isLimit && taker.filled < quantity) this.orders.push({ ...taker, price });
      return true;
    }
    if (order === undefined || order.userId !== userId) return false;
    if (event.type === RequestType.ModifyPrice) {
      if (price <= 0) return false;
      this.#drop(order);
      order.price = price;
      this.#match(order);
      if (order.filled < order.quantity) this.orders.push(order);
    } else if (event.type === RequestType.ModifyQuantity) {
      if (quantity < 0) return false;
      const grows = quantity > order.quantity;
      order.quantity = quantity;
      if (grows || quantity <= order.filled) this.#drop(order);
      if (grows) this.orders.push(order);
    } else {
      this.#drop(order);
    }
    return true;
  }

  #match(taker: Omit<RestingOrder, 'price'> & { price: number | undefined }): void {
    const sign = taker.side === Side.Bid ? 1 : -1;
    const makers = this.orders
      .filter(
        (o) => o.side !== taker.side && (taker.price === undefined || sign * o.price <= sign * taker.price),
      )
      .sort((a, b) => sign * (a.price - b.price));
    for (const maker of makers) {
      const quantity = Math.min(maker.quantity - maker.filled, taker.quantity - taker.filled);
      if (quantity === 0) return;
      maker.filled += quantity;
      taker.filled += quantity;
      this.trades.push({
        price: maker.price,
        quantity,
        makerOrderId: maker.orderId,
        takerOrderId: taker.orderId,
        takerSide: taker.side,
      });
      if (maker.filled === maker.quantity) this.#drop(maker);
    }
  }

  #drop(order: RestingOrder): void {
    this.orders = this.orders.filter((o) => o !== order);
  }
}
