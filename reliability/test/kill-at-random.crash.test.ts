/*
 * P1: the recording process is killed at a random time; whatever append() had returned is there. X1, X3: with
 * compression and retention too, and with a reader that the segments are kept for.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Durability } from '@fswal/recorder';
import { expect, test } from 'vitest';
import { aftermath } from '../src/harness/aftermath.js';
import { inLanes } from '../src/harness/lanes.js';
import { type RecordConfig, Recording } from '../src/harness/recording.js';
import { count, patience } from '../src/harness/scale.js';
import { type Random, seeded } from '../src/harness/seeded.js';
import { checkLog, faultsOf, replay, SMALL_LOG } from '../src/harness/verify-log.js';
import { newLogDir, removeLogDir } from './helpers/directories.js';

const KILLS = count({ gate: 200, full: 10_000 });
const MODES: readonly Durability[] = ['none', 'interval', 'group'];
/** Then a log begins anew, so that reading all of it each time stays quick. */
const KILLS_PER_LOG = 7;
const LONGEST_MS = 200;

/**
 * One log, killed and reopened again and again. Each recorder must go on from where the scan of what the one before
 * left has ended; in the end recovery replays it.
 * @returns its last event
 */
async function killAgainAndAgain(durability: Durability, kills: number, random: Random): Promise<number> {
  const dir = newLogDir();
  const keepsAll = random.below(3) > 0;
  const options: RecordConfig['options'] = {
    ...SMALL_LOG,
    tailBlocks: random.pick([4, 8, 64]),
    durability,
    syncIntervalMs: random.between(1, 20),
    // With it, retired segments are taken again for new ones.
    ...(keepsAll ? {} : { maxSegments: random.between(2, 4) }),
    ...(keepsAll || random.below(2) === 0 ? {} : { maxCompressedSegments: random.between(1, 4) }),
  };
  let last = 0;
  // Some are killed before they have made it.
  fs.mkdirSync(dir, { mode: 0o700 });
  for (let kill = 1; kill <= kills; kill++) {
    const marksFile = join(dir, '..', 'marks');
    const recording = Recording.start({ dir, marksFile, seed: random.below(2 ** 30), options });
    // Some die while they still open what the one before left.
    if (random.below(5) > 0) await recording.firstAppend();
    // Rather early than late: an opening and the first rotations are rarer than the rest.
    await sleep(Math.floor((random.below(LONGEST_MS) * random.below(LONGEST_MS)) / LONGEST_MS));
    const faults = await recording.kill();
    const { faults: found, lastId } = aftermath(dir, recording, last);
    expect([...faults, ...found, recording.stderr], `kill ${kill}, ${JSON.stringify(options)}`).toEqual(['']);
    last = lastId;
  }
  const expected = { atLeast: last, atMost: last, from: keepsAll ? 1 : undefined };
  // The recorder has looked at every kill but the last one.
  const faults =
    random.below(5) > 0 ? faultsOf(await replay(dir), expected) : (await checkLog(dir, expected)).faults;
  expect(faults, JSON.stringify(options)).toEqual([]);
  removeLogDir(dir);
  return last;
}

test.each(MODES)(
  'every returned append is there after SIGKILL at a random time, with durability %s',
  { timeout: patience(180_000) },
  (durability) =>
    seeded(async (random) => {
      const kills = Math.ceil(KILLS / MODES.length);
      let appended = 0;
      await inLanes(Math.ceil(kills / KILLS_PER_LOG), async (log) => {
        const ofThisLog = Math.min(KILLS_PER_LOG, kills - log * KILLS_PER_LOG);
        appended += await killAgainAndAgain(durability, ofThisLog, random);
      });
      expect(appended).toBeGreaterThan(1000);
    }),
);

const READER_KILLS = count({ gate: 8, full: 1_000 });
/** The segments of a small log's reader lag behind by more than that. */
const KEPT = { maxSegments: 2, maxCompressedSegments: 1 } as const;

test(
  'a segment that a reader of the process stands in is there after SIGKILL, and all behind it',
  {
    timeout: patience(120_000),
  },
  () =>
    seeded(async (random) => {
      let held = 0;
      let retired = 0;
      await inLanes(Math.ceil(READER_KILLS / 4), async () => {
        const dir = newLogDir();
        fs.mkdirSync(dir, { mode: 0o700 });
        let last = 0;
        for (let kill = 0; kill < 4; kill++) {
          const marksFile = join(dir, '..', 'marks');
          const options = { ...SMALL_LOG, ...KEPT, durability: random.pick(MODES), syncIntervalMs: 5 };
          const seed = random.below(2 ** 30);
          const recording = Recording.start({ dir, marksFile, seed, options, readsToo: true });
          await recording.firstAppend();
          await recording.firstRead();
          await sleep(random.below(LONGEST_MS));
          const faults = await recording.kill();
          const { faults: found, lastId, firstId } = aftermath(dir, recording, last);
          const stoodAt = recording.marks.held;
          if (stoodAt > 0) held++;
          if (firstId > 1) retired++;
          expect([...faults, ...found, recording.stderr], `kill ${kill}`).toEqual(['']);
          if (stoodAt > 0)
            expect(firstId, `the reader stood at event ${stoodAt}`).toBeLessThanOrEqual(stoodAt);
          last = lastId;
        }
        removeLogDir(dir);
      });
      // Without these it would show nothing.
      expect(held).toBeGreaterThan(READER_KILLS / 4);
      expect(retired).toBeGreaterThan(READER_KILLS / 4);
    }),
);
