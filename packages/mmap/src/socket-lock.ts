import { type BigIntStats, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { closeFile } from '@fswal/format/files';
import { directoryLocked, type OpenDirectory } from './directory.js';
import { asWalError, errnoName } from './errors.js';
import { flockHeld } from './proc-locks.js';
import type { DirectoryLock } from './provider.js';

/**
 * The directory lock without flock, on Linux: a listener on a unix socket of the abstract namespace, whose name is
 * the directory's device and inode. There is no lock file; a second listener gets EADDRINUSE; the kernel frees the
 * name when the process dies. The directory is kept open as long, so that its inode cannot become another's.
 *
 * @param directory the lock's from here on: closed by `release`, and where this throws
 */
export async function lockBySocket(dir: string, directory: OpenDirectory): Promise<DirectoryLock> {
  const server = await listen(dir, socketName(directory.stats)).catch((error) => {
    closeFile(directory.fd, dir);
    throw error;
  });
  let held = true;
  const release = (): void => {
    if (!held) return;
    held = false;
    server.close();
    closeFile(directory.fd, dir);
  };
  // Looked for with the lock in hand: of two holders that do not meet in the kernel, at least the later one sees the
  // other. Two listeners can pass each other, since versions of Node differ in how they pad an abstract name.
  if (socketListeners(directory.stats) > 1 || flockHeld(directory)) {
    release();
    throw directoryLocked(dir);
  }
  return { release };
}

/** How many sockets listen on the name of a directory, in this network namespace. 0 where there is no /proc. */
export function socketListeners(stats: BigIntStats): number {
  if (process.platform !== 'linux') return 0;
  let text: string;
  try {
    text = readFileSync('/proc/net/unix', 'latin1');
  } catch {
    return 0;
  }
  return countListeners(text, socketName(stats));
}

/** In lines such as `0000000055b17fc3: 00000002 00000000 00010000 0001 01 10453 @name@@@`, @ being NUL. */
export function countListeners(text: string, name: string): number {
  const accepts = 0x10000;
  let count = 0;
  for (const [, flags, path] of text.matchAll(/^\S+: \S+ \S+ ([\dA-F]+) \S+ \S+ +\d+ (@.*)$/gim)) {
    const listening = (Number.parseInt(flags!, 16) & accepts) !== 0;
    if (listening && path!.replace(/@+$/, '') === name.replace('\0', '@')) count++;
  }
  return count;
}

function socketName(stats: BigIntStats): string {
  return `\0fswal-${stats.dev}-${stats.ino}`;
}

function listen(dir: string, path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    // Nobody has business connecting.
    const server = createServer((socket) => socket.on('error', () => {}).destroy());
    const failed = (error: Error): void => {
      reject(
        errnoName(error) === 'EADDRINUSE'
          ? directoryLocked(dir, error)
          : asWalError('OPEN_FAILED', 'the directory cannot be locked', error, dir),
      );
    };
    server.once('error', failed);
    // exclusive: in a cluster's worker the primary would listen for all of them.
    server.listen({ path, exclusive: true }, () => {
      server.off('error', failed);
      // A connection that cannot be accepted must not end the process.
      server.on('error', () => {});
      server.unref();
      resolve(server);
    });
  });
}
