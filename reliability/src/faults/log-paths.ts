import { join } from 'node:path';

const SEGMENTS = 9;
const FORMS = ['.wal', '.wal.tmp', '.wal.lz4', '.wal.lz4.tmp'];
const SMALL_FILES = [
  'wal_meta.dat',
  'wal_meta.dat.tmp',
  'wal_tail.ring',
  'wal_tail.ring.tmp',
  'wal_tail.place',
];

/** Descriptors by which a recorder may hold its directory: Node has fewer open before, and a recorder opens it first. */
const FIRST_FD = 16;
const LAST_FD = 32;

/**
 * Every path by which a recorder may name a file of a small log, for strace knows them by their text: the first segments
 * in all their forms and the small files, in the directory and by way of a descriptor of it.
 */
export function logPaths(dir: string): string[] {
  const segments = Array.from({ length: SEGMENTS }, (_, index) => `FS.${String(index).padStart(8, '0')}`);
  const names = [...segments.flatMap((name) => FORMS.map((form) => name + form)), ...SMALL_FILES];
  const paths = [dir, ...names.map((name) => join(dir, name))];
  for (let fd = FIRST_FD; fd <= LAST_FD; fd++) {
    const base = `/proc/self/fd/${fd}`;
    paths.push(base, `${base}/.`, ...names.map((name) => `${base}/${name}`));
  }
  return paths;
}
