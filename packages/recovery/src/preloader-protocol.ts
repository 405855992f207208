/*
 * What passes between the preloader's thread and the replay thread.
 *
 *   ring `filled`      preloader -> replay     a record for each filled window, in order, then one for the end
 *   ring `exhausted`   replay -> preloader     the index of a window to fill again, SEEK, or STOP
 *   control words      see ControlWord         at any time
 *   message channel    preloader -> replay     what is rare and large: a window's new memory, the end of the log.
 *                                              Posted before the record that announces it, so that the replay thread,
 *                                              which does not return to its event loop, takes it synchronously
 */
import type { PlainError } from './plain-error.js';
import type { RecoveryMode } from './recovery-options.js';
import type { LogSummary } from './recovery-report.js';
import type { RecoveryTelemetryBuffers } from './telemetry.js';
import type { LogEnd } from './window-source.js';

/** The most windows there can be. */
export const MAX_WINDOWS = 31;
/** Room for all windows and the records that are none: SEEK and STOP; CAUGHT_UP and END, of two epochs. */
export const RING_CAPACITY = 64;

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
  /** How many seeks came before it. Records of an older epoch are to be left out. */
  epoch: 10,
  /** Events in the window from the first one to deliver. */
  events: 11,
  /** When it was filled: microseconds, as `monotonicUs` (two words). */
  filledLow: 12,
  filledHigh: 13,
} as const;
export const FILLED_WORDS = 16;

/** A record of the ring of exhausted windows. */
export const ExhaustedWord = {
  /** Index of the window, SEEK or STOP. */
  window: 0,
  /** With SEEK: its epoch, and the target. */
  epoch: 1,
  seekWord: 2,
  valueLow: 3,
  valueHigh: 4,
} as const;
export const EXHAUSTED_WORDS = 8;

/** Instead of a window's index: the log's end is reached; a message says how. */
export const END = -1;
/** Instead of a window's index: a follower has read all there was. Once in an epoch. */
export const CAUGHT_UP = -2;
/** Instead of a window's index: the preloader is to end. */
export const STOP = -1;
/** Instead of a window's index: the preloader is to go on from elsewhere. */
export const SEEK = -2;

/** Apart by more than a cache line: their writers differ. */
export const ControlWord = {
  /** Written by the preloader: grows with each megabyte read and each segment verified. */
  progress: 0,
  /** Written by the replay thread: grows with each seek and at the end. What is being read for an older one is not wanted any more. */
  epoch: 32,
} as const;
export const CONTROL_WORDS = 64;

/** What the worker is started with. */
export interface PreloaderData {
  readonly dir: string;
  readonly tailRingDir: string | undefined;
  readonly fromEventId: bigint;
  readonly mode: RecoveryMode;
  readonly follow: boolean;
  readonly readAhead: number;
  readonly verifyThreads: number;
  readonly control: SharedArrayBuffer;
  readonly filled: SharedArrayBuffer;
  readonly exhausted: SharedArrayBuffer;
  /** See `RECOVERY_METRICS`. */
  readonly telemetry: RecoveryTelemetryBuffers;
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
export interface PlainEnd extends Omit<LogEnd, 'error'> {
  readonly error: PlainError | undefined;
}
