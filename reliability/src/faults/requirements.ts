/* What these suites need of the machine. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type Requirement = 'root' | 'strace' | 'tmpfs' | 'loop' | 'prlimit';

/** Each says why it is missing, or nothing. */
const CHECKS: Readonly<Record<Requirement, () => string | undefined>> = {
  root: () => (process.getuid?.() === 0 ? undefined : 'root is needed'),
  strace: () => (runs('strace', '-qq', '-o', '/dev/null', 'true') ? undefined : 'strace is needed'),
  prlimit: () => (runs('prlimit', '--version') ? undefined : 'prlimit is needed'),
  tmpfs: () => (mountsTmpfs() ? undefined : 'mounting a tmpfs is needed'),
  loop: () =>
    fs.existsSync('/dev/loop-control') && runs('mkfs.ext4', '-V') && mountsTmpfs()
      ? undefined
      : 'loop devices and mkfs.ext4 are needed',
};

const known = new Map<Requirement, string | undefined>();

/**
 * Why a suite cannot run here; undefined = it can. The reason is printed once a file, for a skipped suite must not look
 * like one that passed.
 */
export function missing(...requirements: readonly Requirement[]): string | undefined {
  const reasons = requirements.map((requirement) => {
    if (!known.has(requirement)) {
      const reason =
        process.platform === 'linux' && fs.existsSync('/proc') ? CHECKS[requirement]() : 'Linux is needed';
      known.set(requirement, reason);
    }
    return known.get(requirement);
  });
  const reason = reasons.find((text) => text !== undefined);
  if (reason !== undefined) process.stderr.write(`skipped: ${reason}\n`);
  return reason;
}

function runs(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A tmpfs, mounted and taken off again. */
function mountsTmpfs(): boolean {
  const dir = fs.mkdtempSync(join(tmpdir(), 'fswal-fault-'));
  try {
    return runs('mount', '-t', 'tmpfs', '-o', 'size=1m', 'fswal-fault', dir) && runs('umount', dir);
  } finally {
    fs.rmdirSync(dir);
  }
}
