import fs from 'node:fs';
import path from 'node:path';
import { WalError, type WalErrorCode } from '@fswal/format';
import { closeFile } from '@fswal/format/files';
import { asWalError, syncDirectory } from '@fswal/mmap';
import { breathe } from '../interrupts.js';

const TEMP_SUFFIX = '.tmp';
/** Written and brought to the device between two looks for Ctrl-C. */
const CHUNK_BYTES = 32 * 2 ** 20;

/**
 * Writes a file that is not there yet: whole or not at all, and on the device when this resolves.
 * @throws Interrupted
 * @throws WalError FILE_ALREADY_EXISTS; OPEN_FAILED, WRITE_FAILED, DISK_FULL, FSYNC_FAILED: there is no file
 */
export async function writeNewFile(file: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  if (fs.lstatSync(file, { throwIfNoEntry: false }) !== undefined) {
    throw new WalError('FILE_ALREADY_EXISTS', 'it is not overwritten', { file });
  }
  const temp = `${file}${TEMP_SUFFIX}`;
  const fd = attempt('OPEN_FAILED', temp, () => fs.openSync(temp, 'wx', 0o600));
  try {
    try {
      for (let done = 0; done < bytes.length; ) {
        const chunk = bytes.subarray(done, done + CHUNK_BYTES);
        done += attempt('WRITE_FAILED', temp, () => fs.writeSync(fd, chunk));
        attempt('FSYNC_FAILED', temp, () => fs.fsyncSync(fd));
        await breathe(signal);
      }
    } finally {
      closeFile(fd, temp);
    }
    attempt('WRITE_FAILED', file, () => fs.renameSync(temp, file));
  } catch (error) {
    fs.rmSync(temp, { force: true });
    throw error;
  }
  syncDirectory(path.dirname(file));
}

/** Runs a system call; its error becomes a WalError of `code`, or DISK_FULL. */
function attempt<T>(code: WalErrorCode, file: string, call: () => T): T {
  try {
    return call();
  } catch (cause) {
    throw asWalError(code, 'the system refused', cause, file);
  }
}
