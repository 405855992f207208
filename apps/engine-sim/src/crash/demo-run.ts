import { join } from 'node:path';
import { openFlow, specOfSeed } from '../flow/flow-spec.js';
import { Reference } from '../log/reference.js';
import { Replay } from '../log/replay.js';
import { replayLog } from '../log/replay-log.js';
import { LogReader } from '../measure/log-reader.js';
import { measureAppend } from '../measure/measure-append.js';
import { killMidway } from './kill-midway.js';

/** Enough that the log has many segments; a few seconds. */
const EVENTS = 3_000_000;

/** What the demo found, and what `demo --json` prints. */
export interface DemoResult {
  /** What the recording process that was killed was to record. */
  readonly events: number;
  /** Id of the last event whose append had returned when the process was killed: `events` if that came too late. */
  readonly killedAt: number;
  readonly recovered: number;
  /** Of the events up to `killedAt`, those that recovery did not deliver. */
  readonly lost: number;
  /** Every recovered event is the flow's, and the recovered engine is what a fresh one becomes. */
  readonly stateHashMatches: boolean;
  readonly appendNsMedian: number;
  readonly appendEventsPerSec: number;
  readonly replayEventsPerSec: number;
}

export interface DemoOptions {
  /** An empty directory for everything that the demo writes. */
  readonly dir: string;
  readonly seed: number;
  readonly say: (line: string) => void;
  /** Aborts the demo: it then rejects, and the recording process is gone. */
  readonly signal: AbortSignal;
}

/** Records, kills, recovers, proves, measures. @throws WalError or Error where that cannot be done */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const { dir, seed, say, signal } = options;
  const logDir = join(dir, 'log');
  const { events, killedAt } = await killMidway({ dir, logDir, seed, events: EVENTS, signal, say });

  say('recovering what it left, and making the same requests again from the seed ...');
  const flow = specOfSeed(seed);
  const replay = new Replay({ flow: openFlow(flow), countUpTo: killedAt });
  const proof = await replayLog(logDir, replay);
  signal.throwIfAborted();
  const hash = replay.venue.stateHash();
  const expected = new Reference(flow).stateHashAt(replay.events);
  const lost = killedAt - replay.eventsUpTo;
  const stateHashMatches = proof.damage === undefined && replay.difference === undefined && hash === expected;
  const problem = proof.damage?.message ?? replay.difference?.reason;
  if (problem !== undefined) say(`  ${problem}`);
  say(`  ${count(replay.events)} events, ${count(lost)} lost; engine state ${hash}, expected ${expected}`);
  signal.throwIfAborted();

  say('timing a replay of the log, every byte verified ...');
  const reader = new LogReader();
  const { seconds } = await replayLog(logDir, reader);
  signal.throwIfAborted();

  say('timing append in this process ...');
  const append = await measureAppend(join(dir, 'append'), signal);
  signal.throwIfAborted();
  return {
    events,
    killedAt,
    recovered: replay.events,
    lost,
    stateHashMatches,
    appendNsMedian: round(append.nsMedian, 2),
    appendEventsPerSec: Math.round(append.eventsPerSec),
    replayEventsPerSec: Math.round(reader.events / seconds),
  };
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
