/*
 * How a thread sleeps until another publishes something; publish.ts is the other half.
 *
 * A SLEEPERS word carries a mark while somebody may be sleeping on it, and counts the notifications. Sleepers mark it,
 * look, and sleep while it is as they marked it; a publisher that finds it marked takes the mark away, counts and wakes
 * them all. So a notification is sent once per sleep, not once per record. Atomics.wait compares and queues up in one
 * step, which a notification cannot cut in two: a sleeper either finds another value, or is in the queue and is woken.
 * (With the mark alone, another sleeper could have set it again in between, and this one would lie down on news that it
 * has not seen.)
 *
 * Who was woken and finds nothing (another consumer was faster, or it was meant for another) goes round again. Whose
 * time is up leaves the word set: that costs the publisher one vain notification.
 */

import { announceSleeper, PLAIN_ACCESS_IN_ORDER } from './publish.js';

/** What a thread waits for. */
export interface Condition {
  readonly words: Int32Array;
  /** Index of the word to sleep on. */
  readonly sleepers: number;
  /** Whether it holds, going by what is in memory now. */
  holds(): boolean;
}

/** Looks before the first sleep: a few microseconds, about what falling asleep and being woken would cost. */
const LOOKS = 200;

/** The first sleep, after which everything is visible that was published before the sleeper announced itself. */
const FIRST_NAP_MS = PLAIN_ACCESS_IN_ORDER ? 1 : Number.POSITIVE_INFINITY;
/**
 * The later ones grow to this. One long sleep would do; looking again now and then costs nothing, and keeps a thread
 * from hanging should a compiler ever take liberties with plain accesses.
 */
const LONGEST_NAP_MS = PLAIN_ACCESS_IN_ORDER ? 64 : Number.POSITIVE_INFINITY;

/** Longest delay of a timer. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Blocks the thread until the condition holds (true) or the time is up (false). */
export function waitUntil(condition: Condition, timeoutMs: number): boolean {
  if (condition.holds()) return true;
  const { words, sleepers } = condition;
  const deadline = performance.now() + timeoutMs;
  if (timeoutMs > 0) {
    for (let i = 0; i < LOOKS; i++) if (condition.holds()) return true;
  }
  let napMs = FIRST_NAP_MS;
  for (;;) {
    const marked = announceSleeper(words, sleepers);
    if (condition.holds()) return true;
    const left = deadline - performance.now();
    if (!(left > 0)) return false;
    napMs = nextNap(napMs, Atomics.wait(words, sleepers, marked, Math.min(left, napMs)));
  }
}

/** The same without blocking the thread. */
export async function waitUntilAsync(condition: Condition, timeoutMs: number): Promise<boolean> {
  if (condition.holds()) return true;
  const { words, sleepers } = condition;
  const deadline = performance.now() + timeoutMs;
  // Node does not count a pending Atomics.waitAsync as work: without a timer it would exit in the middle of the wait.
  const keepAlive = setInterval(doNothing, MAX_DELAY_MS);
  try {
    let napMs = FIRST_NAP_MS;
    for (;;) {
      const marked = announceSleeper(words, sleepers);
      if (condition.holds()) return true;
      const left = deadline - performance.now();
      if (!(left > 0)) return false;
      const nap = Atomics.waitAsync(words, sleepers, marked, Math.min(left, napMs));
      napMs = nextNap(napMs, nap.async ? await nap.value : nap.value);
    }
  } finally {
    clearInterval(keepAlive);
  }
}

/** Whoever was woken announces itself anew, so that its next nap is a first one again. */
function nextNap(napMs: number, ended: 'ok' | 'not-equal' | 'timed-out'): number {
  return ended === 'timed-out' ? Math.min(2 * napMs, LONGEST_NAP_MS) : FIRST_NAP_MS;
}

function doNothing(): void {}
