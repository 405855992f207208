import { WalError, type WalErrorCode } from '@fswal/format';

/** A WalError as plain data, which crosses from thread to thread: a structured clone keeps no class. */
export interface PlainError {
  readonly code: WalErrorCode;
  /** The message without code and place. */
  readonly reason: string;
  readonly file: string | undefined;
  readonly offset: number | undefined;
  readonly block: number | undefined;
  readonly eventId: bigint | undefined;
  readonly cause: unknown;
}

/** Anything thrown as plain data. What is not a WalError becomes WORKER_FAILED. */
export function toPlainError(error: unknown): PlainError {
  const wal =
    error instanceof WalError
      ? error
      : new WalError('WORKER_FAILED', `the preloader failed: ${String(error)}`, { cause: error });
  const { code, reason, file, offset, block, eventId } = wal;
  return { code, reason, file, offset, block, eventId, cause: plainCause(wal.cause) };
}

export function fromPlainError(plain: PlainError): WalError {
  const { code, reason, cause, ...place } = plain;
  return new WalError(code, reason, { ...place, ...(cause === undefined ? {} : { cause }) });
}

/** Keeps the errno name, which a structured clone of an Error would lose. */
function plainCause(cause: unknown): unknown {
  if (!(cause instanceof Error)) return cause === undefined ? undefined : String(cause);
  const { name, message, stack } = cause;
  const { code, errno, syscall, path } = cause as NodeJS.ErrnoException;
  return { name, message, stack, code, errno, syscall, path };
}
