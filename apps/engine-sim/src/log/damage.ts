import { WalError, type WalErrorCode } from '@fswal/format';

/** What says that the log's bytes are not what they were, other than that they could not be had. */
const DAMAGE: ReadonlySet<WalErrorCode> = new Set<WalErrorCode>([
  'HEADER_CHECKSUM_MISMATCH',
  'BLOCK_CHECKSUM_MISMATCH',
  'CHAINED_CHECKSUM_MISMATCH',
  'SEGMENT_CORRUPTED',
  'SEGMENT_POSSIBLY_CORRUPTED',
  'SEGMENT_GAP',
  'DURABLE_LOST',
  'EVENT_OUT_OF_ORDER',
]);

/** What says that there is no log to read, or none yet. */
const NO_LOG: ReadonlySet<WalErrorCode> = new Set<WalErrorCode>(['DIRECTORY_NOT_FOUND', 'SEGMENT_NOT_FOUND']);

export function isDamage(error: unknown): error is WalError {
  return error instanceof WalError && DAMAGE.has(error.code);
}

export function isNoLog(error: unknown): error is WalError {
  return error instanceof WalError && NO_LOG.has(error.code);
}
