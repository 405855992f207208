/** Words copied per round of the unrolled loop. Measured: the plain loop takes about twice as long for 16 words. */
const UNROLLED = 8;

/** Copies `count` words. For short records this beats `set(subarray())`, which also allocates. */
export function copyWords(from: Int32Array, at: number, to: Int32Array, toAt: number, count: number): void {
  let i = 0;
  for (; i <= count - UNROLLED; i += UNROLLED) {
    to[toAt + i] = from[at + i];
    to[toAt + i + 1] = from[at + i + 1];
    to[toAt + i + 2] = from[at + i + 2];
    to[toAt + i + 3] = from[at + i + 3];
    to[toAt + i + 4] = from[at + i + 4];
    to[toAt + i + 5] = from[at + i + 5];
    to[toAt + i + 6] = from[at + i + 6];
    to[toAt + i + 7] = from[at + i + 7];
  }
  for (; i < count; i++) to[toAt + i] = from[at + i];
}

/** @throws RangeError unless `count` words lie at `at` of `words`; outside a typed array, stores vanish silently */
export function checkRange(words: Int32Array, at: number, count: number): void {
  if (at < 0 || at + count > words.length) {
    throw new RangeError(`no ${count} words at ${at} of ${words.length}`);
  }
}
