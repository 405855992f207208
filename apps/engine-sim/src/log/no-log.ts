import { WalError, type WalErrorCode } from '@fswal/format';

/** What says that there is no log to read, or none yet. */
const NO_LOG: ReadonlySet<WalErrorCode> = new Set<WalErrorCode>(['DIRECTORY_NOT_FOUND', 'SEGMENT_NOT_FOUND']);

export function isNoLog(error: unknown): error is WalError {
  return error instanceof WalError && NO_LOG.has(error.code);
}
