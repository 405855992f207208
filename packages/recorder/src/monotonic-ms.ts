const NS_PER_MS = 1e6;

/** Milliseconds by a clock that nobody sets, the same in all threads of a process. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / NS_PER_MS;
}
