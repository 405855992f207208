import { EVENT_BYTES, EVENT_ID_OFFSET, EVENT_WORDS, WORD_BYTES } from './layout.js';

const TWO_32 = 4_294_967_296;
const HIGH_OF_2_53 = 0x20_0000;
const TWO_53 = 9_007_199_254_740_992;
const ID = EVENT_ID_OFFSET / WORD_BYTES;

/**
 * A view over the 64 bytes of one event, in place: reading and writing allocate nothing, and moving the view to
 * another event is an assignment to `base`.
 *
 * Of an event the log itself knows the id alone. Extend this class to log events of your own shape; `RequestEvent` is
 * one such extension.
 */
export class EventView {
  /** The memory that the event lies in, as 32-bit words. */
  words: Int32Array;
  /** Index in `words` of the event's first word. */
  base: number;

  /** A view at `base` of `words`; without arguments, over 64 bytes of its own, zeroed. */
  constructor(words: Int32Array = new Int32Array(EVENT_WORDS), base = 0) {
    this.words = words;
    this.base = base;
  }

  /**
   * The event id (u64, > 0, growing).
   * @throws RangeError past 2^53: read `eventIdBig` there
   */
  get eventId(): number {
    return unsigned(this.words, (this.base + ID) | 0);
  }
  set eventId(id: number) {
    setUnsigned(this.words, (this.base + ID) | 0, id);
  }

  get eventIdBig(): bigint {
    return bigUnsigned(this.words, this.base + ID);
  }
  set eventIdBig(id: bigint) {
    setBigUnsigned(this.words, this.base + ID, id);
  }

  /** The event's 64 bytes, in place. Allocates the view that it returns. */
  get bytes(): Uint8Array {
    const { buffer, byteOffset } = this.words;
    return new Uint8Array(buffer, byteOffset + this.base * WORD_BYTES, EVENT_BYTES);
  }

  /** Copies the 64 bytes of `source` over this event's, the id last: it is the commit word. */
  copyFrom(source: EventView): void {
    const { words, base } = this;
    const from = source.base;
    for (let i = ID + 2; i < EVENT_WORDS; i++) words[base + i] = source.words[from + i];
    words[base + ID] = source.words[from + ID];
    words[base + ID + 1] = source.words[from + ID + 1];
  }
}

// Indices are formed by `(a + b) | 0`: that spares V8 the check for an overflow, with every access.

/** The u64 at word index `at` as a number. @throws RangeError past 2^53 */
export function unsigned(words: Int32Array, at: number): number {
  // What fits in 32 bits, the common case, needs no arithmetic beyond them.
  return words[(at + 1) | 0] === 0 ? words[at] >>> 0 : wideUnsigned(words, at);
}

/** The i64 at word index `at` as a number. @throws RangeError outside +-(2^53 - 1) */
export function signed(words: Int32Array, at: number): number {
  const low = words[at];
  return words[(at + 1) | 0] === low >> 31 ? low : wideSigned(words, at);
}

function wideUnsigned(words: Int32Array, at: number): number {
  const high = words[at + 1] >>> 0;
  if (high >= HIGH_OF_2_53) throw tooLarge(bigUnsigned(words, at));
  return high * TWO_32 + (words[at] >>> 0);
}

function wideSigned(words: Int32Array, at: number): number {
  const high = words[at + 1];
  const below = high < -HIGH_OF_2_53 || (high === -HIGH_OF_2_53 && words[at] === 0);
  if (high >= HIGH_OF_2_53 || below) throw tooLarge(bigSigned(words, at));
  return high * TWO_32 + (words[at] >>> 0);
}

/** Stores a whole number 0 <= value <= 2^53 - 1 as u64. @throws RangeError for any other */
export function setUnsigned(words: Int32Array, at: number, value: number): void {
  if (value < 0) throw notWhole(value);
  setSigned(words, at, value);
}

/** Stores a whole number within +-(2^53 - 1) as i64. @throws RangeError for any other */
export function setSigned(words: Int32Array, at: number, value: number): void {
  // What fits in 32 bits, the common case, needs no arithmetic beyond them.
  const low = value | 0;
  if (low === value) {
    words[at] = low;
    words[(at + 1) | 0] = low >> 31;
  } else {
    setWide(words, at, value);
  }
}

function setWide(words: Int32Array, at: number, value: number): void {
  // The value itself is looked at: beside 2^32 its fraction would be rounded away.
  if (!(value > -TWO_53 && value < TWO_53) || value !== Math.floor(value)) throw notWhole(value);
  const high = Math.floor(value / TWO_32);
  words[at] = value - high * TWO_32;
  words[at + 1] = high;
}

export function bigUnsigned(words: Int32Array, at: number): bigint {
  return (BigInt(words[at + 1] >>> 0) << 32n) | BigInt(words[at] >>> 0);
}

export function bigSigned(words: Int32Array, at: number): bigint {
  return BigInt.asIntN(64, bigUnsigned(words, at));
}

/** Stores a u64. @throws RangeError for any other */
export function setBigUnsigned(words: Int32Array, at: number, value: bigint): void {
  if (BigInt.asUintN(64, value) !== value) throw new RangeError(`${value} is not an unsigned 64-bit integer`);
  setBig(words, at, value);
}

/** Stores an i64. @throws RangeError for any other */
export function setBigSigned(words: Int32Array, at: number, value: bigint): void {
  if (BigInt.asIntN(64, value) !== value) throw new RangeError(`${value} is not a signed 64-bit integer`);
  setBig(words, at, value);
}

function setBig(words: Int32Array, at: number, value: bigint): void {
  words[at] = Number(BigInt.asIntN(32, value));
  words[at + 1] = Number(BigInt.asIntN(32, value >> 32n));
}

function tooLarge(value: bigint): RangeError {
  return new RangeError(`${value} is not exact as a number: read the bigint (…Big) property instead`);
}

function notWhole(value: number): RangeError {
  return new RangeError(`${value} is not a whole number that 64 bits and a double hold exactly`);
}
