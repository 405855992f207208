import { MAX_WINDOWS } from './preloader-protocol.js';

/** Memory of all windows together, unless two of them need more. */
const MAX_WINDOWS_BYTES = 256 * 2 ** 20;
/** One to replay from and one to fill. */
const MIN_WINDOWS = 2;

/** How many windows a replay of `segmentCount` segments has: one to replay from, up to `readAhead` filled ones. */
export function windowCount(windowBytes: number, segmentCount: number, readAhead: number): number {
  const affordable = Math.floor(MAX_WINDOWS_BYTES / windowBytes);
  // The tail ring's events come after those of the segments, in a window of their own.
  const useful = segmentCount + 1;
  return Math.max(MIN_WINDOWS, Math.min(readAhead + 1, affordable, useful, MAX_WINDOWS));
}
