import { type BigIntStats, constants, fchmodSync, fstatSync, openSync, unlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { WalError } from '@fswal/format';
import { closeFile } from '@fswal/format/files';
import { asWalError, errnoName } from './errors.js';

const OWNER_ONLY = 0o600;

/**
 * Creates a file that nothing had the name of, runs `use` on it and closes it. Where `use` throws, the file is gone.
 * @throws WalError FILE_ALREADY_EXISTS, OPEN_FAILED, DISK_FULL
 */
export function withNewFile<T>(path: string, use: (fd: number, absolutePath: string) => T): T {
  const file = resolve(path);
  const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  let fd: number;
  try {
    fd = openSync(file, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, OWNER_ONLY);
  } catch (error) {
    const code = errnoName(error) === 'EEXIST' ? 'FILE_ALREADY_EXISTS' : 'OPEN_FAILED';
    throw asWalError(code, 'cannot create the file', error, file);
  }
  try {
    // The umask may have taken bits away.
    fchmodSync(fd, OWNER_ONLY);
    return use(fd, file);
  } catch (error) {
    remove(file);
    throw asWalError('OPEN_FAILED', 'cannot create the file', error, file);
  } finally {
    closeFile(fd, file);
  }
}

function remove(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // The failure that is being reported says more.
  }
}

/**
 * Opens an existing regular file for reading and writing, runs `use` on it and closes it. Never follows a symbolic
 * link and never waits, as opening a fifo would.
 * @throws WalError OPEN_FAILED
 */
export function withFile<T>(
  path: string,
  use: (fd: number, absolutePath: string, stats: BigIntStats) => T,
): T {
  const file = resolve(path);
  let fd: number;
  try {
    fd = openSync(file, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw asWalError('OPEN_FAILED', 'cannot open the file', error, file);
  }
  try {
    const stats = fstatSync(fd, { bigint: true });
    if (!stats.isFile()) throw new WalError('OPEN_FAILED', 'not a regular file', { file });
    if (stats.size === 0n) throw new WalError('OPEN_FAILED', 'an empty file cannot be mapped', { file });
    return use(fd, file, stats);
  } catch (error) {
    throw asWalError('OPEN_FAILED', 'cannot map the file', error, file);
  } finally {
    closeFile(fd, file);
  }
}

/** @throws RangeError where `bytes` is not a whole number > 0 */
export function checkSize(bytes: number): void {
  if (!Number.isSafeInteger(bytes) || bytes <= 0) {
    throw new RangeError(`${bytes} is not a size in bytes: a whole number > 0`);
  }
}
