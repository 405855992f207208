/*
 * The reading side of the lock that all metrics of one line are written under.
 *
 * The writer of a metric, a single thread, makes the sequence word odd, stores the values, and makes it even again. It
 * never waits and never looks at readers. Readers, any number of them in any thread, keep what they read only if the
 * word was even and the same before and after. All the values lie beside the word, on the same cache line or the next,
 * so that a reader gets its chance however fast the writer is.
 *
 * Writers spell this out in each method: Worker.terminate() stops a thread only where it calls something, so that a
 * method without calls is never left half way.
 */

import { pause } from './pause.js';
import { STORES_IN_ORDER } from './store-order.js';

/**
 * Copies `into.length` values from index `at` on, all of one record.
 * @param word index of the sequence word in `words`
 * @throws Error where the writer stands still inside a record
 */
export function readConsistent(
  words: Int32Array,
  word: number,
  values: Float64Array,
  at: number,
  into: Float64Array,
): void {
  for (let attempt = 0; ; attempt++) {
    // Pairs with the writer's store of the even number: what it stored before is visible.
    const before = Atomics.load(words, word);
    if ((before & 1) === 0) {
      for (let i = 0; i < into.length; i++) into[i] = values[at + i];
      if (sequenceAfterReads(words, word) === before) return;
    }
    pause(attempt);
  }
}

/** The sequence word, read after every read that precedes. */
function sequenceAfterReads(words: Int32Array, word: number): number {
  // Elsewhere a load keeps only later reads from passing it; adding zero keeps the earlier ones too.
  return STORES_IN_ORDER ? Atomics.load(words, word) : Atomics.add(words, word, 0);
}
