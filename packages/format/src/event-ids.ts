import { EVENT_WORDS } from './layout.js';

/** Whether the u64 at word index `at` is greater than the one given as two words. */
export function idIsGreater(words: Int32Array, at: number, high: number, low: number): boolean {
  const h = words[at + 1];
  return h === high ? words[at] >>> 0 > low >>> 0 : h >>> 0 > high >>> 0;
}

/** The event id at word index `at`. */
export function idAt(words: Int32Array, at: number): bigint {
  return (BigInt(words[at + 1] >>> 0) << 32n) | BigInt(words[at] >>> 0);
}

/**
 * How many of at most `limit` events from word index `at` on have ids that grow, beginning above `after`. Events are
 * whole exactly as far as that: the id is the commit word.
 */
export function countGrowing(words: Int32Array, at: number, limit: number, after: bigint): number {
  let high = Number(after >> 32n) | 0;
  let low = Number(after & 0xffff_ffffn) | 0;
  for (let count = 0; count < limit; count++) {
    if (!idIsGreater(words, at, high, low)) return count;
    low = words[at];
    high = words[at + 1];
    at += EVENT_WORDS;
  }
  return limit;
}

/**
 * Looks event by event, from word index `at` on, for an id above `above`, and not above `most` if that is given.
 * @returns its word index, undefined where there is none
 */
export function findId(
  words: Int32Array,
  at: number,
  above: bigint,
  most = 0xffff_ffff_ffff_ffffn,
): number | undefined {
  const [low, high] = halves(above);
  const [mostLow, mostHigh] = halves(most);
  for (; at + EVENT_WORDS <= words.length; at += EVENT_WORDS) {
    if (idIsGreater(words, at, high, low) && !idIsGreater(words, at, mostHigh, mostLow)) return at;
  }
  return undefined;
}

/** The two words of an id. */
function halves(id: bigint): [low: number, high: number] {
  return [Number(BigInt.asIntN(32, id)), Number(BigInt.asIntN(32, id >> 32n))];
}

/** `bytes` as 32-bit words, in place where they are aligned, else a copy. */
export function asWords(bytes: Uint8Array): Int32Array {
  const length = Math.floor(bytes.length / 4);
  if (bytes.byteOffset % 4 === 0) return new Int32Array(bytes.buffer, bytes.byteOffset, length);
  return new Int32Array(bytes.slice(0, length * 4).buffer);
}
