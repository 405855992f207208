import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Durability } from '@fswal/recorder';
import type { FlowSpec } from '../flow/flow-spec.js';
import type { Pace } from '../log/paced-flow.js';
import type { RunMonitor } from '../measure/run-monitor.js';
import { checkKeptLog, type KeptLog } from '../soak/kept-log.js';
import { GAUGES } from '../soak/process-gauges.js';
import { SoakRun } from '../soak/soak-run.js';
import {
  FLAT_PERCENT,
  type GaugeTrend,
  judge,
  MIN_WINDOW_SAMPLES,
  type SoakVerdict,
  WINDOW_SECONDS,
} from '../soak/soak-verdict.js';
import { type ProfileOptions, paceOf, specOf } from './flow-options.js';
import { interruptible } from './interrupts.js';
import { ExitStatus, formatCount, formatRate, type Output, type Row } from './output.js';
import { soakLives } from './soak-lives.js';
import { replayDiscrepancy } from './soak-replay.js';

export const SOAK_DURABILITIES = ['none', 'interval', 'group'] as const satisfies readonly Durability[];

export const SOAK_HELP = `
Each life of the recording process ends by SIGKILL at random. The log that it leaves is recovered, every byte verified, every
event held against the flow, and the state of the engine that takes them against that of one that never died; then the next
life goes on with it. Beside them runs a follower, killed and started again at random, too, that has to see every event once
and in order. The run ends at the first discrepancy: the log is moved to DIR.discrepancy/log as it was found, what is known
about it is in discrepancy.json beside it, and --replay with that file holds the kept log against the flow again.
At most as many events as retention leaves, and --events more, are in memory: 64 bytes each.
Exit status 0 means that there was no discrepancy, 1 that there was one.

With --no-kills one process records all the time, and each second it samples itself. Of each figure the median of the first
minute after a minute of warm-up is compared with that of the last minute: flat is what has grown by ${FLAT_PERCENT} % at most. In runs of less than 3 minutes, warm-up and both
windows are a third of the run each; with fewer than ${MIN_WINDOW_SAMPLES} samples in one (runs below about ${3 * MIN_WINDOW_SAMPLES} s) there is no verdict.
The rows engine ... are of the engine's thread, as V8 counts them; under node --expose-gc it collects its garbage before each
sample, otherwise they include garbage. All other rows are of the whole process.
Ctrl-C ends the run early and still prints the table; pressed again while the log is closed, it leaves the temporary
directory behind.
Then, exit status 0 means flat (or a run too short to tell), 1 grown, samples missing in a run that was long enough,
segments that could not be compressed or freed, or a log that is not as expected.`;

const GAUGE_HEADER: Row = ['', columns('first', 'last', 'growth')];

const BLOCKS = 256;

export interface SoakCommandOptions extends ProfileOptions {
  readonly minutes?: number;
  readonly dir?: string;
  readonly seed: number;
  readonly blocks?: number;
  readonly events?: number;
  /** False: one life, whose process is to stay as large as it is. */
  readonly kills: boolean;
  /** Path of a discrepancy.json: nothing is recorded. */
  readonly replay?: string;
  readonly durability: Durability;
  readonly maxSegments: number;
  readonly maxCompressed: number;
}

/** Records for a time, with kills or without, or looks again at what an earlier run has found. */
export function soak(options: SoakCommandOptions, output: Output, monitor?: RunMonitor): Promise<ExitStatus> {
  const { replay, minutes, kills, events } = options;
  if (replay !== undefined) return replayDiscrepancy(replay, output);
  if (minutes === undefined) throw new Error('say how long: --minutes M');
  if (kills) return soakLives({ ...options, minutes }, output, monitor);
  if (events !== undefined) throw new Error('--events is for lives that are ended by kills');
  return soakSteadily({ ...options, minutes, blocks: options.blocks ?? BLOCKS }, output, monitor);
}

type SteadyOptions = SoakCommandOptions & { readonly minutes: number; readonly blocks: number };

