/** Words of an order in `OrderPool.words`, all int32. `orderId` and `userId` are u32 in that bit pattern. */
export const OrderWord = {
  orderId: 0,
  userId: 1,
  /** Ticks. */
  price: 2,
  side: 3,
  /** What was asked for in all, filled part included. */
  quantity: 4,
  filled: 5,
  /** Neighbours in the queue of the order's price; `next` also links the free list. */
  previous: 6,
  next: 7,
} as const;

/** An order's first word is at `order << ORDER_SHIFT`. */
export const ORDER_SHIFT = 3;

/** No order: the end of a queue. Its words in the pool are never used. */
export const NO_ORDER = 0;

/**
 * Orders as rows of one Int32Array, two to a cache line, named by their index. Freed rows are used again, so a book of
 * steady depth allocates nothing; a deeper one doubles the array.
 */
export class OrderPool {
  /** Read anew after each `take`: growing replaces it. */
  words: Int32Array;
  #free = NO_ORDER;
  /** The lowest row that was never taken. */
  #fresh = 1;

  /** @param capacity rows to start with, a positive whole number */
  constructor(capacity = 1024) {
    this.words = new Int32Array((capacity + 1) << ORDER_SHIFT);
  }

  /** A row whose words are stale. */
  take(): number {
    const order = this.#free;
    if (order !== NO_ORDER) {
      this.#free = this.words[(order << ORDER_SHIFT) + OrderWord.next];
      return order;
    }
    if (this.#fresh << ORDER_SHIFT >= this.words.length) this.#grow();
    return this.#fresh++;
  }

  give(order: number): void {
    this.words[(order << ORDER_SHIFT) + OrderWord.next] = this.#free;
    this.#free = order;
  }

  #grow(): void {
    const words = new Int32Array(this.words.length * 2);
    words.set(this.words);
    this.words = words;
  }
}
