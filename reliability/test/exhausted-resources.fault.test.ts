/* D5: what runs out besides space. Each is taken away while a recorder runs or opens, and given back. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { addressSpace, setLimit, softLimit } from '../src/faults/limits.js';
import { mountTmpfs, withMounts } from '../src/faults/mounts.js';
import {
  type Outcome,
  outcomesByLog,
  runScenario,
  type ScenarioOptions,
  type Step,
} from '../src/faults/scenario.js';
import { SEGMENT_EVENTS, SMALL } from '../src/faults/scenarios.js';
import { needs } from '../src/harness/needs.js';
import { count, patience } from '../src/harness/scale.js';
import { checkScan } from '../src/harness/verify-log.js';

const TIMEOUT_MS = patience(240_000);
/** Of a trial, at the very most. */
const TRIAL_MS = 40_000;
const TIMES = count({ gate: 5, full: 200 });
const OPTIONS = { ...SMALL, backpressureTimeoutMs: 60, volatilePlace: 'allow' } as const;

interface Shortage {
  readonly name: string;
  /** What is done with each log; the process waits at the two steps until it is taken and given. */
  readonly steps: (taken: Step, given: Step) => Step[];
  /** @param dir where the logs are */
  readonly take: (pid: number, trial: number, dir: string) => void;
  readonly give: (pid: number, dir: string) => void;
  readonly codes: readonly string[];
  readonly options?: ScenarioOptions['options'];
}

/** Trials with one log after the other in `dir`, all in one process, and what each of them shows. */
async function runTrials(dir: string, { steps, take, give, codes, options }: Shortage): Promise<void> {
  const control = fs.mkdtempSync(join(tmpdir(), 'fswal-fault-'));
  const place = (trial: number, what: string): string => join(control, `${what}-${trial}`);
  const trials = Array.from({ length: TIMES }, (_, trial) => trial);
  const logOf = (trial: number): string => join(dir, `log-${trial}`);
  try {
    const run = await runScenario({
      dir: logOf(0),
      options: { ...OPTIONS, ...options },
      steps: trials.flatMap((trial): Step[] => [
        ['in', logOf(trial)],
        ...steps(['until', place(trial, 'take')], ['until', place(trial, 'give')]),
        ['reopen'],
      ]),
      hangMs: TRIAL_MS * TIMES,
      async meanwhile(child, waitsFor) {
        const act = async (go: string, action: () => void): Promise<void> => {
          if (!(await waitsFor(go))) return;
          try {
            action();
          } finally {
            fs.writeFileSync(go, '');
          }
        };
        const pid = child.pid as number;
        for (const trial of trials) {
          await act(place(trial, 'take'), () => take(pid, trial, dir));
          await act(place(trial, 'give'), () => give(pid, dir));
        }
      },
    });
    const texts = run.outcomes.map(({ step, code, message }) => `${step} ${code} ${message ?? ''}`);
    const hint = `${texts.join('\n')} ${run.stderr}`;
    expect([run.hung, run.exitCode, run.signal], hint).toEqual([false, 0, null]);
    const outcomes = outcomesByLog(run.outcomes);
    expect(outcomes.length).toBe(TIMES);
    for (const trial of trials) expectRecovery(outcomes[trial] as Outcome[], logOf(trial), codes);
    // No descriptor more from one life to the next.
    const descriptors = outcomes.map((trial) => trial.at(-1)?.fds);
    expect(descriptors).toEqual(descriptors.map(() => descriptors[0]));
  } finally {
    fs.rmSync(control, { recursive: true });
  }
}

/** What must hold, whatever ran out: typed errors, no descriptor left, everything there, goes on and opens again. */
function expectRecovery(outcomes: readonly Outcome[], dir: string, codes: readonly string[]): void {
  const hint = outcomes.map(({ step, code, message }) => `${step} ${code} ${message ?? ''}`).join('\n');
  // Where open() failed there is nothing to append to.
  const opened = outcomes.find(({ step }) => step === 'open')?.code === 'OK';
  const failed = outcomes.filter(({ code }) => code !== 'OK' && (opened || code !== 'TypeError'));
  expect(failed.length, `nothing ran out\n${hint}`).toBeGreaterThan(0);
  for (const { code, typed, step } of failed) {
    expect(typed, `${step}: ${hint}`).toBe(true);
    expect(codes, `${step}: ${hint}`).toContain(code);
  }
  const given = outcomes.findLastIndex(({ step }) => step === 'until');
  const afterwards = outcomes.slice(given + 1);
  expect(afterwards.length, hint).toBeGreaterThan(0);
  expect(
    afterwards.filter(({ code }) => code !== 'OK'),
    hint,
  ).toEqual([]);
  expect(outcomes.at(-1)?.files, hint).toBe(0);
  const all = outcomes.at(-1)?.returned ?? 0;
  const check = checkScan(dir, { atLeast: all, atMost: all });
  expect(check.faults, hint).toEqual([]);
}

