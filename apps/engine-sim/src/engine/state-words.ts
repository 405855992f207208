/** What takes in the words of a state: a hash of it, or a copy of it. */
export interface WordSink {
  /** @param word 32 bits */
  add(word: number): void;
  /** A whole number from 0 to 2^53 - 1, as two words. */
  addNumber(value: number): void;
}

const TWO_32 = 4_294_967_296;

/** Words written one after the other, in memory that is kept from one use to the next: nothing is allocated then. */
export class WordWriter implements WordSink {
  #words = new Int32Array(1024);
  #count = 0;

  /** Begins anew. What `words` gave before is overwritten from now on. */
  clear(): void {
    this.#count = 0;
  }

  /** Those written so far, in place. */
  get words(): Int32Array {
    return this.#words.subarray(0, this.#count);
  }

  add(word: number): void {
    if (this.#count === this.#words.length) this.#grow();
    this.#words[this.#count++] = word;
  }

  addNumber(value: number): void {
    this.add(value | 0);
    this.add(Math.floor(value / TWO_32) | 0);
  }

  #grow(): void {
    const words = new Int32Array(this.#words.length * 2);
    words.set(this.#words);
    this.#words = words;
  }
}

/** Reads what a `WordWriter` wrote. */
export class WordReader {
  readonly #words: Int32Array;
  #at = 0;

  constructor(words: Int32Array) {
    this.#words = words;
  }

  /** Words that are still to come. */
  get left(): number {
    return this.#words.length - this.#at;
  }

  /** 32 bits, signed. @throws RangeError at the end */
  next(): number {
    if (this.left === 0) throw new RangeError('the state ends too early');
    return this.#words[this.#at++];
  }

  /** A whole number from 0 to 2^53 - 1. @throws RangeError at the end, and for a larger one */
  nextNumber(): number {
    const low = this.next() >>> 0;
    const value = (this.next() >>> 0) * TWO_32 + low;
    if (value > Number.MAX_SAFE_INTEGER) throw new RangeError(`${value} is not a count`);
    return value;
  }
}
