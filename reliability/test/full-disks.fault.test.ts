/* D1 and D3: a disk that is really full, on tmpfs and on ext4. */
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LoopMount, type Mount, mountTmpfs, withMounts } from '../src/faults/mounts.js';
import { missing } from '../src/faults/requirements.js';
import { type Outcome, runScenario, type ScenarioResult, type Step } from '../src/faults/scenario.js';
import { SEGMENT_EVENTS, SMALL } from '../src/faults/scenarios.js';
import { count, patience } from '../src/harness/scale.js';
import { type Random, seeded } from '../src/harness/seeded.js';
import { checkReplay, checkScan, type Expected, type LogCheck } from '../src/harness/verify-log.js';

const MEGABYTE = 1 << 20;
const TIMEOUT_MS = patience(240_000);
const OPTIONS = { ...SMALL, backpressureTimeoutMs: 60 };

const PLACES = [
  ['tmpfs', () => mountTmpfs(8 * MEGABYTE)],
  ['ext4', () => LoopMount.create({ bytes: 24 * MEGABYTE })],
] as const;

const reason = missing('root', 'tmpfs', 'loop');

/** Leaves so many bytes free, for file data at least. */
function leaveFree(dir: string, bytes: number): string {
  const ballast = join(dir, 'ballast');
  const { bavail, bsize } = fs.statfsSync(dir);
  fs.writeFileSync(ballast, new Uint8Array(Math.max(0, bavail * bsize - bytes)));
  return ballast;
}

/** All that was appended is there. The child has opened the log once more by itself; recovery sees some of the logs. */
async function checkAll(dir: string, { returned }: ScenarioResult): Promise<LogCheck> {
  const expected: Expected = { atLeast: returned, atMost: returned };
  return returned % 4 === 0 ? checkReplay(dir, expected) : checkScan(dir, expected);
}

function codes({ outcomes }: ScenarioResult): string {
  return outcomes.map(({ step, code }) => `${step} ${code}`).join(', ');
}

function outcomeOf({ outcomes }: ScenarioResult, step: string): Outcome | undefined {
  return outcomes.find((outcome) => outcome.step === step);
}

async function fillWhileRotating(mount: Mount, random: Random): Promise<void> {
  const dir = join(mount.dir, 'log');
  // From a disk that has no room for the ring to one that has for a few segments.
  const ballast = leaveFree(mount.dir, random.between(30_000, 1_500_000));
  const steps: Step[] = [
    ['open'],
    ['append', 100],
    ['appendUntilFull', 60_000],
    ['readAll'],
    ['remove', ballast],
    ['openIfClosed'],
    ['appendPatiently', 3_000],
    ['sync'],
    ['close'],
    ['reopen'],
  ];
  const run = await runScenario({ dir, options: OPTIONS, steps });
  const hint = `${codes(run)} ${run.stderr}`;
  expect(run.hung, hint).toBe(false);
  // SIGBUS above all.
  expect([run.exitCode, run.signal], hint).toEqual([0, null]);
  const opened = outcomeOf(run, 'open')?.code;
  expect(['OK', 'DISK_FULL'], hint).toContain(opened);
  if (opened === 'OK') {
    expect(outcomeOf(run, 'appendUntilFull')?.code, hint).toBe('DISK_FULL');
    const read = outcomeOf(run, 'readAll');
    expect(read?.code, hint).toBe('OK');
    expect(read?.read, hint).toBe(read?.returned);
  }
  for (const step of ['openIfClosed', 'appendPatiently', 'sync', 'close', 'reopen']) {
    expect(outcomeOf(run, step)?.code, `${step}: ${hint} ${outcomeOf(run, step)?.message}`).toBe('OK');
  }
  expect(outcomeOf(run, 'close')?.files, hint).toBe(0);
  const check = await checkAll(dir, run);
  expect(check.faults, hint).toEqual([]);
}

async function fillInsideSegment(mount: Mount, random: Random): Promise<Step[]> {
  const inside = random.between(1, SEGMENT_EVENTS - 500);
  const fill = join(mount.dir, 'ballast');
  return [
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
    ['reopen'],
  ];
}

test.skipIf(reason).each(PLACES)(
  'a full disk on %s refuses appends by DISK_FULL, loses nothing, and the same recorder goes on when there is room',
  { timeout: TIMEOUT_MS },
  (_, make) =>
    seeded(async (random) => {
      for (let trial = count({ gate: 10, full: 1_000 }); trial > 0; trial--) {
        await withMounts<Mount>([make], async ([mount]) => fillWhileRotating(mount, random));
      }
    }),
);

test.skipIf(reason).each(PLACES)(
  'inside a segment that is allocated appends and syncs go on while %s has not a byte left, and nothing is lost',
  { timeout: TIMEOUT_MS },
  (_, make) =>
    seeded(async (random) => {
      for (let trial = count({ gate: 10, full: 500 }); trial > 0; trial--) {
        await withMounts<Mount>([make], async ([mount]) => {
          const dir = join(mount.dir, 'log');
          const run = await runScenario({
            dir,
            options: OPTIONS,
            steps: await fillInsideSegment(mount, random),
          });
          const hint = codes(run);
          expect([run.exitCode, run.signal], hint).toEqual([0, null]);
          const bad = run.outcomes.filter(({ code }) => code !== 'OK');
          expect(bad, hint).toEqual([]);
          const check = await checkAll(dir, run);
          expect(check.faults, hint).toEqual([]);
        });
      }
    }),
);
