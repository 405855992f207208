import fs from 'node:fs';
import path from 'node:path';
import { type EventView, WalError } from '@fswal/format';
import { asWalError } from '@fswal/mmap';
import type { CheckedOptions } from './options.js';

/** What the place of a log can promise. */
export interface LogPlace {
  /** Name of the file system, or its magic number in hexadecimal where it is none of those known. */
  readonly fileSystem: string;
  /**
   * - `device`: what is synced survives the loss of power, as far as the device tells the truth.
   * - `memory`: there is no device: everything is gone with the power.
   * - `network`: locks and fdatasync mean what the server makes of them.
   * - `unknown`: none of the file systems whose guarantees are known here.
   */
  readonly kind: 'device' | 'memory' | 'network' | 'unknown';
  /** What a user must know of it, if anything. */
  readonly warning: string | undefined;
}

/** FUSE: what is behind it, sshfs, an object store or a disk, nobody says. */
const FUSE = 0x65735546;

/** Magic numbers as of statfs(2). */
const FILE_SYSTEMS: ReadonlyMap<number, readonly [string, LogPlace['kind']]> = new Map([
  [0xef53, ['ext4', 'device']],
  [0x58465342, ['xfs', 'device']],
  [0x9123683e, ['btrfs', 'device']],
  [0x2fc12fc1, ['zfs', 'device']],
  [0xf2f52010, ['f2fs', 'device']],
  [0xca451a4e, ['bcachefs', 'device']],
  [0x01021994, ['tmpfs', 'memory']],
  [0x858458f6, ['ramfs', 'memory']],
  [0x6969, ['nfs', 'network']],
  [0x517b, ['smb', 'network']],
  [0xff534d42, ['cifs', 'network']],
  [0xfe534d42, ['smb2', 'network']],
  [0x01021997, ['9p', 'network']],
  [0x00c36400, ['ceph', 'network']],
  [0x5346414f, ['afs', 'network']],
  [0x0bd00bd0, ['lustre', 'network']],
  [0x47504653, ['gpfs', 'network']],
  [0x73757245, ['coda', 'network']],
  [FUSE, ['fuse', 'unknown']],
]);

/** What file system a directory is on, or is going to be. On other systems than Linux it is `unknown`, without a warning. */
export function logPlace(dir: string): LogPlace {
  if (process.platform !== 'linux')
    return { fileSystem: process.platform, kind: 'unknown', warning: undefined };
  const magic = magicOf(nearestExisting(dir));
  const [fileSystem, kind] = FILE_SYSTEMS.get(magic) ?? [`0x${magic.toString(16)}`, 'unknown' as const];
  return { fileSystem, kind, warning: warningFor(dir, fileSystem, kind) };
}

function magicOf(dir: string): number {
  try {
    return fs.statfsSync(dir).type >>> 0;
  } catch (cause) {
    throw asWalError('OPEN_FAILED', 'cannot tell what file system it is on', cause, dir);
  }
}

function nearestExisting(dir: string): string {
  let there = path.resolve(dir);
  while (!fs.existsSync(there) && there !== path.dirname(there)) there = path.dirname(there);
  return there;
}

function warningFor(dir: string, fileSystem: string, kind: LogPlace['kind']): string | undefined {
  if (kind === 'memory') {
    return `${dir} is on ${fileSystem}, which has no device: a durable event survives the process, not the loss of power`;
  }
  if (kind === 'network') {
    return `${dir} is on ${fileSystem}, a network file system: the lock and durable events are as good as the server makes them`;
  }
  if (fileSystem === 'fuse') {
    return `${dir} is on FUSE: the lock and durable events are as good as the program behind it makes them`;
  }
  return undefined;
}

/** @throws WalError OPEN_FAILED where the place is refused */
export function checkPlace({ dir, volatilePlace }: CheckedOptions<EventView>): LogPlace {
  const place = logPlace(dir);
  if (place.warning === undefined || volatilePlace === 'allow') return place;
  if (volatilePlace === 'refuse') throw new WalError('OPEN_FAILED', place.warning, { file: dir });
  process.emitWarning(place.warning, { type: 'FswalWarning', code: 'FSWAL_VOLATILE_PLACE' });
  return place;
}
