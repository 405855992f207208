/** Words copied per round of the unrolled loop; the plain loop takes half as long again for 16 words. */
const UNROLLED = 8;

/**
 * Copies `count` words. For short records this beats `set(subarray())`, which also allocates. The `| 0` spare V8 a check
 * for overflow at each index.
 */
export function copyWords(from: Int32Array, at: number, to: Int32Array, toAt: number, count: number): void {
  let i = 0;
  for (; i <= count - UNROLLED; i = (i + UNROLLED) | 0) {
    const f = (at + i) | 0;
    const t = (toAt + i) | 0;
    to[t] = from[f];
    to[(t + 1) | 0] = from[(f + 1) | 0];
    to[(t + 2) | 0] = from[(f + 2) | 0];
    to[(t + 3) | 0] = from[(f + 3) | 0];
    to[(t + 4) | 0] = from[(f + 4) | 0];
    to[(t + 5) | 0] = from[(f + 5) | 0];
    to[(t + 6) | 0] = from[(f + 6) | 0];
    to[(t + 7) | 0] = from[(f + 7) | 0];
  }
  for (; i < count; i++) to[toAt + i] = from[at + i];
}

/** @throws RangeError unless `count` words lie at `at` of `words`; outside a typed array, stores vanish silently */
export function checkRange(words: Int32Array, at: number, count: number): void {
  if (at < 0 || at + count > words.length) {
    throw new RangeError(`no ${count} words at ${at} of ${words.length}`);
  }
}
