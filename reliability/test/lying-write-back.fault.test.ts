/* F2: the device takes what is written, fails to keep it, and tells somebody else first. */
import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LoopMount, type Mount, mountTmpfs, withMounts } from '../src/faults/mounts.js';
import { runScenario, type Step, type WaitsFor } from '../src/faults/scenario.js';
import { SMALL } from '../src/faults/scenarios.js';
import { needs } from '../src/harness/needs.js';
import { count, patience } from '../src/harness/scale.js';

const TIMEOUT_MS = patience(120_000);
const MEGABYTE = 1 << 20;
/**
 * Events that are durable before the device is full: they end with the second page of the segment. The loop driver takes
 * a write that is cut short for a whole one, and tells nobody; so no write may begin on a page that the device has and
 * go on where it has none. Only the page with the block's header is written again, and it has a clean one behind it.
 */
const KEPT = 126;

/** Syncs a file by a descriptor of this process. @returns the error's code, or undefined */
function syncElsewhere(file: string): string | undefined {
  const fd = fs.openSync(file, 'r+');
  try {
    fs.fdatasyncSync(fd);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  } finally {
    fs.closeSync(fd);
  }
}

/** Writes until not a byte is left. */
function fillWhole(file: string): void {
  const fd = fs.openSync(file, 'w');
  try {
    for (;;) fs.writeSync(fd, new Uint8Array(4096).fill(1));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * A sparse image on a tmpfs that is too small: the ext4 in it believes that it has room, and write-back fails.
 * The tmpfs is filled when the log has been opened, so that the failure strikes events and nothing else.
 */
async function runTrial(backing: Mount, loop: Mount, inside: number): Promise<void> {
  const dir = join(loop.dir, 'log');
  const [go, goAgain] = [join(backing.dir, 'go'), join(backing.dir, 'go-again')];
  const steps: Step[] = [
    ['open'],
    ['append', KEPT],
    ['sync'],
    ['until', go],
    ['append', inside],
    // The writer brings whole blocks into the page cache by itself.
    ['sleep', 100],
    ['until', goAgain],
    ['sync'],
    ['append', 1],
    ['sync'],
    ['close'],
  ];
  let elsewhere: string | undefined;
  const meanwhile = async (_: ChildProcess, waitsFor: WaitsFor): Promise<void> => {
    if (!(await waitsFor(go))) return;
    fillWhole(join(backing.dir, 'ballast'));
    fs.writeFileSync(go, '');
    if (!(await waitsFor(goAgain))) return;
    elsewhere = syncElsewhere(join(dir, 'FS.00000000.wal'));
    fs.writeFileSync(goAgain, '');
  };
  const run = await runScenario({ dir, options: SMALL, steps, meanwhile, readMeta: true });
  const hint = `${run.outcomes.map(({ step, code, durable, stored }) => `${step} ${code} D ${durable} W ${stored}`).join(', ')} ${run.stderr}`;
  expect(run.hung, hint).toBe(false);
  expect([run.exitCode, run.signal], hint).toEqual([0, null]);
  // Without this the trial shows nothing: the other descriptor got the report.
  expect(['ENOSPC', 'EIO'], hint).toContain(elsewhere);
  const [before, first, second] = run.outcomes.filter(({ step }) => step === 'sync');
  expect(before?.code, hint).toBe('OK');
  expect([first?.code, second?.code], hint).toEqual(['FSYNC_FAILED', 'FSYNC_FAILED']);
  expect([first?.durable, second?.durable, run.durable], hint).toEqual([KEPT, KEPT, KEPT]);
  expect([first?.stored, second?.stored], hint).toEqual([KEPT, KEPT]);
  const closed = run.outcomes.find(({ step }) => step === 'close');
  expect([closed?.code, closed?.files], hint).toEqual(['FSYNC_FAILED', 0]);
}

test.skipIf(needs('root', 'mount', 'loop devices and mkfs.ext4'))(
  'a write-back error that another descriptor was told first still poisons, and D stays',
  { timeout: TIMEOUT_MS },
  async () => {
    for (let trial = count({ gate: 5, full: 200 }); trial > 0; trial--) {
      await withMounts([() => mountTmpfs(16 * MEGABYTE)], async ([backing]) => {
        const make = () => LoopMount.create({ bytes: 64 * MEGABYTE, journal: false, imageDir: backing.dir });
        await withMounts([make], async ([loop]) => runTrial(backing, loop, 1500 + trial * 100));
      });
    }
  },
);
