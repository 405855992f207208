import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import { WalError, type WalErrorCode } from '@fswal/format';

/** Failed syncs stay what they are, whatever the errno: after one, nothing about the device is known any more. */
const STICKY: ReadonlySet<WalErrorCode> = new Set(['FSYNC_FAILED', 'MSYNC_FAILED']);

/** libuv, and so Node, has no names for some errnos that matter here: EDQUOT, ENOLCK. */
const OTHER_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno).map(([name, errno]) => [-errno, name]),
);

/**
 * The error of a system call that Node does not make itself, in the shape of those it does: `code` is the errno's
 * name, `errno` negative, and the name opens the message.
 *
 * @param errno as in errno.h, positive
 */
export function systemError(syscall: string, errno: number): NodeJS.ErrnoException {
  const code = nameOf(-errno) ?? `errno ${errno}`;
  const text = getSystemErrorMap().get(-errno)?.[1] ?? 'system call failed';
  const error: NodeJS.ErrnoException = new Error(`${code}: ${text}, ${syscall}`);
  error.code = code;
  error.errno = -errno;
  error.syscall = syscall;
  return error;
}

/** The errno name (`'ENOSPC'`) of an error of a system call; undefined for any other value. */
export function errnoName(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, errno } = error as NodeJS.ErrnoException;
  return (
    (typeof errno === 'number' ? nameOf(errno) : undefined) ?? (typeof code === 'string' ? code : undefined)
  );
}

/** @param errno negative */
function nameOf(errno: number): string | undefined {
  return getSystemErrorMap().get(errno)?.[0] ?? OTHER_NAMES.get(errno);
}

/**
 * `cause` as a WalError. ENOSPC and EDQUOT are DISK_FULL whatever `code` says, save for failed syncs; anything else
 * gets `code`. A cause that is a WalError already is returned as it is.
 *
 * @param message what was attempted; the cause's message is appended, with the errno's name in any case
 * @param file path of the file or directory concerned
 */
export function asWalError(code: WalErrorCode, message: string, cause: unknown, file?: string): WalError {
  if (cause instanceof WalError) return cause;
  const errno = errnoName(cause);
  const full = (errno === 'ENOSPC' || errno === 'EDQUOT') && !STICKY.has(code);
  const text = cause instanceof Error ? cause.message : String(cause);
  const reason = errno === undefined || text.includes(errno) ? text : `${errno}: ${text}`;
  return new WalError(full ? 'DISK_FULL' : code, `${message}: ${reason}`, { file, cause });
}
