/**
 * The outcome of an operation on a log, by name. The names are stable: they are what `WalError.code` carries and
 * what verification returns.
 */
export const Status = {
  OK: 'OK',
  DIRECTORY_NOT_FOUND: 'DIRECTORY_NOT_FOUND',
  SEGMENT_NOT_FOUND: 'SEGMENT_NOT_FOUND',
  ITEM_NOT_FOUND: 'ITEM_NOT_FOUND',
  OPEN_FAILED: 'OPEN_FAILED',
  CLOSE_FAILED: 'CLOSE_FAILED',
  FILE_ALREADY_EXISTS: 'FILE_ALREADY_EXISTS',
  FILE_NOT_DELETED: 'FILE_NOT_DELETED',
  WRITE_FAILED: 'WRITE_FAILED',
  WRITE_HEADER_FAILED: 'WRITE_HEADER_FAILED',
  READ_FAILED: 'READ_FAILED',
  READ_HEADER_FAILED: 'READ_HEADER_FAILED',
  FSYNC_FAILED: 'FSYNC_FAILED',
  MSYNC_FAILED: 'MSYNC_FAILED',
  ROTATE_FAILED: 'ROTATE_FAILED',
  HEADER_CHECKSUM_MISMATCH: 'HEADER_CHECKSUM_MISMATCH',
  BLOCK_CHECKSUM_MISMATCH: 'BLOCK_CHECKSUM_MISMATCH',
  CHAINED_CHECKSUM_MISMATCH: 'CHAINED_CHECKSUM_MISMATCH',
  SEGMENT_CORRUPTED: 'SEGMENT_CORRUPTED',
  SEGMENT_POSSIBLY_CORRUPTED: 'SEGMENT_POSSIBLY_CORRUPTED',
  DIRECTORY_LOCKED: 'DIRECTORY_LOCKED',
  EVENT_OUT_OF_ORDER: 'EVENT_OUT_OF_ORDER',
  DISK_FULL: 'DISK_FULL',
  BACKPRESSURE: 'BACKPRESSURE',
  SEGMENT_GAP: 'SEGMENT_GAP',
  DURABLE_LOST: 'DURABLE_LOST',
  WORKER_FAILED: 'WORKER_FAILED',
  NOT_OPEN: 'NOT_OPEN',
} as const;
export type Status = (typeof Status)[keyof typeof Status];

/** A `Status` that is a failure. */
export type WalErrorCode = Exclude<Status, 'OK'>;

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

/** Whether a status says that the log is damaged, and not that it cannot be had or that nothing is wrong. */
export function isDamage(status: string): boolean {
  return DAMAGE.has(status as WalErrorCode);
}

/** Where in the log a `WalError` happened, and what caused it. */
export interface WalErrorDetails {
  /** Path of the file concerned. */
  readonly file?: string | undefined;
  /** Byte offset in that file. */
  readonly offset?: number | undefined;
  /** Block index in that segment. */
  readonly block?: number | undefined;
  /** Id of the event concerned, or of the last sound event before the damage. */
  readonly eventId?: bigint | undefined;
  /** The error underneath, such as that of a system call. */
  readonly cause?: unknown;
}

/** Every failure of the log: `code` is stable and names the kind, the other fields say where. */
export class WalError extends Error {
  override readonly name = 'WalError';
  readonly code: WalErrorCode;
  /** The message without code and place. */
  readonly reason: string;
  readonly file: string | undefined;
  readonly offset: number | undefined;
  readonly block: number | undefined;
  readonly eventId: bigint | undefined;

  constructor(code: WalErrorCode, message: string, details: WalErrorDetails = {}) {
    super(
      `${code}: ${message}${place(details)}`,
      details.cause === undefined ? {} : { cause: details.cause },
    );
    this.code = code;
    this.reason = message;
    this.file = details.file;
    this.offset = details.offset;
    this.block = details.block;
    this.eventId = details.eventId;
  }
}

function place({ file, block, offset, eventId }: WalErrorDetails): string {
  const parts: string[] = [];
  if (file !== undefined) parts.push(`file ${file}`);
  if (block !== undefined) parts.push(`block ${block}`);
  if (offset !== undefined) parts.push(`offset ${offset}`);
  if (eventId !== undefined) parts.push(`event ${eventId}`);
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}