const INODES: Shortage = {
  name: 'inodes',
  steps: (taken, given) => [
    taken,
    ['open'],
    ['append', 100],
    ['sync'],
    ['appendUntilFull', 4 * SEGMENT_EVENTS],
    given,
    ['openIfClosed'],
    ['appendPatiently', 1000],
    ['sync'],
    ['close'],
  ],
  take(_, trial, dir) {
    const { files, ffree } = fs.statfsSync(dir);
    // The log's directory is one.
    setInodes(dir, files - ffree + 2 + (trial % 5));
  },
  give: (_, dir) => setInodes(dir, 1000 * TIMES),
  codes: ['DISK_FULL'],
};

function setInodes(dir: string, inodes: number): void {
  execFileSync('mount', ['-o', `remount,nr_inodes=${inodes}`, dir]);
}

test.skipIf(needs('root', 'mount'))(
  'a file system without a free inode is a full disk',
  { timeout: TIMEOUT_MS },
  () =>
    withMounts([() => mountTmpfs((8 + 4 * TIMES) << 20)], async ([mount]) =>
      runTrials((mount as { dir: string }).dir, INODES),
    ),
);

const whileRecording: Shortage['steps'] = (taken, given) => [
  ['open'],
  ['append', 100],
  ['sync'],
  taken,
  ['appendUntilRefused', 6 * SEGMENT_EVENTS],
  ['sync'],
  ['close'],
  given,
];

const whileOpening: Shortage['steps'] = (taken, given) => [
  taken,
  ['open', '{"tailBlocks":16384}'],
  given,
  ['openIfClosed'],
  ['append', 100],
  ['sync'],
  ['close'],
];

const limits = new Map<number, number | 'unlimited'>();

const SHORTAGES: readonly Shortage[] = [
  {
    name: 'descriptors',
    steps: whileRecording,
    take(pid, trial) {
      limits.set(pid, softLimit(pid, 'nofile'));
      // The lowest free number must be below the limit: with so few none is to be had.
      setLimit(pid, 'nofile', 4 + (trial % 5) * 2);
    },
    give: (pid) => setLimit(pid, 'nofile', limits.get(pid) ?? 1024),
    codes: ['OPEN_FAILED', 'FSYNC_FAILED', 'WRITE_FAILED'],
  },
  {
    name: 'file size',
    steps: whileRecording,
    // At the edge of an event or between two writes, as the shell's ulimit, which counts kilobytes, has it too.
    take: (pid, trial) => setLimit(pid, 'fsize', [102_400, 65, 4096, 200_000, 16_512][trial % 5] as number),
    give: (pid) => setLimit(pid, 'fsize', 'unlimited'),
    codes: ['OPEN_FAILED', 'FSYNC_FAILED', 'WRITE_FAILED', 'WRITE_HEADER_FAILED', 'DISK_FULL'],
    options: { ignoreFileSizeSignal: true },
  },
  {
    name: 'address space',
    steps: whileOpening,
    // Enough for Node, which ends hard without, and too little for the ring.
    take: (pid, trial) => setLimit(pid, 'as', addressSpace(pid) + (120 + (trial % 5) * 10) * (1 << 20)),
    give: (pid) => setLimit(pid, 'as', 'unlimited'),
    codes: ['OPEN_FAILED', 'DISK_FULL', 'WRITE_FAILED'],
  },
];

test.skipIf(needs('root', 'prlimit')).each(SHORTAGES)(
  'without $name left the error is typed, nothing is lost or leaked, and the log opens again',
  { timeout: TIMEOUT_MS },
  async (shortage) => {
    const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'fswal-fault-')));
    try {
      await runTrials(folder, shortage);
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  },
);
