import { constants, fsyncSync, openSync } from 'node:fs';
import { closeFile } from '@fswal/format/files';
import { asWalError } from './errors.js';

/**
 * Makes what was created, renamed and removed in a directory durable.
 * @throws WalError FSYNC_FAILED, whatever went wrong: nothing about the directory on the device is known then
 */
export function syncDirectory(dir: string): void {
  let fd: number | undefined;
  try {
    fd = openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY);
    fsyncSync(fd);
  } catch (error) {
    throw asWalError('FSYNC_FAILED', 'cannot sync the directory', error, dir);
  } finally {
    if (fd !== undefined) closeFile(fd, dir);
  }
}
