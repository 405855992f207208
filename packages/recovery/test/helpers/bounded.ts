/*
 * Loops that end although the code under test does not: it runs in this very thread, where no timeout of the test
 * runner would reach it, and in a process that would go on when the runner is gone.
 */

/** More than any log of these tests holds. */
const MOST_EVENTS = 10_000_000;
const MOST_STEPS = 10_000;
const PATIENCE_MS = 30_000;

/** Replays to the end, calling `visit` at each event with its place among them. Returns how many there were. */
export function eachEvent(recovery: { next(): boolean }, visit?: (index: number) => void): number {
  let events = 0;
  while (recovery.next()) {
    if (events === MOST_EVENTS) throw new Error(`next() goes on after ${events} events`);
    visit?.(events);
    events++;
  }
  return events;
}

/** Lets an agent work until there is nothing to do. */
export function workOff(agent: { doWork(): number }): void {
  for (let step = 0; agent.doWork() > 0; step++) {
    if (step === MOST_STEPS) throw new Error(`there is still work after ${step} steps`);
  }
}

/** Resolves once the condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited ${PATIENCE_MS} ms for: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
