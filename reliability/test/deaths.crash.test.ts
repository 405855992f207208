/* P4: the recording process ends in every way there is, in the engine and inside each worker. */
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { aftermath } from '../src/harness/aftermath.js';
import { inLanes } from '../src/harness/lanes.js';
import { MemoryCgroup } from '../src/harness/memory-cgroup.js';
import { needs } from '../src/harness/needs.js';
import { type Death, type RecordConfig, Recording, type WorkerDeath } from '../src/harness/recording.js';
import { count, patience } from '../src/harness/scale.js';
import { type Random, seeded } from '../src/harness/seeded.js';
import { faultsOf, replay, SMALL_LOG } from '../src/harness/verify-log.js';
import { newLogDir, removeLogDir } from './helpers/directories.js';

const DEATHS = count({ gate: 6, full: 500 });
const DEATHS_PER_LOG = 5;
/** Of a burst to the third rotation or so. */
const MOST_APPENDS = 15_000;
const LIMIT_BYTES = 160 << 20;

/** How the child's end looks from outside. */
const ENDS: Readonly<Record<Exclude<Death, 'SIGKILL' | 'out of memory'>, string | number>> = {
  abort: 'SIGABRT',
  SIGSEGV: 'SIGSEGV',
  SIGTERM: 'SIGTERM',
  exit: 3,
  throw: 1,
};

/** Lets recorders die in one log, one after the other, and judges it after each. */
async function dieAgainAndAgain(
  deaths: number,
  random: Random,
  configOf: () => Pick<RecordConfig, 'death' | 'inWorker'>,
  judge: (recording: Recording, config: Pick<RecordConfig, 'death' | 'inWorker'>) => void,
  started: (recording: Recording) => void = () => {},
): Promise<void> {
  const dir = newLogDir();
  fs.mkdirSync(dir, { mode: 0o700 });
  let last = 0;
  for (let n = 0; n < deaths; n++) {
    const config = configOf();
    // With retention the maintainers and the coordinator have more to do.
    const options = {
      ...SMALL_LOG,
      durability: random.pick(['none', 'interval', 'group'] as const),
      maxSegments: 3,
    };
    const recording = Recording.start({
      dir,
      marksFile: join(dir, '..', 'marks'),
      seed: random.below(2 ** 30),
      options,
      ...config,
    });
    started(recording);
    const faults = await recording.ended();
    const { faults: found, lastId } = aftermath(dir, recording, last);
    expect([...faults, ...found], JSON.stringify({ n, ...config, stderr: recording.stderr })).toEqual([]);
    judge(recording, config);
    last = lastId;
  }
  expect(faultsOf(await replay(dir), { atLeast: last, atMost: last, from: undefined })).toEqual([]);
  removeLogDir(dir);
}

const logs = Math.ceil(DEATHS / DEATHS_PER_LOG);

test.each(Object.entries(ENDS))(
  'nothing that was appended is missing after %s in the engine',
  { timeout: patience(120_000) },
  (way, end) =>
    seeded((random) =>
      inLanes(logs, () =>
        dieAgainAndAgain(
          DEATHS_PER_LOG,
          random,
          () => ({ death: { way: way as Death, afterAppends: random.between(1, MOST_APPENDS) } }),
          ({ child }) => expect(child.signalCode ?? child.exitCode).toBe(end),
        ),
      ),
    ),
);

test.skipIf(needs('root', 'memory cgroup'))(
  'nothing that was appended is missing after the kernel has killed the process for want of memory',
  { timeout: patience(120_000) },
  () =>
    seeded(async (random) => {
      const group = MemoryCgroup.create(LIMIT_BYTES);
      try {
        // One at a time: the limit is for all of the group together.
        for (let log = 0; log < logs; log++) {
          await dieAgainAndAgain(
            DEATHS_PER_LOG,
            random,
            () => ({ death: { way: 'out of memory', afterAppends: random.between(1, MOST_APPENDS) } }),
            ({ child }) => expect(child.signalCode).toBe('SIGKILL'),
            ({ child }) => group.add(child.pid as number),
          );
        }
      } finally {
        await group.remove();
      }
    }),
);

const ROLES: readonly WorkerDeath['role'][] = ['writer', 'preparer', 'maintainer', 'coordinator'];
const WAYS: readonly WorkerDeath['way'][] = ['throw', 'exit', 'SIGSEGV', 'SIGKILL'];
/** What an engine hears of a worker whose system call throws, or whose thread ends. */
const HEARD = ['WORKER_FAILED', 'WRITE_FAILED', 'FSYNC_FAILED', 'FILE_NOT_DELETED'];

test.each(ROLES)(
  'nothing that was appended is missing after a death inside the %s',
  { timeout: patience(120_000) },
  (role) =>
    seeded(async (random) => {
      let deaths = 0;
      await inLanes(logs, () =>
        dieAgainAndAgain(
          DEATHS_PER_LOG,
          random,
          () =>
            ({
              inWorker: { role, way: WAYS[deaths++ % WAYS.length], atCall: random.between(1, 12) },
            }) as const,
          ({ child, stdout, opened }, { inWorker }) => {
            expect(child.signalCode).toBe(inWorker?.way === 'SIGSEGV' ? 'SIGSEGV' : 'SIGKILL');
            const lives = inWorker?.way === 'throw' || inWorker?.way === 'exit';
            if (lives && opened) expect(HEARD).toContain(stdout);
          },
        ),
      );
    }),
);
