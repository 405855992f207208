/*
 * What passes between the preloader's thread and the replay thread.
 *
 *   ring `filled`      preloader -> replay     a record for each filled window, in order, then one for the end
 *   ring `exhausted`   replay -> preloader     the index of a window to fill again, or STOP
 *   control words      see ControlWord         at any time
 *   message channel    preloader -> replay     what is rare and large: a window's new memory, the end of the log.
 *                                              Posted before the record that announces it, so that the replay thread,
 *                                              which does not return to its event loop, takes it synchronously
 */
import type { PlainError } from './plain-error.js';
import type { LogSummary, TailRingReport, TornTail } from './recovery-report.js';

/** The most windows there can be. */
export const MAX_WINDOWS = 31;
/** Room for all windows and the record of the end; or for all windows and STOP. */
export const RING_CAPACITY = 32;

/** A record of the ring of filled windows. */
export const FilledWord = {
  /** Index of the window, or END. */
  window: 0,
  segmentIndex: 1,
  blocks: 2,
  tailEvents: 3,
  startBlock: 4,
  startEvent: 5,
  /** Messages posted since the record before. */
  messages: 6,
  /** Segment files read so far, and their bytes (two words). */
  segments: 7,
  bytesLow: 8,
  bytesHigh: 9,
} as const;
export const FILLED_WORDS = 16;
export const EXHAUSTED_WORDS = 1;

/** Instead of a window's index: the log's end is reached; a message says how. */
export const END = -1;
/** Instead of a window's index: the preloader is to end. */
export const STOP = -1;

/** Apart by more than a cache line: their writers differ. */
export const ControlWord = {
  /** Written by the preloader: grows with each megabyte read and each segment verified. */
  progress: 0,
  /** Written by the replay thread: 1 = end at once. */
  stop: 32,
} as const;
export const CONTROL_WORDS = 64;

/** What the worker is started with. */
export interface PreloaderData {
  readonly dir: string;
  readonly tailRingDir: string | undefined;
  readonly fromEventId: bigint;
  readonly readAhead: number;
  readonly control: SharedArrayBuffer;
  readonly filled: SharedArrayBuffer;
  readonly exhausted: SharedArrayBuffer;
  /** See `RECOVERY_METRICS`. */
  readonly telemetry: SharedArrayBuffer;
  readonly port: import('node:worker_threads').MessagePort;
}

/** The worker's first message. */
export type PreloaderStart =
  | { readonly windows: readonly SharedArrayBuffer[]; readonly summary: LogSummary }
  | { readonly error: PlainError };

/** A message of the channel. */
export type PreloaderMessage =
  | { readonly kind: 'memory'; readonly window: number; readonly buffer: SharedArrayBuffer }
  | { readonly kind: 'end'; readonly end: PlainEnd };

/** `LogEnd` as plain data. */
export interface PlainEnd {
  readonly error: PlainError | undefined;
  readonly tail: TornTail | null;
  readonly tailRing: TailRingReport | null;
  readonly endEventId: bigint;
}
