/*
 * Clocks for what is measured. performance.now() and process.hrtime() put their results on the heap, and so may
 * process.hrtime.bigint(), but not where it is stored right away into a BigInt64Array: so a hot path times its samples.
 */

const NS_PER_MS = 1e6;
const TWO_32 = 2 ** 32;

/** Of one sample: before its beginning, at it, at its end. Each thread has its own. */
const stamps = new BigInt64Array(3);
const words = new Int32Array(stamps.buffer);

/** Reads the clock twice, to know what a reading of it takes. */
export function beginSample(): void {
  stamps[0] = process.hrtime.bigint();
  stamps[1] = process.hrtime.bigint();
}

export function endSample(): void {
  stamps[2] = process.hrtime.bigint();
}

/** Nanoseconds from the beginning to the end, a reading of the clock included. */
export function sampleNs(): number {
  return (words[5] - words[3]) * TWO_32 + (words[4] >>> 0) - (words[2] >>> 0);
}

/** Nanoseconds that a reading of the clock took at the beginning. */
export function sampleClockNs(): number {
  return (words[3] - words[1]) * TWO_32 + (words[2] >>> 0) - (words[0] >>> 0);
}

/** Nanoseconds since a moment of `performance.now()`. */
export function nsSince(startMs: number): number {
  return Math.round((performance.now() - startMs) * NS_PER_MS);
}

/** Does some work and records how long it took; where that throws, a failure if the metric counts those. */
export function timed<T>(metric: { record(ns: number): void; fail?(): void }, work: () => T): T {
  const start = performance.now();
  try {
    const done = work();
    metric.record(nsSince(start));
    return done;
  } catch (error) {
    metric.fail?.();
    throw error;
  }
}
