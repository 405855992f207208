/* Limits of a running process, by prlimit: lowered while it runs, lifted again. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';

/** nofile: descriptors; as: bytes of address space; fsize: bytes of a file. */
export type Limit = 'nofile' | 'as' | 'fsize';

/** Sets the soft limit alone, so that it can be lifted again. @throws Error where prlimit refuses */
export function setLimit(pid: number, limit: Limit, value: number | 'unlimited'): void {
  execFileSync('prlimit', [`--pid=${pid}`, `--${limit}=${value}:`], { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** The soft limit that holds now. */
export function softLimit(pid: number, limit: Limit): number | 'unlimited' {
  const args = [`--pid=${pid}`, `--${limit}`, '--noheadings', '--raw', '--output=SOFT'];
  const text = execFileSync('prlimit', args, { encoding: 'utf8' }).trim();
  return text === 'unlimited' ? text : Number(text);
}

/** Bytes of address space in use. */
export function addressSpace(pid: number): number {
  const pages = Number(fs.readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[0]);
  return pages * 4096;
}
