/* D1 and D3: a disk that is really full, on tmpfs and on ext4. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LoopMount, type Mount, mountTmpfs, withMounts } from '../src/faults/mounts.js';
import { type Outcome, outcomesByLog, runScenario, type Step } from '../src/faults/scenario.js';
import { SEGMENT_EVENTS, SMALL } from '../src/faults/scenarios.js';
import { needs } from '../src/harness/needs.js';
import { count, patience } from '../src/harness/scale.js';
import { type Random, seeded } from '../src/harness/seeded.js';
import { checkLog, checkScan } from '../src/harness/verify-log.js';

const MEGABYTE = 1 << 20;
const TIMEOUT_MS = patience(240_000);
/** Of a trial, at the very most. */
const TRIAL_MS = 40_000;
const TRIALS_PER_DISK = 10;
/** How long an append waits: where there is to be no room for a long time, and where there is. */
const [NO_ROOM_MS, ROOM_MS] = [60, 30_000];

const PLACES = [
  ['tmpfs', () => mountTmpfs(20 * MEGABYTE)],
  ['ext4', () => LoopMount.create({ bytes: 32 * MEGABYTE })],
] as const;

const skipped = needs('root', 'mount', 'loop devices and mkfs.ext4');

/** What one child makes of one log after the other, all on the same disk. */
interface Trial {
  readonly dir: string;
  readonly steps: readonly Step[];
}

/** Recovery and a recorder see each so many-th of the logs that the scan sees all of. */
const SAMPLE = 5;

/** Runs the trials in one child. @returns how each went; the scan finds all that was appended in each log */
async function runTrials(trials: readonly Trial[], backpressureTimeoutMs: number): Promise<Outcome[][]> {
  const options = { ...SMALL, backpressureTimeoutMs, volatilePlace: 'allow' };
  const steps = trials.flatMap(({ dir, steps }): Step[] => [['in', dir], ...steps]);
  const first = (trials[0] as Trial).dir;
  const run = await runScenario({ dir: first, options, steps, hangMs: TRIAL_MS * trials.length });
  expect(run.hung, run.stderr).toBe(false);
  // SIGBUS above all.
  expect([run.exitCode, run.signal, run.stderr]).toEqual([0, null, '']);
  const outcomes = outcomesByLog(run.outcomes);
  expect(outcomes.length).toBe(trials.length);
  for (const [i, { dir }] of trials.entries()) {
    const all = outcomes[i]?.at(-1)?.returned ?? 0;
    const check = i % SAMPLE === 0 ? checkLog : checkScan;
    const { faults } = await check(dir, { atLeast: all, atMost: all });
    expect(faults, codes(outcomes[i] as Outcome[])).toEqual([]);
  }
  return outcomes;
}

function codes(outcomes: readonly Outcome[]): string {
  return outcomes.map(({ step, code, message }) => `${step} ${code} ${message ?? ''}`).join(', ');
}

function fillWhileRotating(mount: Mount, trial: number, random: Random): Trial {
  const ballast = join(mount.dir, 'ballast');
  const steps: Step[] = [
    // From a disk that has no room for the ring to one that has for a few segments.
    ['leave', ballast, random.between(30_000, 1_500_000)],
    ['open'],
    ['append', 100],
    ['appendUntilFull', 60_000],
    ['readAll'],
    ['remove', ballast],
    ['openIfClosed'],
    ['appendPatiently', 3_000],
    ['sync'],
    ['close'],
  ];
  return { dir: join(mount.dir, `log-${trial}`), steps };
}

function expectFull(outcomes: readonly Outcome[]): void {
  const hint = codes(outcomes);
  const of = (step: string): Outcome | undefined => outcomes.find((outcome) => outcome.step === step);
  const opened = of('open')?.code;
  expect(['OK', 'DISK_FULL'], hint).toContain(opened);
  if (opened === 'OK') {
    expect(of('appendUntilFull')?.code, hint).toBe('DISK_FULL');
    expect(of('readAll')?.code, hint).toBe('OK');
    expect(of('readAll')?.read, hint).toBe(of('readAll')?.returned);
  }
  for (const step of ['leave', 'remove', 'openIfClosed', 'appendPatiently', 'sync', 'close']) {
    expect(of(step)?.code, `${step}: ${hint}`).toBe('OK');
  }
  expect(of('close')?.files, hint).toBe(0);
}

function fillInsideSegment(mount: Mount, trial: number, random: Random): Trial {
  const inside = random.between(1, SEGMENT_EVENTS - 500);
  const fill = join(mount.dir, 'ballast');
  const steps: Step[] = [
    ['open'],
    ['append', inside],
    ['sync'],
    ['fill', fill],
    // To the segment's end, but for the last event: the next segments are there anyway.
    ['append', SEGMENT_EVENTS - inside],
    ['sync'],
    ['remove', fill],
    ['appendPatiently', 100],
    ['close'],
  ];
  return { dir: join(mount.dir, `log-${trial}`), steps };
}

/** So many trials on a disk of its own, in one process, again and again. */
function onDisks(
  trials: number,
  make: () => Mount | Promise<Mount>,
  backpressureTimeoutMs: number,
  trialOn: (mount: Mount, trial: number) => Trial,
  judge: (outcomes: readonly Outcome[]) => void,
): Promise<void> {
  return inTurns(trials, TRIALS_PER_DISK, (count) =>
    withMounts<Mount>([make], async ([mount]) => {
      const all = Array.from({ length: count }, (_, trial) => trialOn(mount as Mount, trial));
      for (const outcomes of await runTrials(all, backpressureTimeoutMs)) judge(outcomes);
    }),
  );
}

async function inTurns(total: number, most: number, run: (count: number) => Promise<void>): Promise<void> {
  for (let left = total; left > 0; left -= most) await run(Math.min(left, most));
}

test.skipIf(skipped).each(PLACES)(
  'a full disk on %s refuses appends by DISK_FULL, loses nothing, and the same recorder goes on when there is room',
  { timeout: TIMEOUT_MS },
  (_, make) =>
    seeded((random) =>
      onDisks(
        count({ gate: 10, full: 1_000 }),
        make,
        NO_ROOM_MS,
        (mount, trial) => fillWhileRotating(mount, trial, random),
        expectFull,
      ),
    ),
);

test.skipIf(skipped).each(PLACES)(
  'inside a segment that is allocated appends and syncs go on while %s has not a byte left, and nothing is lost',
  { timeout: TIMEOUT_MS },
  (_, make) =>
    seeded((random) =>
      onDisks(
        count({ gate: 10, full: 500 }),
        make,
        ROOM_MS,
        (mount, trial) => fillInsideSegment(mount, trial, random),
        (outcomes) => expect(outcomes.filter(({ code }) => code !== 'OK')).toEqual([]),
      ),
    ),
);
