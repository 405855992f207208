import { readFileSync } from 'node:fs';
import type { OpenDirectory } from './directory.js';

/**
 * Whether anybody has a flock on the directory, as /proc/locks tells. False where there is no /proc; a holder in a
 * container that this process cannot see into is not listed.
 */
export function flockHeld(directory: OpenDirectory): boolean {
  const devices = [statDevice(directory.stats.dev)];
  const mounted = mountDevice(directory.fd);
  if (mounted !== undefined) devices.push(mounted);
  return hasFlock(read('/proc/locks'), devices, directory.stats.ino);
}

/**
 * Whether a text in the format of /proc/locks lists a flock on an inode. Lines read
 * `1: FLOCK  ADVISORY  WRITE 5231 fe:00:2162691 0 EOF`, devices in hexadecimal; those waiting have an arrow first.
 *
 * @param devices `major:minor` in decimal; any of them
 */
export function hasFlock(locks: string, devices: readonly string[], inode: bigint): boolean {
  for (const [, major, minor, ino] of locks.matchAll(/^\d+: FLOCK .* ([\da-f]+):([\da-f]+):(\d+) /gm)) {
    const device = `${Number.parseInt(major!, 16)}:${Number.parseInt(minor!, 16)}`;
    if (BigInt(ino!) === inode && devices.includes(device)) return true;
  }
  return false;
}

/** `major:minor` of a `stats.dev` of Linux. */
export function statDevice(dev: bigint): string {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n);
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

/** `major:minor` of the mount that a descriptor is on. btrfs reports another one by stat, a subvolume's own. */
function mountDevice(fd: number): string | undefined {
  const id = /^mnt_id:\s*(\d+)$/m.exec(read(`/proc/self/fdinfo/${fd}`))?.[1];
  if (id === undefined) return undefined;
  return new RegExp(`^${id} \\d+ (\\d+:\\d+) `, 'm').exec(read('/proc/self/mountinfo'))?.[1];
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
