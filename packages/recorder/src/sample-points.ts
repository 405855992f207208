/** Twice as far as samples may be apart still is a small integer to V8. */
export const MAX_SAMPLE_EVERY = 2 ** 28;

/**
 * Which events are samples: one in so many, at random distances, so that samples keep no step with blocks or with the
 * engine. Allocates nothing once made.
 */
export class SamplePoints {
  /** Distances are from 1 to this; 0 = there are no samples. */
  readonly #longest: number;
  /** Of a xorshift generator; never 0. */
  #state: number;
  /** Events from where `within` came to, to the next sample. */
  #left: number;

  /** @param every the mean distance, 1 to `MAX_SAMPLE_EVERY`; 0 = no samples */
  constructor(every: number, seed = Date.now()) {
    this.#longest = every === 0 ? 0 : 2 * every - 1;
    this.#state = seed | 1;
    this.#left = this.#longest === 0 ? -1 : this.#distance();
  }

  /** Whether the event that `within` came to is a sample. */
  get isDue(): boolean {
    return this.#left === 0;
  }

  /** The sample that was due is taken. */
  take(): void {
    this.#left = this.#distance();
  }

  /** @returns how many of the next `room` events come before the next sample; comes to the event behind them */
  within(room: number): number {
    if (this.#longest === 0) return room;
    const events = Math.min(this.#left, room);
    this.#left -= events;
    return events;
  }

  #distance(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return 1 + ((x & 0x3fff_ffff) % this.#longest);
  }
}
