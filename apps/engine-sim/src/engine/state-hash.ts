import type { WordReader, WordSink } from './state-words.js';

/**
 * A 64-bit hash over a sequence of 32-bit words, held as two int32 lanes that feed each other: no BigInt, no
 * allocation, a few nanoseconds a word. It finds differences; it does not resist an adversary.
 */
export class StateHash implements WordSink {
  #a = 0x243f6a88;
  #b = 0x85a308d3 | 0;
  #count = 0;

  add(word: number): void {
    let k = Math.imul(word, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    const a = this.#a ^ Math.imul(k, 0x1b873593);
    this.#a = (Math.imul((a << 13) | (a >>> 19), 5) + 0xe6546b64) | 0;
    const b = (this.#b + (word ^ this.#a)) | 0;
    this.#b = Math.imul(b ^ (b >>> 15), 0x85ebca6b) ^ (b >>> 13);
    this.#count = (this.#count + 1) | 0;
  }

  addNumber(value: number): void {
    this.add(value | 0);
    this.add(Math.floor(value / 4_294_967_296) | 0);
  }

  /** Three words that stand for all that it has taken in so far. */
  writeTo(sink: WordSink): void {
    sink.add(this.#a);
    sink.add(this.#b);
    sink.add(this.#count);
  }

  /** Goes on from where the hash was that wrote these words. @throws RangeError where there are too few */
  readFrom(words: WordReader): void {
    this.#a = words.next();
    this.#b = words.next();
    this.#count = words.next();
  }

  /** 16 hexadecimal digits over all words so far; more may follow. */
  digest(): string {
    const low = finish(this.#a ^ Math.imul(this.#count, 0x9e3779b1));
    const high = finish(this.#b ^ low);
    return hex(high) + hex(finish(low + high));
  }
}

/** The finaliser of MurmurHash3: each bit of the input changes about half of the output's. */
function finish(word: number): number {
  let h = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}
