import { randomUUID } from 'node:crypto';
import { accessSync, constants, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { DashboardServer } from '../dashboard/dashboard-server.js';
import { messageOf } from '../flow/flow-file.js';
import { RunMonitor, type RunMonitorOptions } from '../measure/run-monitor.js';
import { runReport } from '../report/run-report.js';
import type { RunRecord } from '../run/run-record.js';
import { interruptible } from './interrupts.js';
import { parsePort } from './options.js';
import { ExitStatus, type Output } from './output.js';

const LOCAL = '127.0.0.1';

/** What the options that many commands share say about who is to see the run. */
export interface Observation {
  /** Where to write the report of the run. */
  readonly report?: string | undefined;
  /** Where to write its data, for `report`. */
  readonly saveRun?: string | undefined;
  readonly dashboard?: boolean | undefined;
  /** 0 = any that is free. */
  readonly port?: number | undefined;
  readonly host?: string | undefined;
}

type Scalars = RunRecord['options'];

/** The options of the live page, for a command that has one. */
export function offerPage(command: Command): void {
  command
    .option('--port <port>', 'of the live page; 0 = any that is free', parsePort, 0)
    .option(
      '--host <host>',
      'where the live page is to be had: beyond this machine, for everybody there',
      LOCAL,
    );
}

/** The options of the files that a run can leave. */
export function offerFiles(command: Command): void {
  command
    .option('--report <file>', 'write a report of the run, one HTML file')
    .option('--save-run <file>', 'write the data of the run, for the command report');
}

/** A file of the temporary directory whose name nobody can know before. */
export function temporaryReport(): string {
  return join(tmpdir(), `fswal-report-${randomUUID()}.html`);
}

/**
 * The command `run`, watched as far as its options ask for it.
 * @param defaults for where they do not
 */
export function observed<Options extends object>(
  command: string,
  run: (options: Options, output: Output, monitor?: RunMonitor) => Promise<ExitStatus>,
  defaults: Observation = {},
): (options: Options & Observation, output: Output) => Promise<ExitStatus> {
  return ({ report, saveRun, dashboard, port, host, ...options }, output) => {
    const asked = { report: report ?? defaults.report, saveRun, dashboard, port, host };
    // Without what belongs to the watching, all that is left is the command's own.
    const own = options as unknown as Options;
    return observe({ command, options: asTyped(options) }, asked, output, (monitor) =>
      run(own, output, monitor),
    );
  };
}

/** On unless it is switched off: when it is on, nothing was typed. */
const ON_BY_DEFAULT = ['kills'];

/** The options as they are typed, `max-segments` for `maxSegments`; what was parsed into parts, as JSON. */
function asTyped(options: object): Scalars {
  const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const typed = Object.entries(options).filter(
    ([name, value]) => value !== true || !ON_BY_DEFAULT.includes(name),
  );
  return Object.fromEntries(
    typed.map(([name, value]) => [
      kebab(name),
      typeof value === 'object' ? JSON.stringify(value) : (value as Scalars[string]),
    ]),
  );
}

/**
 * Does `work`, watched as far as somebody wants to see it: with a live page while it goes on, and with files of what it
 * was once it has a result, or an error has ended it. At a terminal the page stays after that, until Ctrl-C.
 */
async function observe(
  what: RunMonitorOptions,
  { report, saveRun, dashboard = false, port = 0, host = LOCAL }: Observation,
  output: Output,
  work: (monitor: RunMonitor | undefined) => Promise<ExitStatus>,
): Promise<ExitStatus> {
  if (report === undefined && saveRun === undefined && !dashboard) return work(undefined);
  refuseUnwritable([report, saveRun]);
  const monitor = new RunMonitor(what);
  let server: DashboardServer | undefined;
  try {
    if (dashboard) {
      server = await DashboardServer.open({ monitor, port, host });
      output.also('dashboard', server.url);
      output.say(`dashboard: ${server.url}`);
    }
    if (report !== undefined) output.also('report', report);
    if (saveRun !== undefined) output.also('run', saveRun);
    output.onResult((rows, verdict) => monitor.end(rows, verdict));
    const status = await work(monitor).catch((error: unknown) => {
      // What was seen of it before may tell why.
      if (!monitor.isOver && monitor.totals.appended > 0) {
        monitor.end([], { sound: false, text: `Ended by an error: ${messageOf(error)}` });
        leaveFiles(monitor, report, saveRun);
      }
      throw error;
    });
    leaveFiles(monitor, report, saveRun);
    if (server !== undefined && status !== ExitStatus.Interrupted && process.stdout.isTTY) {
      await untilInterrupted(server, output);
    }
    return status;
  } finally {
    monitor.stop();
    await server?.close();
  }
}

/** Of a run that has come to its end. */
function leaveFiles(monitor: RunMonitor, report: string | undefined, saveRun: string | undefined): void {
  if (!monitor.isOver) return;
  const run = monitor.record();
  if (report !== undefined) writeFileSync(report, runReport([run]));
  if (saveRun !== undefined) writeFileSync(saveRun, `${JSON.stringify(run)}\n`);
}

/**
 * Of what can be known before a run of hours, not after it.
 * @param files undefined where there is none to write
 * @throws Error where one of them cannot be written, or the next one would be written over it
 */
function refuseUnwritable(files: readonly (string | undefined)[]): void {
  const paths = files.filter((file) => file !== undefined).map((file) => resolve(file));
  for (const [i, path] of paths.entries()) {
    if (paths.indexOf(path) !== i)
      throw new Error(`${path} cannot be both the report and the data of the run`);
    const there = statSync(path, { throwIfNoEntry: false });
    if (there?.isDirectory() === true) throw new Error(`${path} is a directory`);
    accessSync(there === undefined ? `${dirname(path)}/` : path, constants.W_OK);
  }
}

async function untilInterrupted(server: DashboardServer, output: Output): Promise<void> {
  output.say(`the dashboard stays at ${server.url} until you press Ctrl-C`);
  await interruptible(
    (signal) => new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
  );
}
