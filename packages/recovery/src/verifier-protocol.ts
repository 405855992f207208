/*
 * What passes between the preloader's thread and its verifiers, threads that read and verify segments side by side.
 *
 *   ring `jobs`    preloader -> verifiers   a record for each segment to read into a window; whoever is free takes it
 *   slots          one for each window      the verifier that has the job writes the result, its state last; the
 *                                           preloader reads it when the state says that it is there, and resets it
 *
 * A verifier only ever says that a segment is sound by itself. Whatever else it finds, the preloader reads and judges the
 * segment anew: there is one place where damage is told.
 */

/** A record of the ring of jobs. */
export const JobWord = {
  /** Index of the window, or END_OF_JOBS. */
  window: 0,
  segmentIndex: 1,
  /** 1 = the `.lz4`. */
  compressed: 2,
} as const;
export const JOB_WORDS = 4;
export const END_OF_JOBS = -1;

/** A slot, one for each window, apart by a cache line: their writers differ. */
export const SlotWord = {
  state: 0,
  /** Bytes in the window. */
  count: 1,
  /** Microseconds. */
  readUs: 2,
  verifyUs: 3,
  openUs: 4,
  closeUs: 5,
} as const;
export const SLOT_WORDS = 16;

/** State of a slot. */
export const SlotState = {
  pending: 0,
  /** A sealed segment that verifies by itself. */
  sound: 1,
  /** Anything else. */
  unknown: 2,
} as const;

/** What a verifier is started with. */
export interface VerifierData {
  readonly dir: string;
  readonly windows: readonly SharedArrayBuffer[];
  readonly jobs: SharedArrayBuffer;
  readonly slots: SharedArrayBuffer;
  /** See ControlWord. */
  readonly control: SharedArrayBuffer;
}
