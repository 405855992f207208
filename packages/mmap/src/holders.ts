/*
 * How many threads of the process may still reach a mapping, in one word of shared memory that travels with it.
 *
 * Every thread that maps or attaches adds 1 before it makes its view, and takes 1 off when its garbage collector has
 * found the view unreachable, or when the thread ends. All do both, through Atomics alone, so nothing is ever stale.
 * Whoever brings the count to 0 unmaps, and from 0 it never rises again. A thread that is terminated takes nothing
 * off: then the mapping stays until the process ends, which costs memory but breaks nobody's view.
 */

const HOLDERS = 0;

/** The count of a new mapping: 1, its creator. */
export function newHolders(): SharedArrayBuffer {
  const holders = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  new Int32Array(holders)[HOLDERS] = 1;
  return holders;
}

/** Adds a holder. False where there is none left, hence no mapping. */
export function hold(holders: SharedArrayBuffer): boolean {
  const words = new Int32Array(holders);
  for (;;) {
    const count = Atomics.load(words, HOLDERS);
    if (count === 0) return false;
    if (Atomics.compareExchange(words, HOLDERS, count, count + 1) === count) return true;
  }
}

/** Takes a holder off. True for the last one, who must unmap. */
export function letGo(holders: SharedArrayBuffer): boolean {
  return Atomics.sub(new Int32Array(holders), HOLDERS, 1) === 1;
}
