import { setImmediate, setTimeout } from 'node:timers/promises';

/** Lets signals, messages and exits of children be seen by a loop that otherwise never waits. */
export function breathe(): Promise<void> {
  return setImmediate();
}

export function sleep(ms: number): Promise<void> {
  return setTimeout(ms);
}
