/* What a suite needs of the machine beyond Node. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export type Need =
  | 'linux'
  | 'root'
  | 'mount'
  | 'loop devices and mkfs.ext4'
  | 'chattr'
  | 'setpriv'
  | 'a working tree that other users may read'
  | 'prlimit'
  | 'strace'
  | 'memory cgroup';

export const MEMORY_CGROUP = '/sys/fs/cgroup/memory';

/** Each is tried out, since root in a container may do less than root. */
const CHECKS: Readonly<Record<Need, () => boolean>> = {
  linux: () => process.platform === 'linux' && fs.existsSync('/proc/self/fd'),
  root: () => process.getuid?.() === 0,
  mount: () => inDirectory((dir) => runs('mount', '--bind', dir, dir) && runs('umount', dir)),
  'loop devices and mkfs.ext4': () => fs.existsSync('/dev/loop-control') && runs('mkfs.ext4', '-V'),
  chattr: () => inDirectory((dir) => runs('chattr', '+i', dir) && runs('chattr', '-i', dir)),
  setpriv: () => asNobody('true'),
  'a working tree that other users may read': () => asNobody('test', '-r', fileURLToPath(import.meta.url)),
  prlimit: () => runs('prlimit', '--version'),
  strace: () => runs('strace', '-qq', '-o', '/dev/null', 'true'),
  'memory cgroup': () => {
    const group = join(MEMORY_CGROUP, `fswal-probe-${process.pid}`);
    try {
      fs.mkdirSync(group);
      fs.rmdirSync(group);
      return true;
    } catch {
      return false;
    }
  },
};

const printed = new Set<string>();

/**
 * For `test.skipIf`: whether something is missing here. The reason is printed, once, since a skipped suite must not look
 * like one that passed.
 */
export function needs(...wanted: readonly Need[]): boolean {
  const missing = wanted.find((need) => !has(need));
  if (missing === undefined) return false;
  if (!printed.has(missing))
    process.stderr.write(`skipped: this needs ${missing}, which is not to be had here\n`);
  printed.add(missing);
  return true;
}

const known = new Map<Need, boolean>();

function has(need: Need): boolean {
  const before = known.get(need);
  if (before !== undefined) return before;
  const result = CHECKS[need]();
  known.set(need, result);
  return result;
}

function runs(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function asNobody(...command: string[]): boolean {
  return runs('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', ...command);
}

function inDirectory(check: (dir: string) => boolean): boolean {
  const dir = fs.mkdtempSync(join(tmpdir(), 'fswal-probe-'));
  try {
    return check(dir);
  } finally {
    fs.rmdirSync(dir);
  }
}