/** Records and matches for a time, says whether the process has grown, and verifies what retention left of the log. */
async function soakSteadily(
  options: SteadyOptions,
  output: Output,
  monitor: RunMonitor | undefined,
): Promise<ExitStatus> {
  const { dir } = options;
  const flow = specOf(options);
  const play = { flow, pace: paceOf(options, flow) };
  if (dir !== undefined) return soakIn(dir, options, play, output, monitor);
  const temporary = mkdtempSync(join(tmpdir(), 'fswal-soak-'));
  try {
    return await soakIn(temporary, options, play, output, monitor);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** What is played, and how fast. */
interface Play {
  readonly flow: FlowSpec;
  readonly pace: Pace;
}

async function soakIn(
  dir: string,
  options: SteadyOptions,
  play: Play,
  output: Output,
  monitor: RunMonitor | undefined,
): Promise<ExitStatus> {
  monitor?.watchLog(dir);
  const recorded = await interruptible((signal) => record(dir, options, play, output, signal, monitor));
  monitor?.enter('recovering', 'verifying what retention has left of the log');
  // Ctrl-C has ended the recording; another one, or one that comes only now, ends this.
  const checked = await interruptible(async (signal) => {
    const lastEventId = recorded.run.appended;
    const onProgress = (line: () => string) => output.progress(line);
    const check = { dir, flow: play.flow, lastEventId, signal, onProgress };
    return { log: lastEventId === 0 ? undefined : await checkKeptLog(check), interrupted: signal.aborted };
  });
  const verdict = judge(recorded.run.samples.list(), recorded.seconds);
  const sound = problemOf({ ...recorded, verdict, log: checked.log }) === undefined;
  report({ ...recorded, options, verdict, log: checked.log }, output);
  if (!sound) return ExitStatus.Damaged;
  return recorded.interrupted || checked.interrupted ? ExitStatus.Interrupted : ExitStatus.Sound;
}

interface Findings {
  readonly options: SteadyOptions;
  readonly run: SoakRun;
  readonly seconds: number;
  readonly verdict: SoakVerdict;
  /** What is left of the log; undefined = not verified. */
  readonly log: KeptLog | undefined;
}

function report(findings: Findings, output: Output): void {
  const { options, run, seconds, verdict, log } = findings;
  const { minutes, seed, durability } = options;
  const { forcesGc } = run.gauges;
  const events = run.appended;
  const eventsPerSec = events / seconds;
  const counts = countsOf(run);
  const samples = run.samples.list();
  const result = {
    minutes,
    seconds: Number(seconds.toFixed(2)),
    seed,
    durability,
    events,
    eventsPerSec: Math.round(eventsPerSec),
    ...counts,
    forcedGc: forcesGc,
    verdict,
    log: log ?? null,
    samples,
  };
  const { rotations, recycled, compressed, freed, failures, durableMoves, waits, refusals } = counts;
  const rows: Row[] = [
    ['append and match', formatRate(eventsPerSec)],
    ['segments', `${formatCount(rotations)} rotated, ${formatCount(recycled)} recycled`],
    ['retention', `${formatCount(compressed)} compressed, ${formatCount(freed)} freed, ${failures} failures`],
    ['moves of durable', formatCount(durableMoves)],
    ['waits for room', `${formatCount(waits)}, ${formatCount(refusals)} BACKPRESSURE`],
    ['log', describeLog(log)],
    GAUGE_HEADER,
    ...gaugeRows(verdict),
  ];
  const title = `Soaked for ${(seconds / 60).toFixed(1)} minutes: ${formatCount(events)} events, ${formatCount(samples.length)} samples`;
  const problem = problemOf(findings);
  output.result(result, title, rows, {
    sound: problem === undefined,
    text: problem ?? describeVerdict(verdict, forcesGc),
  });
}

async function record(
  dir: string,
  options: SteadyOptions,
  play: Play,
  output: Output,
  signal: AbortSignal,
  monitor: RunMonitor | undefined,
) {
  const run = await SoakRun.open({ ...options, ...play, dir, seconds: options.minutes * 60 });
  const probe = monitor?.probe(run);
  let seconds: number;
  try {
    signal.addEventListener('abort', () => run.stop());
    if (signal.aborted) run.stop();
    seconds = await run.run((soFar) => output.progress(() => describeProgress(run, soFar)));
  } finally {
    probe?.stop();
    await run.close();
  }
  return { run, seconds, interrupted: signal.aborted };
}

function describeProgress(run: SoakRun, seconds: number): string {
  const counts = [
    `${formatCount(run.appended)} events`,
    formatRate(run.appended / seconds),
    `${formatCount(run.segments)} segments`,
    `${formatCount(run.samples.count)} samples`,
    `${formatCount(run.refusals)} BACKPRESSURE`,
  ];
  return `${Math.floor(seconds)} s: ${counts.join(', ')}`;
}

function countsOf(run: SoakRun) {
  const { telemetry } = run;
  const { maintenance_compression, maintenance_deletion } = telemetry.segment_maintainer;
  return {
    rotations: telemetry.manager.segment_rotation.count,
    recycled: telemetry.segment_preparer.recycled_segments,
    compressed: maintenance_compression.count,
    freed: maintenance_deletion.count,
    failures: maintenance_compression.failures + maintenance_deletion.failures,
    durableMoves: telemetry.meta_store.durable_moves.count,
    waits: telemetry.tail_ring.backpressure_waits.count,
    refusals: run.refusals,
  };
}

function gaugeRows({ gauges }: SoakVerdict): Row[] {
  return GAUGES.map(({ name, label, unit }) => {
    const { first, last, growthPercent, trend } = gauges[name];
    const format = unit === 'bytes' ? formatMegabytes : formatCount;
    const show = (value: number | null) => (value === null ? '-' : format(value));
    return [label, `${columns(show(first), show(last), formatGrowth(growthPercent))}  ${trend}`];
  });
}

function columns(...cells: readonly string[]): string {
  return cells.map((cell) => cell.padStart(10)).join('  ');
}

function formatMegabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}

function formatGrowth(percent: GaugeTrend['growthPercent']): string {
  if (percent === null) return '-';
  return `${percent > 0 ? '+' : ''}${percent.toFixed(2)} %`;
}

function describeLog(log: KeptLog | undefined): string {
  if (log === undefined) return 'not verified';
  if (log.problem !== null) return log.problem;
  return `${formatCount(log.events)} events in ${log.segments} segments are left, and are what they should be`;
}

/** @returns what makes the run end with status 1 */
function problemOf({ run, seconds, verdict, log }: Omit<Findings, 'options'>): string | undefined {
  if (log?.sound === false) return `The log is not what was appended: ${log.problem}`;
  const { failures } = countsOf(run);
  if (failures > 0) return `${failures} segments could not be compressed or freed.`;
  if (verdict.trend === 'grown') {
    const grown = GAUGES.filter(({ name }) => verdict.gauges[name].trend === 'grown');
    return `Grown: ${grown.map(({ label }) => label).join(', ')} (${windowsOf(verdict, run.gauges.forcesGc)}).`;
  }
  if (verdict.trend === 'too short' && seconds >= 3 * WINDOW_SECONDS) {
    return `Samples are missing: ${verdict.windowSamples} in a window of ${verdict.windowSeconds} s. The process was stalled.`;
  }
  return undefined;
}

function describeVerdict(verdict: SoakVerdict, forcesGc: boolean): string {
  if (verdict.trend === 'too short')
    return `Too short to tell: ${verdict.windowSamples} samples in a window.`;
  return `Flat: nothing has grown by more than ${FLAT_PERCENT} % (${windowsOf(verdict, forcesGc)}).`;
}

function windowsOf({ windowSeconds }: SoakVerdict, forcesGc: boolean): string {
  const garbage = forcesGc ? 'without garbage' : 'garbage included: no --expose-gc';
  return `medians over ${windowSeconds} s, ${garbage}`;
}
