/*
 * The one store that hands a record from a thread to another, and the glance whether the other must be woken.
 *
 *   publisher     1. record words        2. cursor := position       3. marked? then unmark, count, notify
 *   sleeper       1. mark sleepers       2. load the cursor          3. sleep while sleepers is as marked
 *
 * What must hold: (a) whoever sees the cursor sees the record; (b) either the publisher sees the sleeper, or the sleeper
 * sees the cursor (Dekker's argument: store one word, then load the other).
 *
 * With Atomics both hold by the language. But an Atomics.store on x86-64 stops the thread until the cache line of the
 * cursor has come over from the other core, with every record; two threads then move a record in 180 ns, where plain
 * stores take 55 (same machine, same run). So on x86-64 the stores are plain:
 *
 * (a) holds, since x86-64 makes stores visible in program order, and loads do not overtake loads; V8 emits accesses to
 *     typed arrays in program order.
 * (b) holds but for a store that still is in the store buffer of the publisher's core while it glances at `sleepers`: a
 *     matter of nanoseconds to a few microseconds. Therefore a sleeper looks again after its first short nap (see
 *     waiting.ts): what the publisher stored before it could see the sleeper is visible by then, and of what it stores
 *     afterwards it will wake the sleeper. So a wake-up is never lost, and late by at most that nap (a longer one, 64 ms,
 *     if a nap runs out just as its sleeper is woken for somebody else, and the race comes on top).
 *
 * Elsewhere, and where FSWAL_RING_ATOMICS=1 asks for it, Atomics are used throughout.
 */

/** Whether the order of plain stores and of plain loads is that of the program. */
export const PLAIN_ACCESS_IN_ORDER = process.arch === 'x64' && process.env.FSWAL_RING_ATOMICS !== '1';

// A SLEEPERS word: its lowest bit marks that somebody may be asleep, the others count the notifications.
const SLEEPING = 1;
const NOTIFICATION = 2;

// A constant of this module, not an imported one: V8 folds it, and the other branch is gone.
const PLAIN = PLAIN_ACCESS_IN_ORDER;

/**
 * Stores `position` in the word `cursor`, as the last thing that the owner of that word does with a record, and wakes
 * who sleeps on `sleepers`. Pairs with `observe`, and with the load in waiting.ts.
 */
export function publish(words: Int32Array, cursor: number, position: number, sleepers: number): void {
  if (PLAIN) {
    words[cursor] = position;
    if ((words[sleepers] & SLEEPING) !== 0) wake(words, sleepers);
  } else {
    Atomics.store(words, cursor, position);
    if ((Atomics.load(words, sleepers) & SLEEPING) !== 0) wake(words, sleepers);
  }
}

/** Loads a word that another thread publishes. It may be older than what is in memory: ask `Atomics.load` to be sure. */
export function observe(words: Int32Array, cursor: number): number {
  return PLAIN ? words[cursor] : Atomics.load(words, cursor);
}

/**
 * Takes the mark away and counts one notification more, before it is sent. The count is what keeps several sleepers
 * apart: one that looked before the publication finds another number when it lies down, whoever has set the mark again.
 */
function wake(words: Int32Array, sleepers: number): void {
  const seen = Atomics.load(words, sleepers);
  Atomics.compareExchange(words, sleepers, seen, ((seen & ~SLEEPING) + NOTIFICATION) | 0);
  Atomics.notify(words, sleepers);
}

/**
 * Marks that somebody is going to sleep on `sleepers`.
 * @returns the value to sleep on, after another look
 */
export function announceSleeper(words: Int32Array, sleepers: number): number {
  return Atomics.or(words, sleepers, SLEEPING) | SLEEPING;
}
