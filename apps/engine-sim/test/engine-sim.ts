import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Below the runner's own limit, so that what hangs is ended and not left behind. */
const TIMEOUT_MS = 55_000;

const BIN = fileURLToPath(new URL('../bin/engine-sim.js', import.meta.url));

export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Sends it a SIGINT as soon as its stderr contains this. */
  readonly interruptWhen?: string;
  /** Nobody reads what it says. */
  readonly unread?: boolean;
  /** For Node itself. */
  readonly nodeOptions?: readonly string[];
  /** Where it makes its temporary directories. */
  readonly tmpDir?: string;
}

/** Runs the built `engine-sim`. */
export async function engineSim(
  args: readonly (string | number)[],
  { interruptWhen, unread = false, nodeOptions = [], tmpDir }: RunOptions = {},
): Promise<Run> {
  const child = spawn(process.execPath, [...nodeOptions, BIN, ...args.map(String)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: tmpDir === undefined ? process.env : { ...process.env, TMPDIR: tmpDir },
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  let interrupted = false;
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    if (interrupted || interruptWhen === undefined || !stderr.includes(interruptWhen)) return;
    interrupted = true;
    child.kill('SIGINT');
  });
  if (unread) for (const stream of [child.stdout, child.stderr]) stream.destroy();
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout, stderr };
}

/** The one JSON object that a run with `--json` printed, alone in one line. */
export function jsonOf({ stdout, stderr }: Run): Record<string, unknown> {
  if (!/^[^\n]+\n$/.test(stdout)) throw new Error(`not one line: ${stdout}\nstderr: ${stderr}`);
  return JSON.parse(stdout) as Record<string, unknown>;
}
