import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import os from 'node:os';
import { fileURLToPath } from 'node:url';

/** Below the runner's own limit, so that what hangs is ended and not left behind. */
const TIMEOUT_MS = 55_000;

export const BIN = fileURLToPath(new URL('../../bin/fswal.js', import.meta.url));

export interface Run {
  /** As a shell has it: 128 + the number of the signal that ended it. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Sends it a SIGINT as soon as it has printed this text, or so many lines, to either stream. */
  readonly interruptWhen?: string | number;
  /** Put in front of it, such as strace. */
  readonly wrapper?: readonly string[];
  readonly cwd?: string;
}

/** Starts the built `fswal`. */
export function start(
  args: readonly (string | number)[],
  { wrapper = [], cwd }: RunOptions = {},
): ChildProcess {
  const [program, ...rest] = [...wrapper, process.execPath, BIN, ...args.map(String)];
  return spawn(program, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
    cwd,
  });
}

/** Runs it to its end. */
export async function fswal(args: readonly (string | number)[], options: RunOptions = {}): Promise<Run> {
  const child = start(args, options);
  const texts = { stdout: '', stderr: '' };
  const { interruptWhen } = options;
  let interrupted = interruptWhen === undefined;
  const lines = { stdout: 0, stderr: 0 };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
      lines[name] += text.split('\n').length - 1;
      const isTime =
        typeof interruptWhen === 'number'
          ? lines[name] >= interruptWhen
          : texts[name].includes(interruptWhen as string);
      if (interrupted || !isTime) return;
      interrupted = true;
      child.kill('SIGINT');
    });
  }
  return { status: await statusOf(child), ...texts };
}

/** The exit status of a child, as a shell has it: 128 + the number of the signal that ended it. */
export async function statusOf(child: ChildProcess): Promise<number> {
  const [status, signal] = (await once(child, 'close')) as [number, null] | [null, NodeJS.Signals];
  return status ?? 128 + os.constants.signals[signal];
}

/** The one JSON object that a run with `--json` printed, alone in one line. */
export function jsonOf<T = Record<string, unknown>>({ stdout, stderr }: Run): T {
  if (!/^[^\n]+\n$/.test(stdout)) throw new Error(`not one line: ${stdout}\nstderr: ${stderr}`);
  return JSON.parse(stdout) as T;
}

/** The JSON objects that a run printed, one in a line. One that was interrupted may leave the last line unfinished. */
export function linesOf<T = Record<string, unknown>>({ stdout }: Pick<Run, 'stdout'>): T[] {
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as T);
}
