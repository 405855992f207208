/* P3, L6, D1, D2, F1 and F3 for repairs: killed, cut off from power, refused system calls, and without room. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { repairLog } from '@fswal/recovery';
import { expect, test } from 'vitest';
import { describeCall, oneOfEach, type PlannedCall, planCalls, strikeAt } from '../src/faults/call-plan.js';
import { LoopMount, type Mount, mountTmpfs, onTwoDisks, withMounts } from '../src/faults/mounts.js';
import { placeLog, RepairJudge } from '../src/faults/repair-judge.js';
import type { ScenarioOptions } from '../src/faults/scenario.js';
import { stopAtEachCall } from '../src/faults/stop-at-calls.js';
import { DAMAGED_LOGS } from '../src/harness/damaged-logs.js';
import { deliver } from '../src/harness/delivered.js';
import { inLanes } from '../src/harness/lanes.js';
import { differences, type LogImage, readImage } from '../src/harness/log-copy.js';
import { needs } from '../src/harness/needs.js';
import { FULL, patience } from '../src/harness/scale.js';
import { newDir } from './helpers/directories.js';

const IMAGE_BYTES = 12 << 20;
const TIMEOUT_MS = patience(180_000);

function repairOf(dir: string): ScenarioOptions {
  return { dir, options: {}, steps: [['repair']] };
}

/** In the gate the first log with the journal lost, the second one with it kept. */
const CUTS = DAMAGED_LOGS.flatMap(([name, image], log) =>
  (['lost', 'kept'] as const)
    .filter((_, kind) => FULL || kind === log)
    .map((journal) => [name, journal, image] as const),
);

test.skipIf(needs('root', 'linux', 'strace', 'mount', 'loop devices and mkfs.ext4')).each(CUTS)(
  'of %s: killed at any call, and with the power cut there, the journal %s, a repair has lost nothing, and another ends it',
  { timeout: TIMEOUT_MS },
  (_, journal, image) =>
    onTwoDisks(async (disk, spare, memory) => {
      const [dir, copy] = [join(disk.dir, 'log'), join(memory.dir, 'copy')];
      const judge = await RepairJudge.of(image, copy);
      placeLog(dir, image);
      let before: LogImage = new Map();
      let device = new Uint8Array(disk.bytes);
      let [states, devices] = [0, 0];
      const faults: string[] = [];
      const run = await stopAtEachCall(repairOf(dir), { threads: ['main'] }, async ({ lastCalls }) => {
        const found: string[] = [];
        const now = readImage(dir);
        if (differences(before, now).length > 0) {
          states++;
          fs.rmSync(copy, { recursive: true });
          // With its times, and with links that are links.
          execFileSync('cp', ['-a', dir, copy]);
          found.push(...(await judge.faultsOf(copy)).map((text) => `killed: ${text}`));
        }
        before = now;
        if (journal === 'kept') disk.commitJournal();
        const cut = new Uint8Array(disk.bytes);
        disk.readDevice(cut);
        if (Buffer.compare(cut, device) !== 0) {
          devices++;
          await spare.startWith(cut);
          found.push(...(await judge.faultsOf(join(spare.dir, 'log'))).map((text) => `cut: ${text}`));
        }
        device = cut;
        faults.push(...found.map((text) => `${text}, after ${lastCalls.main?.slice(0, 160)}`));
      });
      expect(faults).toEqual([]);
      expect([run.hung, run.exitCode, run.stderr]).toEqual([false, 0, '']);
      expect(run.outcomes.map(({ code }) => code)).toEqual(['OK']);
      expect(states).toBeGreaterThan(12);
      expect(devices).toBeGreaterThan(8);
    }),
);

const TAKES_SPACE = ['openat', 'write', 'pwrite64', 'rename', 'link'];

function takesSpace({ name, text }: PlannedCall): boolean {
  return TAKES_SPACE.includes(name) && (name !== 'openat' || text.includes('O_CREAT'));
}

interface Trial {
  readonly call: PlannedCall;
  readonly errno: string;
}

/** Each call with each error that it may end with; in the gate one of each kind. */
function trialsOf(calls: readonly PlannedCall[]): Trial[] {
  const chosen = FULL ? calls : oneOfEach(calls);
  return chosen.flatMap((call) =>
    ['EIO', ...(takesSpace(call) ? ['ENOSPC'] : [])].map((errno) => ({ call, errno })),
  );
}

