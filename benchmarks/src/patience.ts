/** Looks at the clock are far apart: it costs more than a try at any of the rings. */
const TRIES_PER_LOOK = 64;
/** More than any stream takes to move a ring's worth of records: while both threads run, nobody naps. */
const SPIN_MS = 0.3;
const NAP_MS = 0.1;

/**
 * How a stream waits for a ring that is full or empty, the same for all of them: it tries again at once, and when that
 * has not helped for so long that the other thread cannot be running, it sleeps a little and leaves it the core. Where
 * both threads have a core, this is spinning; where they have not, spinning threads would only take each other's time.
 */
export class Patience {
  readonly #word = new Int32Array(new SharedArrayBuffer(4));
  #since = 0;
  #naps = 0;

  /** How often it slept, that is: how often the other thread was away. */
  get naps(): number {
    return this.#naps;
  }

  /** To be called after each try in vain. @param tries how many there have been, from 1 */
  failed(tries: number): void {
    if (tries % TRIES_PER_LOOK !== 0) return;
    const now = performance.now();
    if (tries === TRIES_PER_LOOK) this.#since = now;
    if (now - this.#since <= SPIN_MS) return;
    this.#naps++;
    Atomics.wait(this.#word, 0, 0, NAP_MS);
  }
}
