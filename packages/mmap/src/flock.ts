import { closeFile } from '@fswal/format/files';
import { directoryLocked, openDirectory } from './directory.js';
import { asWalError, systemError } from './errors.js';
import type { Libc } from './libc.js';
import { LOCK_EXCLUSIVE_AT_ONCE, LOCK_RELEASE } from './mapping-flags.js';
import type { DirectoryLock } from './provider.js';
import { socketListeners } from './socket-lock.js';

/**
 * The directory lock as a flock on the directory itself: there is no lock file. flock goes by open file and inode,
 * so a second open conflicts in the same process too, and by whatever alias.
 */
export function flockDirectory(dir: string, libc: Pick<Libc, 'flock' | 'errno'>): DirectoryLock {
  const { fd, stats } = openDirectory(dir);
  let held = false;
  const release = (): void => {
    if (!held) return;
    held = false;
    // Unlocked before it is closed: a child between fork and exec shares the open file for a moment.
    libc.flock(fd, LOCK_RELEASE);
    closeFile(fd, dir);
  };
  while (libc.flock(fd, LOCK_EXCLUSIVE_AT_ONCE) !== 0) {
    const error = systemError('flock', libc.errno());
    if (error.code === 'EINTR') continue;
    closeFile(fd, dir);
    if (error.code === 'EAGAIN') throw directoryLocked(dir, error);
    throw asWalError('OPEN_FAILED', 'the directory cannot be locked', error, dir);
  }
  held = true;
  // Looked for with the lock in hand: of a holder of each kind, at least the later one sees the other.
  if (socketListeners(stats) > 0) {
    release();
    throw directoryLocked(dir);
  }
  return { release };
}
