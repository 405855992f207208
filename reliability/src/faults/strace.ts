/* strace on one thread of a child: lists its calls on the files of a log, or harms the N-th of them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Every call that changes what a power cut or a kill would leave. */
export const CHANGING_CALLS = [
  'write',
  'pwrite64',
  'pwritev',
  'rename',
  'renameat',
  'renameat2',
  'link',
  'linkat',
  'unlink',
  'unlinkat',
  'mkdir',
  'fallocate',
  'ftruncate',
  'fsync',
  'fdatasync',
  'msync',
  'fchmod',
] as const;

/** The calls that a trace lists: those above, and what opens, maps, reads and closes. */
export const TRACED_CALLS = [
  ...CHANGING_CALLS,
  'open',
  'openat',
  'close',
  'read',
  'pread64',
  'mmap',
  'flock',
  'lstat',
  'statx',
  'getdents64',
] as const;

/** One call in the trace of a thread. */
export interface TracedCall {
  /** Its name, such as `fdatasync`. */
  readonly name: string;
  /** It is the n-th call of that name in its thread, from 1. */
  readonly when: number;
  /** What strace printed, descriptors with their paths. */
  readonly text: string;
}

/** What strace does to the call: its `-e inject` action, such as `signal=SIGKILL`, `error=EIO`, `delay_enter=1000`. */
export interface Injection {
  readonly call: string;
  readonly action: string;
  /** Which call of that name, or `N+` for all from the N-th on. */
  readonly when: number | `${number}+`;
}

/** strace on a thread. It lets go when the thread ends or `stop` is called. */
export class Strace {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #log: string;
  #stderr = '';

  private constructor(process: ChildProcess, log: string) {
    this.#process = process;
    this.#log = log;
    this.#ended = once(process, 'close');
    process.stderr?.on('data', (text) => {
      this.#stderr += text;
    });
  }

  /**
   * Begins to trace a thread. Only calls on `paths` are seen, counted and harmed.
   *
   * @param paths real paths of files, whether they exist yet or not
   * @param log file for the trace
   */
  static attach(
    thread: number,
    paths: readonly string[],
    log: string,
    injections: readonly Injection[] = [],
  ): Strace {
    const args = ['-qq', '-y', '-s', '0', '-o', log, '-p', String(thread)];
    for (const path of paths) args.push('-P', path);
    args.push('-e', `trace=?${TRACED_CALLS.join(',?')}`);
    for (const { call, action, when } of injections) args.push('-e', `inject=${call}:${action}:when=${when}`);
    return new Strace(spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] }), log);
  }

  /** Lets go of the thread, if it still runs, and waits until the trace is whole. @throws Error if strace failed */
  async stop(): Promise<readonly TracedCall[]> {
    const patience = AbortSignal.timeout(STOP_TIMEOUT_MS);
    while (this.#process.exitCode === null && this.#process.signalCode === null && !patience.aborted) {
      if (this.#process.pid !== undefined) this.#process.kill('SIGINT');
      await Promise.race([this.#ended, sleep(50)]);
    }
    // A tracer that hangs holds the thread: killing it frees it.
    if (patience.aborted) this.#process.kill('SIGKILL');
    await this.#ended;
    if (!fs.existsSync(this.#log)) throw new Error(`strace did not start: ${this.#stderr}`);
    return parseTrace(fs.readFileSync(this.#log, 'latin1'));
  }
}

const STOP_TIMEOUT_MS = 5_000;

/** The calls of a trace without thread ids, numbered within their name. */
export function parseTrace(text: string): TracedCall[] {
  const counts = new Map<string, number>();
  const calls: TracedCall[] = [];
  for (const line of text.split('\n')) {
    const name = /^([a-z_0-9]+)\(/.exec(line)?.[1];
    if (name === undefined) continue;
    const when = (counts.get(name) ?? 0) + 1;
    counts.set(name, when);
    calls.push({ name, when, text: line });
  }
  return calls;
}

/** Whether the trace shows that the injection struck, or that the thread was killed. */
export function wasStruck(calls: readonly TracedCall[]): boolean {
  return calls.some(({ text }) => text.includes('(INJECTED)') || text.includes('(DELAYED)'));
}
