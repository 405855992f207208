/*
 * Ctrl-C and SIGTERM end a process at once, wherever it is: in a long read, in native code, or before a pipe that
 * nobody reads from. So nobody listens, but for work that would leave something unfinished behind.
 */
export const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** What the signal of `interruptible` is aborted with, and what its `throwIfAborted` throws. */
export class Interrupted extends Error {}

/**
 * Runs `work` with a signal that Ctrl-C or SIGTERM aborts; a second one ends the process at once, as if nobody
 * listened. To be told of either, `work` has to breathe.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const abort = (): void => {
    stopListening();
    controller.abort(new Interrupted());
  };
  const stopListening = (): void => {
    for (const signal of SIGNALS) process.off(signal, abort);
  };
  for (const signal of SIGNALS) process.on(signal, abort);
  try {
    return await work(controller.signal);
  } finally {
    stopListening();
  }
}

/** Lets the event loop turn, so that signals get their time. @throws Interrupted */
export async function breathe(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  signal.throwIfAborted();
}
