/* D2 and F1: system calls of a recorder refused, one at a time. */
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  describeCall,
  firstAndLastOfEach,
  oneOfEach,
  type PlannedCall,
  planCalls,
  strikeAt,
} from '../src/faults/call-plan.js';
import { type Mount, mountTmpfs, withMounts } from '../src/faults/mounts.js';
import type { Outcome, ScenarioResult } from '../src/faults/scenario.js';
import { stubbornLife } from '../src/faults/scenarios.js';
import { inLanes } from '../src/harness/lanes.js';
import { needs } from '../src/harness/needs.js';
import { FULL, patience } from '../src/harness/scale.js';
import { checkReplay, checkScan } from '../src/harness/verify-log.js';

const TMPFS_BYTES = 64 << 20;
const TIMEOUT_MS = patience(300_000);
/** Recovery sees each so many-th of the logs that the scan sees all of. */
const SAMPLE = FULL ? 1 : 8;
const skipped = needs('root', 'linux', 'strace', 'mount');

const TAKES_SPACE = [
  'openat',
  'fallocate',
  'write',
  'pwrite64',
  'pwritev',
  'rename',
  'renameat2',
  'link',
  'mkdir',
];
const MAKES_DURABLE = ['fdatasync', 'fsync', 'msync', 'rename', 'renameat2', 'close'];

interface Trial {
  readonly call: PlannedCall;
  readonly errno: string;
  readonly forever: boolean;
}

/** What every run must keep, whatever is refused. */
function alwaysHolds(run: ScenarioResult, call: PlannedCall): string[] {
  const faults: string[] = [];
  if (run.hung) faults.push('hangs');
  if (run.signal !== null || run.exitCode !== 0)
    faults.push(`ends by ${run.signal ?? run.exitCode}: ${run.stderr}`);
  for (const { step, code, typed, message } of run.outcomes) {
    if (code !== 'OK' && typed !== true) faults.push(`${step} fails with the untyped ${code}: ${message}`);
  }
  // A close() that strace refuses does not happen, so its descriptor stays by no fault of the recorder.
  const files = run.outcomes.find(({ step }) => step === 'close')?.files ?? 0;
  if (files > 0 && call.name !== 'close') faults.push(`${files} files of the log are open after close()`);
  return faults;
}

async function runTrials(
  { dir: place }: Mount,
  trials: readonly Trial[],
  faultsOf: (run: ScenarioResult, trial: Trial) => string[],
): Promise<void> {
  const faults: string[] = [];
  const unreached: string[] = [];
  await inLanes(trials.length, async (index) => {
    const trial = trials[index] as Trial;
    const { call, errno, forever } = trial;
    const dir = join(place, String(index));
    const scenario = { ...stubbornLife(dir), readMeta: call.thread !== 'main' };
    const run = await strikeAt(scenario, call, `error=${errno}`, forever);
    const found = alwaysHolds(run, call);
    if (run.struck) found.push(...faultsOf(run, trial));
    else unreached.push(describeCall(call));
    if (fs.existsSync(dir)) {
      const expected = { atLeast: run.returned, atMost: run.returned };
      const check = index % SAMPLE === 0 ? await checkReplay(dir, expected) : checkScan(dir, expected);
      found.push(...check.faults);
    }
    const name = `${errno}${forever ? ' forever' : ''}, ${describeCall(call)}`;
    faults.push(...found.map((text) => `${name}: ${text} [${summary(run.outcomes)}]`));
    fs.rmSync(dir, { recursive: true, force: true });
  });
  expect(faults.join('\n')).toBe('');
  expect(unreached.length, unreached.join('\n')).toBeLessThanOrEqual(trials.length / 4);
}

function summary(outcomes: readonly Outcome[]): string {
  return outcomes
    .map(({ step, code, durable, stored }) => `${step} ${code} D ${durable} W ${stored}`)
    .join(', ');
}

