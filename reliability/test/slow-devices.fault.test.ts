/* F4 and T2: calls that take long, threads and processes that stand still. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { runScenario, type ScenarioOptions, type ScenarioResult, type Step } from '../src/faults/scenario.js';
import { SEGMENT_EVENTS, SMALL } from '../src/faults/scenarios.js';
import { inLanes } from '../src/harness/lanes.js';
import { needs } from '../src/harness/needs.js';
import { count, FULL, patience } from '../src/harness/scale.js';
import { type Random, seeded } from '../src/harness/seeded.js';
import { checkScan } from '../src/harness/verify-log.js';

const TIMEOUT_MS = patience(240_000);
const LONGEST_MS = FULL ? 8_000 : 150;
const skipped = needs('root', 'linux', 'strace');

async function inFolder(work: (dir: string) => Promise<void>): Promise<void> {
  const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'fswal-fault-')));
  try {
    await work(join(folder, 'log'));
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** No error but BACKPRESSURE, D never ahead of what wal_meta.dat says, and all there in the end. */
async function expectPatience(run: ScenarioResult, dir: string): Promise<void> {
  const hint = run.outcomes
    .map(({ step, code, durable, stored }) => `${step} ${code} ${durable} ${stored}`)
    .join(', ');
  expect(run.hung, hint).toBe(false);
  expect([run.exitCode, run.signal, run.stderr], hint).toEqual([0, null, '']);
  for (const { step, code, durable, stored = 0 } of run.outcomes) {
    expect(step === 'appendUntilRefused' ? ['OK', 'BACKPRESSURE'] : ['OK'], hint).toContain(code);
    // W was read before D: it may have moved in between by what the step did not wait for.
    if (step === 'sync' || step === 'synced' || step === 'close')
      expect(stored, hint).toBeGreaterThanOrEqual(durable);
  }
  expect(run.durable, hint).toBe(run.returned);
  const check = checkScan(dir, { atLeast: run.returned, atMost: run.returned });
  expect(check.faults, hint).toEqual([]);
}

const STEPS: readonly Step[] = [
  ['open'],
  ['append', 100],
  ['sync'],
  ['append', 50],
  ['syncLater'],
  ['appendUntilRefused', SEGMENT_EVENTS],
  ['synced'],
  ['appendPatiently', 500],
  ['sync'],
  ['close'],
];

/** The call of each thread that takes longest on a slow device. */
const STALLS = [
  ['coordinator', 'fdatasync'],
  ['coordinator', 'fsync'],
  ['coordinator', 'rename'],
  ['maintainer', 'fdatasync'],
  ['preparer', 'fallocate'],
  ['preparer', 'fsync'],
  ['writer', 'pwrite64'],
] as const;

function stalled(dir: string, random: Random): ScenarioOptions {
  const [thread, call] = random.pick(STALLS);
  const delayMs = random.between(1, LONGEST_MS);
  // A writer has some thirty calls to make, each of them late.
  const delayUs = Math.ceil((delayMs / (thread === 'writer' ? 8 : 1)) * 1000);
  const injection = { call, action: `delay_enter=${delayUs}`, when: '1+' as const };
  const options = { ...SMALL, backpressureTimeoutMs: 5 };
  return { dir, options, steps: STEPS, readMeta: true, trace: { [thread]: [injection] } };
}

test.skipIf(skipped)(
  'while any thread waits for the device appends are taken or refused by BACKPRESSURE, and nothing is durable too early',
  { timeout: TIMEOUT_MS },
  () =>
    seeded(async (random) => {
      await inLanes(count({ gate: 20, full: 500 }), () =>
        inFolder(async (dir) => expectPatience(await runScenario(stalled(dir, random)), dir)),
      );
    }),
);

test.skipIf(skipped)(
  'a writer that stands still lets appends through until the ring is full, then BACKPRESSURE says so',
  { timeout: TIMEOUT_MS },
  () =>
    inFolder(async (dir) => {
      const delay = { call: 'pwrite64', action: 'delay_enter=300000', when: '2+' as const };
      const steps: Step[] = [
        ['open'],
        ['append', 100],
        ['sync'],
        ['appendUntilRefused', 5_000],
        ['appendPatiently', 50],
        ['sync'],
        ['close'],
      ];
      const options = { ...SMALL, backpressureTimeoutMs: 5 };
      const run = await runScenario({ dir, options, steps, readMeta: true, trace: { writer: [delay] } });
      await expectPatience(run, dir);
      const refused = run.outcomes.find(({ step }) => step === 'appendUntilRefused');
      expect(refused?.code).toBe('BACKPRESSURE');
      expect(refused?.returned).toBeGreaterThan(6 * 256);
    }),
);

test.skipIf(needs('linux'))(
  'a process that is stopped and goes on, again and again, has nothing durable too early and catches up',
  { timeout: TIMEOUT_MS },
  () =>
    seeded(async (random) => {
      await inLanes(count({ gate: 10, full: 200 }), () =>
        inFolder(async (dir) => {
          let over = false;
          const run = runScenario({
            dir,
            options: SMALL,
            steps: STEPS.map((step) =>
              step[0] === 'appendUntilRefused' ? ['appendPatiently', SEGMENT_EVENTS] : step,
            ),
            readMeta: true,
            meanwhile: async (child) => {
              while (!over && child.exitCode === null && child.signalCode === null) {
                await sleep(random.between(5, 60));
                child.kill('SIGSTOP');
                await sleep(random.between(1, LONGEST_MS));
                child.kill('SIGCONT');
              }
            },
          });
          const result = await run;
          over = true;
          await expectPatience(result, dir);
        }),
      );
    }),
);
