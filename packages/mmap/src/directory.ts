import { type BigIntStats, constants, fstatSync, openSync, realpathSync } from 'node:fs';
import { WalError } from '@fswal/format';
import { closeFile } from '@fswal/format/files';
import { asWalError, errnoName } from './errors.js';

/** An open directory. */
export interface OpenDirectory {
  readonly fd: number;
  /** Without symbolic links. */
  readonly path: string;
  readonly stats: BigIntStats;
}

/**
 * Opens a directory, by whatever alias. The descriptor is not inherited by child processes.
 * @param flags further flags of open(2)
 * @throws WalError DIRECTORY_NOT_FOUND; DIRECTORY_LOCKED where `flags` ask for a lock that is taken; OPEN_FAILED
 */
export function openDirectory(dir: string, flags = 0): OpenDirectory {
  let fd: number | undefined;
  try {
    fd = openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY | flags);
    return { fd, path: realpathSync(dir), stats: fstatSync(fd, { bigint: true }) };
  } catch (error) {
    if (fd !== undefined) closeFile(fd, dir);
    const errno = errnoName(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') {
      throw asWalError('DIRECTORY_NOT_FOUND', 'no such directory', error, dir);
    }
    if (errno === 'EAGAIN') throw directoryLocked(dir, error);
    throw asWalError('OPEN_FAILED', 'cannot open the directory', error, dir);
  }
}

export function directoryLocked(dir: string, cause?: unknown): WalError {
  return new WalError('DIRECTORY_LOCKED', 'somebody else holds the lock on the directory', {
    file: dir,
    cause,
  });
}
