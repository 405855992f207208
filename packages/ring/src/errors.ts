/** What went wrong with a ring, by name. The names are stable. */
export const RingErrorCode = {
  /** The buffer does not start with the header of such a ring, or its size is not what the header says. */
  NOT_A_RING: 'NOT_A_RING',
  /** `commit()` without a claimed record. */
  NOT_CLAIMED: 'NOT_CLAIMED',
  /** `push()` while a claimed record waits for its `commit()`: it would overwrite that record. */
  CLAIM_OPEN: 'CLAIM_OPEN',
  /** `release()` without a record from `peek()`. */
  NOT_PEEKED: 'NOT_PEEKED',
} as const;
export type RingErrorCode = (typeof RingErrorCode)[keyof typeof RingErrorCode];

/** Misuse of a ring, or a buffer that is none. Full and empty are return values, never errors. */
export class RingError extends Error {
  readonly code: RingErrorCode;

  constructor(code: RingErrorCode, message: string) {
    super(message);
    this.name = 'RingError';
    this.code = code;
  }
}
