const BITS = 5;
const FAN_OUT = 1 << BITS;
const LOW = FAN_OUT - 1;
const DEPTH = 4;

/** Prices are ticks from 1 to `MAX_PRICE`. */
export const MAX_PRICE = (1 << (BITS * DEPTH)) - 1;
/** What a search that finds no price returns. No order has this price. */
export const NO_PRICE = 0;

/**
 * The set of prices that have resting orders, as a tree of bits, 32 children to a node: the leaf bit says that the
 * price is occupied, an inner bit that something below it is. So the next price in either direction is at most eight
 * words away, however far apart the prices lie.
 */
export class PriceBitmap {
  /** `#rows[0]` are the leaves. */
  readonly #rows: readonly Int32Array[];

  constructor() {
    const rows: Int32Array[] = [];
    for (let row = 0; row < DEPTH; row++) rows.push(new Int32Array(1 << (BITS * (DEPTH - 1 - row))));
    this.#rows = rows;
  }

  has(price: number): boolean {
    return ((this.#rows[0][price >>> BITS] >>> (price & LOW)) & 1) === 1;
  }

  add(price: number): void {
    let at = price;
    for (let row = 0; row < DEPTH; row++) {
      const words = this.#rows[row];
      const word = words[at >>> BITS];
      words[at >>> BITS] = word | (1 << (at & LOW));
      if (word !== 0) return;
      at >>>= BITS;
    }
  }

  delete(price: number): void {
    let at = price;
    for (let row = 0; row < DEPTH; row++) {
      const words = this.#rows[row];
      const word = words[at >>> BITS] & ~(1 << (at & LOW));
      words[at >>> BITS] = word;
      if (word !== 0) return;
      at >>>= BITS;
    }
  }

  /** The lowest occupied price above `price`, or `NO_PRICE`. */
  above(price: number): number {
    let at = price;
    for (let row = 0; row < DEPTH; row++) {
      // -2 << bit: the bits higher than `bit`; none where bit is 31.
      const word = this.#rows[row][at >>> BITS] & (-2 << (at & LOW));
      if (word !== 0) {
        at = (at & ~LOW) | lowestBit(word);
        for (let down = row - 1; down >= 0; down--) at = (at << BITS) | lowestBit(this.#rows[down][at]);
        return at;
      }
      at >>>= BITS;
    }
    return NO_PRICE;
  }

  /** The highest occupied price below `price`, or `NO_PRICE`. */
  below(price: number): number {
    let at = price;
    for (let row = 0; row < DEPTH; row++) {
      const word = this.#rows[row][at >>> BITS] & ((1 << (at & LOW)) - 1);
      if (word !== 0) {
        at = (at & ~LOW) | highestBit(word);
        for (let down = row - 1; down >= 0; down--) at = (at << BITS) | highestBit(this.#rows[down][at]);
        return at;
      }
      at >>>= BITS;
    }
    return NO_PRICE;
  }
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

function highestBit(word: number): number {
  return 31 - Math.clz32(word);
}
