import { closeSync } from 'node:fs';
import { asWalError } from './errors.js';

/** Closes a descriptor of `file`, which it is no more whatever this throws. @throws WalError CLOSE_FAILED */
export function closeFile(fd: number, file: string): void {
  try {
    closeSync(fd);
  } catch (error) {
    throw asWalError('CLOSE_FAILED', 'cannot close it', error, file);
  }
}
