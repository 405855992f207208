/* One run of children/scenario.js: a recording process, traced and harmed or not, and what came of it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { logPaths } from './log-paths.js';
import { type Injection, Strace, type TracedCall } from './strace.js';

const CHILD = fileURLToPath(new URL('./children/scenario.js', import.meta.url));

/** These scenarios take about a second, on a busy machine several: what takes this long is a hang. */
const HANG_MS = 40_000;
/** Of the calls that a trace ends with, when somebody asks what a thread did last. */
const LAST_BYTES = 4096;
const PUBLISHED_BYTES = 16;

export type Step = readonly [name: string, ...args: (string | number)[]];

/** How a step of the child went. */
export interface Outcome {
  readonly step: string;
  /** 'OK', or the error's code. */
  readonly code: string;
  /** Whether the error was a WalError. */
  readonly typed?: boolean;
  readonly message?: string;
  /** Last event id whose append had returned. */
  readonly returned: number;
  /** Last durable event id that was told. */
  readonly durable: number;
  /** The event id in wal_meta.dat after the step, with `readMeta`. */
  readonly stored?: number;
  /** Last event of `readAll`, all before it being there and right. */
  readonly read?: number;
  /** After close() and after reopening: descriptors that are files of the log. */
  readonly files?: number;
  /** After close() and after reopening: all descriptors. */
  readonly fds?: number;
}

/** Resolves when the child waits for that file, by its step `until`; with false where it ended before. */
export type WaitsFor = (file: string) => Promise<boolean>;

/** What can be told of a child that runs or stands still. */
export interface Progress {
  /** Last event whose append had returned, and the last durable one that was told. */
  reached(): { returned: number; durable: number };
  /** The call that each traced thread made last, as strace prints it. */
  lastCalls(): Readonly<Record<string, string>>;
}

export interface ScenarioOptions {
  /** The log's directory; a real path. */
  readonly dir: string;
  readonly options: Readonly<Record<string, string | number | boolean>>;
  readonly steps: readonly Step[];
  /** Threads to trace, 'main' or the role of a worker, and what to do to their calls. */
  readonly trace?: Readonly<Record<string, readonly Injection[]>>;
  readonly readMeta?: boolean;
  /** Is told the child's process, to harm it from outside. */
  readonly meanwhile?: (child: ChildProcess, waitsFor: WaitsFor, progress: Progress) => Promise<void>;
  /** What takes longer is a hang. Default 40 s. */
  readonly hangMs?: number;
  /** Programs and arguments in front of Node, such as prlimit. */
  readonly prefix?: readonly string[];
}

export interface ScenarioResult {
  readonly outcomes: readonly Outcome[];
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  /** Last event id whose append had returned, and the last durable one that was told, as they survive the process. */
  readonly returned: number;
  readonly durable: number;
  /** The calls of each traced thread. */
  readonly calls: Readonly<Record<string, readonly TracedCall[]>>;
  /** It did not end by itself. */
  readonly hung: boolean;
}

/** Runs a child by its steps. @throws Error if a traced thread never showed up, or strace failed */
export async function runScenario(scenario: ScenarioOptions): Promise<ScenarioResult> {
  const control = fs.mkdtempSync(join(tmpdir(), 'fswal-fault-'));
  try {
    return await runIn(control, scenario);
  } finally {
    fs.rmSync(control, { recursive: true, force: true });
  }
}

async function runIn(control: string, scenario: ScenarioOptions): Promise<ScenarioResult> {
  const { dir, options, steps, trace = {}, readMeta = false, prefix = [], hangMs = HANG_MS } = scenario;
  const published = join(control, 'published');
  fs.writeFileSync(published, new Uint8Array(PUBLISHED_BYTES));
  const traced = Object.keys(trace);
  const config = JSON.stringify({ dir, published, control, options, steps, traced, readMeta });
  const [program, ...args] = [...prefix, process.execPath, CHILD, config];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'close');
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (text) => {
    stdout += text;
  });
  child.stderr?.on('data', (text) => {
    stderr += text;
  });
  const waitsFor: WaitsFor = async (file) => {
    const line = JSON.stringify({ waiting: file });
    while (!stdout.includes(line)) {
      if (hasEnded(child)) return false;
      await sleep(2);
    }
    return true;
  };
  let hung = false;
  const hang = setTimeout(() => {
    hung = true;
    child.kill('SIGKILL');
  }, hangMs);
  const tracers = new Map<string, Strace>();
  const calls: Record<string, readonly TracedCall[]> = {};
  try {
    const progress: Progress = {
      reached: () => readPublished(published),
      lastCalls: () => Object.fromEntries(traced.map((role) => [role, lastLine(traceFile(control, role))])),
    };
    const meanwhile = scenario.meanwhile?.(child, waitsFor, progress);
    await Promise.all([attachAll(child, control, scenario, tracers), meanwhile]);
    await ended;
  } finally {
    clearTimeout(hang);
    child.kill('SIGKILL');
    for (const [role, tracer] of tracers) calls[role] = await tracer.stop();
  }
  return {
    outcomes: parseOutcomes(stdout),
    exitCode: child.exitCode,
    signal: child.signalCode,
    stderr,
    ...readPublished(published),
    calls,
    hung,
  };
}

function readPublished(file: string): { returned: number; durable: number } {
  const numbers = new BigUint64Array(new Uint8Array(fs.readFileSync(file)).buffer);
  return { returned: Number(numbers[0]), durable: Number(numbers[1]) };
}

function traceFile(control: string, role: string): string {
  return join(control, `${role}.trace`);
}

/** '' where nothing is traced yet. */
function lastLine(file: string): string {
  if (!fs.existsSync(file)) return '';
  const lines = fs.readFileSync(file, 'latin1').slice(-LAST_BYTES).split('\n');
  return lines.findLast((line) => /^[a-z_0-9]+\(/.test(line)) ?? '';
}

export function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

async function attachAll(
  child: ChildProcess,
  control: string,
  { dir, trace = {} }: ScenarioOptions,
  tracers: Map<string, Strace>,
): Promise<void> {
  const paths = logPaths(dir);
  const attach = async (role: string): Promise<void> => {
    const file = join(control, `${role}.tid`);
    // A thread that is not started since another one failed before: nothing to trace.
    while (!fs.existsSync(file)) {
      if (hasEnded(child)) return;
      await sleep(2);
    }
    const thread = Number(fs.readFileSync(file, 'latin1'));
    tracers.set(role, Strace.attach(thread, paths, traceFile(control, role), trace[role]));
  };
  await Promise.all(Object.keys(trace).map(attach));
}

/** What the steps of each log have come to, where a child goes from one to the next by its step `in`. */
export function outcomesByLog(outcomes: readonly Outcome[]): Outcome[][] {
  const logs: Outcome[][] = [];
  for (const outcome of outcomes) {
    if (outcome.step === 'in') logs.push([]);
    else logs.at(-1)?.push(outcome);
  }
  return logs;
}

/** The last line of a killed process may be cut. */
function parseOutcomes(stdout: string): Outcome[] {
  const whole = stdout.slice(0, stdout.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Outcome)
    .filter(({ step }) => step !== undefined);
}
