/* P2, L6 and M3: what a kill and a power cut leave at each system call of a recording process. */
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  changesFiles,
  describeCall,
  type PlannedCall,
  planCalls,
  strikeAt,
  syncsFiles,
} from '../src/faults/call-plan.js';
import { LoopMount, onTwoDisks, withMounts } from '../src/faults/mounts.js';
import type { CutFlag } from '../src/faults/power-cut.js';
import type { ScenarioOptions, Step } from '../src/faults/scenario.js';
import {
  MANY_LIVES_EVENTS,
  manyLives,
  SMALL,
  WHOLE_LIFE_EVENTS,
  wholeLife,
} from '../src/faults/scenarios.js';
import { type Stop, type Stops, stopAtEachCall } from '../src/faults/stop-at-calls.js';
import { StopJudge, type StopScope } from '../src/faults/stop-judge.js';
import { inLanes, LANES } from '../src/harness/lanes.js';
import { needs } from '../src/harness/needs.js';
import { count, FULL, patience } from '../src/harness/scale.js';
import { seeded } from '../src/harness/seeded.js';
import { storedEventId } from '../src/harness/stored-position.js';
import { checkLog, checkScan } from '../src/harness/verify-log.js';

/** Of the disk, which is read as a whole at each call: as small as ext4 with a journal can be. */
const IMAGE_BYTES = 12 << 20;
const TIMEOUT_MS = patience(300_000);
const skipped = needs('root', 'linux', 'strace', 'mount', 'loop devices and mkfs.ext4');

/** The names of the two flags, as of the system call that really cuts. */
const FLAGS = [
  ['kept', 1],
  ['lost', 2],
] as const;

/** Runs a scenario and judges it at all stops of interest, with the journal kept or lost. */
async function judgeStops(
  scenario: (dir: string) => ScenarioOptions,
  scope: StopScope,
  flag: CutFlag,
  isOfInterest: (stop: Stop) => boolean = () => true,
): Promise<StopJudge> {
  let result: StopJudge | undefined;
  await onTwoDisks(async (disk, spare, memory) => {
    const judge = new StopJudge(disk, spare, memory, scope);
    result = judge;
    const run = await stopAtEachCall(scenario(join(disk.dir, 'log')), {}, async (stop) => {
      if (isOfInterest(stop)) await judge.judge(stop, flag);
    });
    expect(judge.faults.join('\n')).toBe('');
    const outcomes = run.outcomes.map(({ step, code }) => `${step} ${code}`);
    expect([run.hung, run.exitCode, run.stderr], outcomes.join(', ')).toEqual([false, 0, '']);
    expect(outcomes.filter((text) => !text.endsWith('OK'))).toEqual([]);
  });
  return result as StopJudge;
}

test.skipIf(skipped).each(FLAGS)(
  'killed at any call nothing appended is lost, and with the power cut there, the journal %s, nothing durable',
  { timeout: TIMEOUT_MS },
  async (_, flag) => {
    const scope = { atMost: WHOLE_LIFE_EVENTS, retained: false, sample: FULL ? 1 : 24 };
    const { stops, devices } = await judgeStops(wholeLife, scope, flag);
    // Of some 120 calls; two threads that make theirs at once stop once.
    expect(stops).toBeGreaterThan(80);
    expect(devices).toBeGreaterThan(15);
  },
);

const MAINTAINED = [
  ['retention and recycling', { maxSegments: 2 }],
  ['compression and retention', { maxSegments: 2, maxCompressedSegments: 2 }],
] as const;

test.skipIf(skipped).each(
  MAINTAINED.flatMap(([name, options], scenario) =>
    // In the gate the first one with the journal kept, the second one with it lost.
    FLAGS.filter((_, which) => FULL || which === scenario).map(
      ([journal, flag]) => [name, journal, options, flag] as const,
    ),
  ),
)(
  'killed and cut at any step of %s the log is whole, the journal %s',
  { timeout: TIMEOUT_MS },
  async (_, __, options, flag) => {
    const scope = { atMost: MANY_LIVES_EVENTS, retained: true, sample: FULL ? 1 : 8 };
    let before: Stop['lastCalls'] = {};
    const isStep = ({ lastCalls }: Stop) => {
      const isNew = Object.entries(lastCalls).some(
        ([thread, call]) => call !== before[thread] && isMaintenance(thread, call),
      );
      before = lastCalls;
      return isNew;
    };
    const { stops } = await judgeStops(
      (dir) => manyLives(dir, options),
      scope,
      flag,
      FULL ? undefined : isStep,
    );
    expect(stops, 'calls that compress, retire or recycle').toBeGreaterThan(4);
  },
);

