/* P1: the recording process is killed at a random time; whatever append() had returned is there. */
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
