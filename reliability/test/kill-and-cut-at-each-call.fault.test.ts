/* P2, L6 and M3: at each system call of a recording process it is killed, and then the power is cut. */
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  changesFiles,
  describeCall,
  type PlannedCall,
  planCalls,
  strikeAt,
  syncsFiles,
} from '../src/faults/call-plan.js';
import { inParallel } from '../src/faults/in-parallel.js';
import { LoopMount, withMounts } from '../src/faults/mounts.js';
import type { CutFlag } from '../src/faults/power-cut.js';
import { missing } from '../src/faults/requirements.js';
import type { ScenarioOptions } from '../src/faults/scenario.js';
import { MANY_LIVES_EVENTS, manyLives, WHOLE_LIFE_EVENTS, wholeLife } from '../src/faults/scenarios.js';
import { count, FULL, patience } from '../src/harness/scale.js';
import { storedEventId } from '../src/harness/stored-position.js';
import { checkLog, checkScan, type Expected } from '../src/harness/verify-log.js';

const LANES = 2;
const IMAGE_BYTES = 48 << 20;
const TIMEOUT_MS = patience(300_000);
/** Recovery and a recorder see each so many-th of the states that the scan sees all of. */
const SAMPLE = FULL ? 1 : 8;
const reason = missing('root', 'strace', 'loop');

interface Trial {
  readonly call: PlannedCall;
  readonly flag: CutFlag;
}

/**
 * Between two calls that change nothing the disk is the same, so the gate strikes at those that do. With flag 2 the
 * device has what the last sync brought there: the gate cuts so before each sync, and before the others with flag 1,
 * where the journal survives.
 */
function trialsOf(calls: readonly PlannedCall[]): Trial[] {
  if (FULL) return calls.flatMap((call) => [1, 2].map((flag) => ({ call, flag: flag as CutFlag })));
  return calls.filter(changesFiles).map((call) => ({ call, flag: syncsFiles(call) ? 2 : 1 }));
}

/** All the events that the scenario appends, and whether the oldest are still there. */
interface Scope {
  readonly atMost: number;
  readonly retained: boolean;
}

/** What a trial shows to be wrong, one line each. */
async function runTrial(
  loop: LoopMount,
  { call, flag }: Trial,
  scenario: (dir: string) => ScenarioOptions,
  scope: Scope,
  isSample: boolean,
): Promise<{ struck: boolean; faults: string[] }> {
  const dir = join(loop.dir, 'log');
  const copy = `${loop.dir}.copy`;
  const faults: string[] = [];
  try {
    const run = await strikeAt(scenario(dir), call, 'signal=SIGKILL');
    if (run.hung) faults.push('hangs');
    if (run.signal !== null && run.signal !== 'SIGKILL') faults.push(`ended by ${run.signal}`);
    if (run.durable > run.returned) faults.push(`D ${run.durable} > R ${run.returned}`);
    // One more may be there: it was stored, and its append had not returned.
    const atMost = Math.min(run.returned + 1, scope.atMost);
    const from = scope.retained ? undefined : 1;
    const check = (where: string, expected: Expected) =>
      isSample ? checkLog(where, expected) : checkScan(where, expected);
    // A sync changes nothing that a killed process leaves.
    if (FULL || !syncsFiles(call)) {
      if (fs.existsSync(dir)) fs.cpSync(dir, copy, { recursive: true });
      else fs.mkdirSync(copy, { mode: 0o700 });
      const killed = await check(copy, { atLeast: run.returned, atMost, from });
      faults.push(...killed.faults.map((text) => `after the kill: ${text}`));
    }
    await loop.cutPower(flag);
    if (!fs.existsSync(dir)) fs.mkdirSync(dir, { mode: 0o700 });
    const stored = storedEventId(dir);
    if (stored < run.durable) faults.push(`after the cut: W ${stored} < D ${run.durable}`);
    const cut = await check(dir, { atLeast: run.durable, atMost, from });
    faults.push(...cut.faults.map((text) => `after the cut: ${text}`));
    return {
      struck: run.struck,
      faults: faults.map((text) => `${describeCall(call)}, flag ${flag}: ${text}`),
    };
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
    fs.rmSync(copy, { recursive: true, force: true });
  }
}