test.skipIf(skipped)(
  'a disk that is full at any one call is a typed error or a short wait, and nothing is lost',
  { timeout: TIMEOUT_MS },
  () =>
    withMounts([() => mountTmpfs(TMPFS_BYTES)], async ([mount]) => {
      const calls = await planCalls(stubbornLife(join(mount.dir, 'log')));
      const taking = calls.filter(
        ({ name, text }) => TAKES_SPACE.includes(name) && (name !== 'openat' || text.includes('O_CREAT')),
      );
      expect(taking.length).toBeGreaterThan(40);
      const chosen = FULL ? taking : oneOfEach(taking);
      expect(chosen.length).toBeGreaterThan(15);
      const trials = chosen.flatMap((call): Trial[] => {
        const once = { call, errno: 'ENOSPC', forever: false };
        return FULL ? [once, { ...once, forever: true }] : [once];
      });
      await runTrials(mount, trials, (run, { call, forever }) =>
        run.outcomes.flatMap(({ step, code, message }) => {
          if (code === 'OK' || code === 'DISK_FULL') return [];
          // Row F1 before row D2: whatever the reason, a refused rename poisons.
          if (code === 'FSYNC_FAILED' && call.name.startsWith('rename')) return [];
          if (forever && (code === 'NOT_OPEN' || code === 'TypeError')) return [];
          return [`${step} fails with ${code}, not DISK_FULL: ${message}`];
        }),
      );
    }),
);

/** Poisoned: from the first failure on nothing succeeds, and neither D nor W moves, until the log is opened again. */
function poisons(run: ScenarioResult, { call }: Trial): string[] {
  const { outcomes } = run;
  const opening = outcomes.find(({ step }) => step === 'open');
  const reopenings = outcomes.filter(({ step }) => step.startsWith('reopen'));
  const faults: string[] = [];
  const last = reopenings.at(-1)?.code;
  if (last !== 'OK') faults.push(`the log does not open again: ${last}`);
  if (opening !== undefined && opening.code !== 'OK') {
    const again = outcomes.find(({ step }) => step === 'openIfClosed');
    return again?.code === 'OK' ? faults : [...faults, `a second open() fails: ${again?.code}`];
  }
  const life = outcomes.filter(({ step }) => !step.startsWith('reopen'));
  const first = life.findIndex(({ code }) => code !== 'OK');
  if (first < 0) {
    // What was only read, and a directory after its sync, can lose nothing by a close() that fails.
    const harmless =
      call.name === 'close' && (call.thread === 'main' || /close\(\d+<[^>]*log\d*>/.test(call.text));
    return harmless || reopenings[0]?.code !== 'OK' ? faults : [...faults, 'the error went unnoticed'];
  }
  const { durable, stored } = life[first];
  for (const outcome of life.slice(first + 1)) {
    if (outcome.code === 'OK') faults.push(`${outcome.step} succeeds after the failure`);
    if (outcome.durable !== durable)
      faults.push(`D moves from ${durable} to ${outcome.durable} after the failure`);
    if (outcome.stored !== stored)
      faults.push(`W moves from ${stored} to ${outcome.stored} after the failure`);
  }
  const told = life[first].code;
  if (call.thread === 'coordinator' && call.name !== 'close' && told !== 'FSYNC_FAILED') {
    faults.push(`${told} instead of FSYNC_FAILED`);
  }
  return faults;
}

test.skipIf(skipped)(
  'the first refused sync, rename or close poisons: D and W never move again, and reopening finds everything',
  { timeout: TIMEOUT_MS },
  () =>
    withMounts([() => mountTmpfs(TMPFS_BYTES)], async ([mount]) => {
      const calls = await planCalls(stubbornLife(join(mount.dir, 'log')));
      const durable = calls.filter(({ name }) => MAKES_DURABLE.includes(name));
      const chosen = FULL ? durable : firstAndLastOfEach(durable);
      expect(chosen.length).toBeGreaterThan(12);
      const trials = chosen.flatMap((call): Trial[] => {
        const errnos = FULL ? ['EIO', 'ENOSPC', 'EDQUOT'] : ['EIO'];
        return errnos.flatMap((errno) =>
          (FULL ? [false, true] : [false]).map((forever) => ({ call, errno, forever })),
        );
      });
      await runTrials(mount, trials, poisons);
    }),
);
