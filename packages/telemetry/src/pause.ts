const SPINS = 1000;
const SLEEP_MS = 1;
const MAX_SLEEPS = 5000;

const nobody = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/**
 * Waits a little before attempt number `attempt` (0, 1, ...) at reading a metric: not at all at first, then by
 * sleeping, since the thread that is waited for may want this processor.
 * @throws Error after some seconds: the writer stands still inside a record, as under a debugger
 */
export function pause(attempt: number): void {
  if (attempt < SPINS) return;
  if (attempt > SPINS + MAX_SLEEPS)
    throw new Error('a metric cannot be read: its writer stands still in a record');
  Atomics.wait(nobody, 0, 0, SLEEP_MS);
}