async function runTrials(
  loops: readonly LoopMount[],
  trials: readonly Trial[],
  scenario: (dir: string) => ScenarioOptions,
  scope: Scope,
): Promise<void> {
  const faults: string[] = [];
  const unreached: PlannedCall[] = [];
  await inParallel(trials, LANES, async (trial, index, lane) => {
    const result = await runTrial(loops[lane], trial, scenario, scope, index % SAMPLE === 0);
    faults.push(...result.faults);
    if (!result.struck) unreached.push(trial.call);
  });
  expect(faults).toEqual([]);
  // Threads meet differently in each run, so that some calls are made once less, the writer's above all, which writes
  // as many blocks at once as it finds. Without most of the rest the suite would show nothing.
  const others = trials.filter(({ call }) => call.thread !== 'writer');
  const unreachedOthers = unreached.filter(({ thread }) => thread !== 'writer');
  expect(unreachedOthers.length, unreachedOthers.map(describeCall).join('\n')).toBeLessThanOrEqual(
    others.length / 3,
  );
}

function onLoops(work: (loops: readonly LoopMount[]) => Promise<void>): Promise<void> {
  return withMounts(
    Array.from({ length: LANES }, () => () => LoopMount.create({ bytes: IMAGE_BYTES })),
    work,
  );
}

test.skipIf(reason)(
  'killed at any call nothing appended is lost, and with the power cut there nothing durable',
  { timeout: TIMEOUT_MS },
  () =>
    onLoops(async (loops) => {
      const dir = join(loops[0].dir, 'log');
      const calls = await planCalls(wholeLife(dir));
      fs.rmSync(dir, { recursive: true });
      const trials = trialsOf(calls);
      expect(trials.length).toBeGreaterThan(60);
      await runTrials(loops, trials, wholeLife, { atMost: WHOLE_LIFE_EVENTS, retained: false });
    }),
);

test.skipIf(reason)(
  'with the power cut between the rename of wal_meta.dat and the sync of its directory, D is not ahead of W',
  { timeout: TIMEOUT_MS },
  () =>
    onLoops(async (loops) => {
      const dir = join(loops[0].dir, 'log');
      const calls = await planCalls(wholeLife(dir), ['coordinator']);
      fs.rmSync(dir, { recursive: true });
      const steps = calls.filter(({ name }, i) => name === 'fsync' && calls.slice(0, i).some(isRenameOfMeta));
      expect(steps.length).toBeGreaterThan(1);
      const trials = Array.from({ length: count({ gate: 8, full: 50_000 }) }, (_, i): Trial => {
        return { call: steps[i % steps.length] as PlannedCall, flag: i % 2 === 0 ? 1 : 2 };
      });
      await runTrials(loops, trials, wholeLife, { atMost: WHOLE_LIFE_EVENTS, retained: false });
    }),
);

function isRenameOfMeta({ name, text }: PlannedCall): boolean {
  return name.startsWith('rename') && text.includes('wal_meta.dat');
}

test.skipIf(reason).each([
  ['retention and recycling', { maxSegments: 2 }],
  ['compression and retention', { maxSegments: 2, maxCompressedSegments: 2 }],
] as const)('killed and cut at any step of %s the log is whole', { timeout: TIMEOUT_MS }, (_, options) =>
  onLoops(async (loops) => {
    const scenario = (dir: string) => manyLives(dir, options);
    const dir = join(loops[0].dir, 'log');
    const calls = await planCalls(scenario(dir));
    fs.rmSync(dir, { recursive: true });
    const steps = FULL ? calls : calls.filter(isMaintenance);
    expect(steps.length, 'calls that compress, retire or recycle').toBeGreaterThan(0);
    await runTrials(loops, trialsOf(steps), scenario, { atMost: MANY_LIVES_EVENTS, retained: true });
  }),
);

/** Calls on compressed files, and those that take a segment's name away or give its file another one. */
function isMaintenance({ name, text, thread }: PlannedCall): boolean {
  const indexes = [...text.matchAll(/FS\.(\d+)\.wal/g)].map((match) => match[1]);
  const renamed = name.startsWith('rename') && (/\.wal", /.test(text) || indexes[0] !== indexes[1]);
  return text.includes('.lz4') || renamed || (thread !== 'main' && name.startsWith('unlink'));
}
