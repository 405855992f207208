/** Whole microseconds by a clock that nobody sets, the same in all threads of a process. */
export function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}