test.skipIf(needs('linux', 'strace')).each(FULL ? DAMAGED_LOGS : DAMAGED_LOGS.slice(1, 2))(
  'of %s: a repair of which one system call is refused ends with a typed error, has lost nothing, and another ends it',
  { timeout: TIMEOUT_MS },
  async (_, image) => {
    const place = fs.realpathSync(newDir());
    const judge = await RepairJudge.of(image, join(place, 'once'));
    placeLog(join(place, 'plan'), image);
    const trials = trialsOf(await planCalls(repairOf(join(place, 'plan')), ['main']));
    expect(trials.length).toBeGreaterThan(20);
    const faults: string[] = [];
    let refused = 0;
    await inLanes(trials.length, async (index) => {
      const { call, errno } = trials[index] as Trial;
      const dir = join(place, String(index));
      placeLog(dir, image);
      const { outcomes, hung, exitCode, stderr, struck } = await strikeAt(
        repairOf(dir),
        call,
        `error=${errno}`,
      );
      const [outcome] = outcomes;
      const found: string[] = [];
      if (!struck) found.push('the call was not met');
      if (hung || exitCode !== 0 || outcome === undefined) found.push(`it ends with ${exitCode}: ${stderr}`);
      else if (outcome.code !== 'OK') {
        refused++;
        if (!outcome.typed) found.push(`it ends with the untyped ${outcome.code}: ${outcome.message}`);
        if (errno === 'ENOSPC' && outcome.code !== 'DISK_FULL') found.push(`it ends with ${outcome.code}`);
        const left = fs.readdirSync(dir).filter((name) => name.endsWith('.tmp'));
        if (!call.name.startsWith('unlink')) found.push(...left.map((name) => `${name} is left`));
      }
      found.push(...(await judge.faultsOf(dir)));
      faults.push(...found.map((text) => `${errno}, ${describeCall(call)}: ${text}`));
      fs.rmSync(dir, { recursive: true });
    });
    expect(faults).toEqual([]);
    expect(refused).toBeGreaterThan(trials.length / 2);
  },
);

/** With the room that is not to be had although it is told: ext4 gives freed blocks out again when its journal is written. */
const PLACES = [
  ['tmpfs', 0, () => mountTmpfs(IMAGE_BYTES)],
  ...(FULL ? ([['ext4', 512 << 10, () => LoopMount.create({ bytes: IMAGE_BYTES })]] as const) : []),
] as const;

/** Leaves so much room on a disk. */
function leave({ dir }: Mount, bytes: number): void {
  const ballast = join(dir, 'ballast');
  fs.rmSync(ballast, { force: true });
  const { bfree, bsize } = fs.statfsSync(dir);
  fs.writeFileSync(ballast, new Uint8Array(Math.max(0, bfree * bsize - bytes)));
}

/** Leaves nothing, whatever the file system says that there is. */
function fill({ dir }: Mount): void {
  const fd = fs.openSync(join(dir, 'ballast'), 'w');
  try {
    for (const chunk of [1 << 16, 4096]) while (isWritten(fd, chunk));
  } finally {
    fs.closeSync(fd);
  }
}

function isWritten(fd: number, bytes: number): boolean {
  try {
    return fs.writeSync(fd, new Uint8Array(bytes)) > 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
    throw error;
  }
}

test.skipIf(needs('root', 'mount', 'loop devices and mkfs.ext4')).each(PLACES)(
  'on a full %s a repair changes nothing, with the room that it says it ends, and where the disk fills meanwhile it loses nothing',
  { timeout: TIMEOUT_MS },
  (_, withheldBytes, make) =>
    withMounts<Mount>([make], async ([mount]) => {
      const dir = join((mount as Mount).dir, 'log');
      for (const [name, image] of FULL ? DAMAGED_LOGS : DAMAGED_LOGS.slice(0, 2)) {
        const judge = await RepairJudge.of(image, join(newDir(), 'once'));
        leave(mount as Mount, Number.POSITIVE_INFINITY);
        placeLog(dir, image);
        const { roomBytes } = await repairLog({ dir, dryRun: true });
        leave(mount as Mount, roomBytes - 4096);
        await expect(repairLog({ dir }), name).rejects.toMatchObject({ code: 'DISK_FULL', file: dir });
        expect(differences(image, readImage(dir)), name).toEqual([]);
        leave(mount as Mount, roomBytes + withheldBytes);
        let steps = 0;
        await repairLog({ dir, onProgress: () => steps++ });
        expect(await judge.faultsOf(dir), name).toEqual([]);
        for (let step = image.size; step < steps; step += FULL ? 1 : 2) {
          leave(mount as Mount, Number.POSITIVE_INFINITY);
          placeLog(dir, image);
          let done = 0;
          const onProgress = () => {
            if (++done === step) fill(mount as Mount);
          };
          const error = await repairLog({ dir, onProgress }).catch((caught: unknown) => caught);
          if (error instanceof Error) expect(error, name).toMatchObject({ code: 'DISK_FULL' });
          const { runs } = await deliver(dir, 'diagnostic');
          leave(mount as Mount, Number.POSITIVE_INFINITY);
          expect(await judge.faultsOf(dir), `${name}, full after step ${step}: ${runs}`).toEqual([]);
        }
      }
    }),
);
