/** Processes that have something to do and show no progress for so long hang. */
const STALL_MS = 60_000;

/** Notices that a value, such as a count of what is done, has not changed for too long. */
export class Stall {
  readonly #now: () => number;
  #value = Number.NaN;
  #sinceMs = 0;

  /** @param now a clock, in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** To be asked often. @param value NaN where there is nothing to wait for */
  isReached(value: number): boolean {
    const now = this.#now();
    // NaN differs from itself: then it begins anew each time.
    if (value !== this.#value) {
      this.#value = value;
      this.#sinceMs = now;
    }
    return now - this.#sinceMs > STALL_MS;
  }
}