/** Calls on compressed files, and those that take a segment's name away or give its file another one. */
function isMaintenance(thread: string, call: string): boolean {
  const indexes = [...call.matchAll(/FS\.(\d+)\.wal/g)].map((match) => match[1]);
  const renamed = call.startsWith('rename') && (/\.wal", /.test(call) || indexes[0] !== indexes[1]);
  return call.includes('.lz4') || renamed || (thread !== 'main' && call.startsWith('unlink'));
}

/** Half of them at the rename, the others when sync() has returned. */
const META_CUTS = count({ gate: 500, full: 50_000 });
/** So few events that no segment is made meanwhile, which would bring names to the device. */
const CUTS_PER_LOG = 500;
const MOST_BETWEEN = 12;

test.skipIf(skipped)(
  'with the power cut at the rename of wal_meta.dat or when sync() has returned, and nothing else ever synced, D is not ahead of W',
  { timeout: TIMEOUT_MS },
  () =>
    seeded(async (random) => {
      const stops: Stops = { threads: ['coordinator'], calls: ['rename'] };
      for (let left = META_CUTS; left > 0; left -= CUTS_PER_LOG) {
        const syncs = Array.from({ length: Math.min(left, CUTS_PER_LOG) / 2 }, (): Step[] => [
          ['append', random.between(1, MOST_BETWEEN)],
          ['sync'],
          ['stop'],
        ]);
        await onTwoDisks(async (disk, spare, memory) => {
          const dir = join(disk.dir, 'log');
          const scope = { atMost: CUTS_PER_LOG * MOST_BETWEEN, retained: false, sample: 125 };
          const judge = new StopJudge(disk, spare, memory, scope);
          // The preparer is done by then.
          const steps: Step[] = [['open'], ['sleep', 300], ...syncs.flat(), ['close']];
          const run = await stopAtEachCall({ dir, options: SMALL, steps }, stops, async (stop) => {
            // A journal that is kept at the rename brings the name to the device, and would hide that nobody else does.
            const isRename = stop.durable < stop.returned;
            await judge.judge(stop, isRename && judge.stops % 4 === 0 ? 1 : 2);
          });
          expect(judge.faults.join('\n')).toBe('');
          expect([run.hung, run.exitCode, run.stderr]).toEqual([false, 0, '']);
          expect(judge.stops).toBeGreaterThanOrEqual(2 * syncs.length);
        });
      }
    }),
);

interface Trial {
  readonly call: PlannedCall;
  readonly flag: CutFlag;
}

/** What one trial shows to be wrong, one line each; undefined where the call was not met. */
async function strike(
  loop: LoopMount,
  { call, flag }: Trial,
  isSample: boolean,
): Promise<string[] | undefined> {
  const dir = join(loop.dir, 'log');
  const faults: string[] = [];
  try {
    const run = await strikeAt(wholeLife(dir), call, 'signal=SIGKILL');
    if (!run.struck) return undefined;
    if (run.signal !== 'SIGKILL') faults.push(`ended by ${run.signal}`);
    const atMost = Math.min(run.returned + 1, WHOLE_LIFE_EVENTS);
    if (!fs.existsSync(dir)) fs.mkdirSync(dir, { mode: 0o700 });
    const killed = checkScan(dir, { atLeast: run.returned, atMost });
    faults.push(...killed.faults.map((text) => `after the kill: ${text}`));
    await loop.cutPower(flag);
    if (!fs.existsSync(dir)) fs.mkdirSync(dir, { mode: 0o700 });
    const stored = storedEventId(dir);
    if (stored < run.durable) faults.push(`after the cut: W ${stored} < D ${run.durable}`);
    const check = isSample ? checkLog : checkScan;
    const cut = await check(dir, { atLeast: run.durable, atMost });
    faults.push(...cut.faults.map((text) => `after the cut: ${text}`));
    return faults.map((text) => `${describeCall(call)}, flag ${flag}: ${text}`);
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
    loop.commitJournal();
  }
}

/** A process that stands still is believed to be as one that is dead, and a disk that is read as one that is cut off. */
test.skipIf(skipped)(
  'really killed, and the file system really shut down, it is the same',
  { timeout: TIMEOUT_MS },
  () =>
    seeded((random) =>
      withMounts(
        Array.from({ length: LANES }, () => () => LoopMount.create({ bytes: IMAGE_BYTES })),
        async (loops) => {
          const dir = join((loops[0] as LoopMount).dir, 'log');
          const calls = (await planCalls(wholeLife(dir))).filter(changesFiles);
          fs.rmSync(dir, { recursive: true });
          // Or the next cut would bring it back.
          (loops[0] as LoopMount).commitJournal();
          const trials = FULL
            ? calls.flatMap((call) => FLAGS.map(([, flag]): Trial => ({ call, flag })))
            : Array.from({ length: 12 }, (): Trial => {
                const call = random.pick(calls);
                return { call, flag: syncsFiles(call) ? 2 : random.pick([1, 2]) };
              });
          const faults: string[] = [];
          let struck = 0;
          await inLanes(trials.length, async (index, lane) => {
            const found = await strike(loops[lane] as LoopMount, trials[index] as Trial, index % 4 === 0);
            if (found === undefined) return;
            struck++;
            faults.push(...found);
          });
          expect(faults.join('\n')).toBe('');
          // How many blocks the writer takes at once differs from run to run: some calls are not met again.
          expect(struck).toBeGreaterThan(trials.length / 4);
        },
      ),
    ),
);
