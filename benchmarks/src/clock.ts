/*
 * A clock that can be read for every event: nanoseconds, without an allocation. performance.now() and what
 * process.hrtime() return live on the heap, and the collections of that garbage would be most of the tail that is to be
 * measured; so would the bigint of process.hrtime.bigint(), but V8 does not make one where it is stored right away into
 * a BigInt64Array. Numbers that do not fit 32 bits may live on the heap as well, so the loops subtract the low halves.
 */

const stamp = new BigInt64Array(1);
const words = new Int32Array(stamp.buffer);

/** Reads the clock. */
export function readClock(): void {
  stamp[0] = process.hrtime.bigint();
}

/** The low 32 bits of what was read last: little-endian machines are all that Node runs on. Differences up to 2.1 s are right. */
export function lowNs(): number {
  return words[0];
}

/** Monotonic nanoseconds, whole and exact (up to 104 days of uptime). Not for a loop that must not allocate. */
export function nowNs(): number {
  readClock();
  return words[1] * 2 ** 32 + (words[0] >>> 0);
}
