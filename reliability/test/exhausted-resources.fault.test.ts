/* D5: what runs out besides space. Each is taken away while a recorder runs or opens, and given back. */
import type { ChildProcess } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { addressSpace, setLimit, softLimit } from '../src/faults/limits.js';
import { mountTmpfs, withMounts } from '../src/faults/mounts.js';
import { missing } from '../src/faults/requirements.js';
import {
  runScenario,
  type ScenarioOptions,
  type ScenarioResult,
  type Step,
  type WaitsFor,
} from '../src/faults/scenario.js';
import { SEGMENT_EVENTS, SMALL } from '../src/faults/scenarios.js';
import { count, patience } from '../src/harness/scale.js';
import { checkScan } from '../src/harness/verify-log.js';

const TIMEOUT_MS = patience(240_000);
const TIMES = count({ gate: 5, full: 200 });
const OPTIONS = { ...SMALL, backpressureTimeoutMs: 60 };

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'fswal-fault-')));
  try {
    await work(folder);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** A step at which the child waits until the parent has acted. */
function pauseFor(
  folder: string,
  name: string,
): { step: Step; meanwhile(waits: WaitsFor, act: () => void): Promise<void> } {
  const go = join(folder, name);
  return {
    step: ['until', go],
    async meanwhile(waitsFor, act) {
      if (!(await waitsFor(go))) return;
      try {
        act();
      } finally {
        fs.writeFileSync(go, '');
      }
    },
  };
}

/** What must hold, whatever ran out: typed errors, no signal, no descriptor left, everything there, opens again. */
async function expectRecovery(run: ScenarioResult, dir: string, codes: readonly string[]): Promise<void> {
  const hint = `${run.outcomes.map(({ step, code, message }) => `${step} ${code} ${message ?? ''}`).join('\n')} ${run.stderr}`;
  expect(run.hung, hint).toBe(false);
  expect([run.exitCode, run.signal], hint).toEqual([0, null]);
  const failed = run.outcomes.filter(({ code }) => code !== 'OK');
  expect(failed.length, `nothing ran out\n${hint}`).toBeGreaterThan(0);
  for (const { code, typed, step } of failed) {
    expect(typed, `${step}: ${hint}`).toBe(true);
    expect(codes, `${step}: ${hint}`).toContain(code);
  }
  const reopened = run.outcomes.filter(({ step }) => step === 'reopen');
  expect(
    reopened.map(({ code }) => code),
    hint,
  ).toEqual(['OK', 'OK']);
  expect(reopened[0]?.files, hint).toBe(0);
  // No descriptor more from one life to the next.
  expect(reopened[1]?.fds, hint).toBe(reopened[0]?.fds);
  const check = checkScan(dir, { atLeast: run.returned, atMost: run.returned });
  expect(check.faults, hint).toEqual([]);
}

test.skipIf(missing('root', 'tmpfs'))(
  'a file system without a free inode is a full disk',
  { timeout: TIMEOUT_MS },
  async () => {
    for (let trial = 0; trial < TIMES; trial++) {
      // The file system's root is one, the log's directory another.
      const inodes = 3 + (trial % 5);
      await withMounts([() => mountTmpfs(64 << 20, inodes)], async ([mount]) => {
        await inFolder(async (folder) => {
          const dir = join(mount.dir, 'log');
          const more = pauseFor(folder, 'more');
          const steps: Step[] = [
            ['open'],
            ['append', 100],
            ['sync'],
            ['appendUntilFull', 4 * SEGMENT_EVENTS],
            more.step,
            ['openIfClosed'],
            ['appendPatiently', 1000],
            ['sync'],
            ['close'],
            ['reopen'],
            ['reopen'],
          ];
          const meanwhile = (_: ChildProcess, waitsFor: WaitsFor) =>
            more.meanwhile(waitsFor, () => {
              execFileSync('mount', ['-o', 'remount,nr_inodes=1000', mount.dir]);
            });
          const run = await runScenario({ dir, options: OPTIONS, steps, meanwhile });
          // Where open() failed there is nothing to append to.
          const opened = run.outcomes[0]?.code === 'OK';
          const outcomes = opened ? run.outcomes : run.outcomes.filter(({ code }) => code !== 'TypeError');
          await expectRecovery({ ...run, outcomes }, dir, ['DISK_FULL']);
          const late = run.outcomes.filter(({ step }) =>
            ['openIfClosed', 'appendPatiently', 'close'].includes(step),
          );
          expect(late.map(({ code }) => code)).toEqual(['OK', 'OK', 'OK']);
        });
      });
    }
  },
);

interface Shortage {
  readonly name: string;
  readonly steps: (pause: Step, pauseAgain: Step) => Step[];
  readonly take: (pid: number, trial: number) => void;
  readonly give: (pid: number) => void;
  readonly codes: readonly string[];
  readonly options?: ScenarioOptions['options'];
}

const whileRecording = (pause: Step, pauseAgain: Step): Step[] => [
  ['open'],
  ['append', 100],
  ['sync'],
  pause,
  ['appendUntilRefused', 6 * SEGMENT_EVENTS],
  ['sync'],
  ['close'],
  pauseAgain,
  ['reopen'],
  ['reopen'],
];

const whileOpening = (pause: Step, pauseAgain: Step): Step[] => [
  pause,
  ['open', '{"tailBlocks":16384}'],
  pauseAgain,
  ['openIfClosed'],
  ['append', 100],
  ['sync'],
  ['close'],
  ['reopen'],
  ['reopen'],
];

const limits = new Map<number, number | 'unlimited'>();

const SHORTAGES: readonly Shortage[] = [
  {
    name: 'descriptors',
    steps: whileRecording,
    take(pid, trial) {
      limits.set(pid, softLimit(pid, 'nofile'));
      // The lowest free number must be below the limit: with so few none is to be had.
      setLimit(pid, 'nofile', 4 + trial * 2);
    },
    give: (pid) => setLimit(pid, 'nofile', limits.get(pid) ?? 1024),
    codes: ['OPEN_FAILED', 'FSYNC_FAILED', 'WRITE_FAILED'],
  },
  {
    name: 'file size',
    steps: whileRecording,
    take: (pid, trial) => setLimit(pid, 'fsize', [100_000, 65, 4096, 200_000, 16_512][trial % 5] as number),
    give: (pid) => setLimit(pid, 'fsize', 'unlimited'),
    codes: ['OPEN_FAILED', 'FSYNC_FAILED', 'WRITE_FAILED', 'WRITE_HEADER_FAILED', 'DISK_FULL'],
    options: { ignoreFileSizeSignal: true },
  },
  {
    name: 'address space',
    steps: whileOpening,
    // Enough for Node, which ends hard without, and too little for the ring.
    take: (pid, trial) => setLimit(pid, 'as', addressSpace(pid) + (120 + trial * 10) * (1 << 20)),
    give: (pid) => setLimit(pid, 'as', 'unlimited'),
    codes: ['OPEN_FAILED', 'DISK_FULL', 'WRITE_FAILED'],
  },
];

test.skipIf(missing('root', 'prlimit')).each(SHORTAGES)(
  'without $name left the error is typed, nothing is lost or leaked, and the log opens again',
  { timeout: TIMEOUT_MS },
  async ({ steps, take, give, codes, options }) => {
    for (let trial = 0; trial < TIMES; trial++) {
      await inFolder(async (folder) => {
        const dir = join(folder, 'log');
        const [first, second] = [pauseFor(folder, 'take'), pauseFor(folder, 'give')];
        const meanwhile = async (child: ChildProcess, waitsFor: WaitsFor): Promise<void> => {
          const pid = child.pid as number;
          await first.meanwhile(waitsFor, () => take(pid, trial));
          await second.meanwhile(waitsFor, () => give(pid));
        };
        const all = steps(first.step, second.step);
        const run = await runScenario({ dir, options: { ...OPTIONS, ...options }, steps: all, meanwhile });
        await expectRecovery(run, dir, codes);
      });
    }
  },
);
