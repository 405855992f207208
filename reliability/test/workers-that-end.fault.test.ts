/* T1: each thread of a recorder ends in each way that a thread can end. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { SMALL } from '../src/faults/scenarios.js';
import { needs } from '../src/harness/needs.js';
import { count, patience } from '../src/harness/scale.js';
import { seeded } from '../src/harness/seeded.js';
import { checkReplay } from '../src/harness/verify-log.js';

const CHILD = fileURLToPath(new URL('../src/faults/children/worker-faults.js', import.meta.url));
const ROLES = ['writer', 'preparer', 'maintainer', 'coordinator'] as const;
const WAYS = ['terminate', 'throw', 'exit', 'memory', 'never'] as const;
const NEVERS = ['never', 'never-quietly'] as const;
/** The constructor throws, as Node's does then. */
const NO_THREAD = 'no-thread';
const TIMEOUT_MS = patience(240_000);
/** A trial takes half a second, and the child itself ends one that hangs. */
const TRIAL_MS = 40_000;

interface Line {
  readonly hangs?: boolean;
  readonly opened: string;
  readonly append?: string;
  readonly waiter?: string;
  readonly sync?: string;
  readonly close?: string;
  readonly returned: number;
  readonly durable?: number;
  readonly stored?: number;
  readonly files: number;
  readonly threads: number;
  readonly found: number;
}

/** What one trial shows to be wrong. */
function faultsOf(line: Line | undefined, way: string): string[] {
  if (line === undefined) return ['no answer'];
  if (line.hangs) return ['it hangs'];
  const faults: string[] = [];
  const starts = ![...NEVERS, NO_THREAD].includes(way);
  // It may strike while the other threads still start.
  const early = starts && way !== 'terminate' && line.opened === 'WORKER_FAILED';
  if (!early && line.opened !== (starts ? 'OK' : 'WORKER_FAILED')) faults.push(`open() says ${line.opened}`);
  if (line.opened === 'OK') {
    for (const [call, code] of [
      ['append()', line.append],
      ['sync()', line.sync],
      ['close()', line.close],
    ] as const) {
      if (code !== 'WORKER_FAILED') faults.push(`${call} says ${code}`);
    }
    if (line.waiter !== undefined && line.waiter !== 'OK' && line.waiter !== 'WORKER_FAILED')
      faults.push(`a waiter is told ${line.waiter}`);
    if ((line.durable ?? 0) > (line.stored ?? 0)) faults.push(`D ${line.durable} > W ${line.stored}`);
  }
  // One that is terminated amid making a segment takes the two descriptors of its file along.
  if (line.files > (way === 'terminate' ? 2 : 0)) faults.push(`${line.files} files of the log stay open`);
  if (line.threads !== 0) faults.push(`${line.threads} threads go on`);
  if (line.found !== line.returned)
    faults.push(`${line.returned} events were appended, ${line.found} are there`);
  return faults;
}

interface Trial {
  readonly role: string;
  readonly way: string;
  readonly after: number;
}

/** Runs the trials in one process, one after the other on one log. */
async function runTrials(trials: readonly Trial[]): Promise<void> {
  const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'fswal-fault-')));
  try {
    const dir = join(folder, 'log');
    const config = JSON.stringify({ dir, options: { ...SMALL, tailBlocks: 32 }, trials });
    const timeout = TRIAL_MS * trials.length;
    const child = promisify(execFile)(process.execPath, [CHILD, config], { timeout });
    const { stdout, stderr } = await child.catch((error: { stdout: string; stderr: string }) => error);
    const lines = stdout.split('\n').filter((text) => text !== '');
    const faults = trials.flatMap(({ way, after }, i) => {
      const line = lines[i] === undefined ? undefined : (JSON.parse(lines[i]) as Line);
      return faultsOf(line, way).map((fault) => `trial ${i}, ${way} after ${after}: ${fault}`);
    });
    expect(faults, stderr).toEqual([]);
    const { returned } = JSON.parse(lines.at(-1) as string) as Line;
    const check = await checkReplay(dir, { atLeast: returned, atMost: returned });
    expect(check.faults).toEqual([]);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

test.skipIf(needs('linux')).each(ROLES)(
  'when the %s ends in whatever way, everybody hears of it, nothing is lost, and the log opens again',
  { timeout: TIMEOUT_MS },
  (role) =>
    seeded(async (random) => {
      const times = count({ gate: 2, full: 500 });
      const trials = WAYS.flatMap((way) =>
        Array.from({ length: times }, (_, i) => ({
          role,
          way: way === 'never' ? (NEVERS[i % NEVERS.length] as string) : way,
          after: random.below(way === 'terminate' || role === 'writer' ? 40 : 4),
        })),
      );
      await runTrials(trials);
    }),
);

test.skipIf(needs('linux')).each(ROLES)(
  'where the system gives no thread for the %s, open() says WORKER_FAILED and leaves no other thread behind',
  { timeout: TIMEOUT_MS },
  (role) => runTrials([{ role, way: NO_THREAD, after: 0 }]),
);
