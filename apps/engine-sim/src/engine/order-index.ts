import { NO_ORDER } from './order-pool.js';

const GOLDEN = 0x9e3779b1;

/**
 * From order id to row in the pool: open addressing with linear probing in one Int32Array of (id, row) pairs. A removal
 * moves the rest of its run back instead of leaving a tombstone, so lookups stay as short after hours as at the start.
 */
export class OrderIndex {
  #pairs: Int32Array;
  #mask: number;
  #shift: number;
  #size = 0;

  /** @param bits log2 of the number of pairs to start with, 1 to 29; it doubles when half full */
  constructor(bits = 12) {
    this.#pairs = new Int32Array(2 << bits);
    this.#mask = (1 << bits) - 1;
    this.#shift = 32 - bits;
  }

  get size(): number {
    return this.#size;
  }

  /** The row of order `id` (int32), or `NO_ORDER`. */
  get(id: number): number {
    return this.#pairs[(this.#find(id) << 1) + 1];
  }

  /** `id` must not be there yet. */
  set(id: number, order: number): void {
    if (this.#size << 1 > this.#mask) this.#grow();
    this.#size++;
    const at = this.#find(id) << 1;
    this.#pairs[at] = id;
    this.#pairs[at + 1] = order;
  }

  delete(id: number): void {
    const pairs = this.#pairs;
    const mask = this.#mask;
    let hole = this.#find(id);
    if (pairs[(hole << 1) + 1] === NO_ORDER) return;
    this.#size--;
    let at = hole;
    for (;;) {
      at = (at + 1) & mask;
      if (pairs[(at << 1) + 1] === NO_ORDER) break;
      // A pair may fill the hole unless its home lies cyclically after the hole: it would no longer be found.
      const home = this.#home(pairs[at << 1]);
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        pairs[hole << 1] = pairs[at << 1];
        pairs[(hole << 1) + 1] = pairs[(at << 1) + 1];
        hole = at;
      }
    }
    pairs[(hole << 1) + 1] = NO_ORDER;
  }

  #home(id: number): number {
    return Math.imul(id, GOLDEN) >>> this.#shift;
  }

  /** Where `id` is, or the empty pair where it would be. */
  #find(id: number): number {
    const pairs = this.#pairs;
    let at = this.#home(id);
    while (pairs[(at << 1) + 1] !== NO_ORDER && pairs[at << 1] !== id) at = (at + 1) & this.#mask;
    return at;
  }

  #grow(): void {
    const old = this.#pairs;
    this.#pairs = new Int32Array(old.length * 2);
    this.#mask = this.#mask * 2 + 1;
    this.#shift--;
    for (let i = 0; i < old.length; i += 2) {
      if (old[i + 1] === NO_ORDER) continue;
      const at = this.#find(old[i]) << 1;
      this.#pairs[at] = old[i];
      this.#pairs[at + 1] = old[i + 1];
    }
  }
}
