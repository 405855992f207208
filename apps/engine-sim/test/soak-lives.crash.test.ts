import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { META_FILE, parseSegmentFileName, TAIL_RING_FILE } from '@fswal/format';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { specOfSeed } from '../src/flow/flow-spec.js';
import { RunMonitor } from '../src/measure/run-monitor.js';
import { SoakLives, type SoakLivesOptions } from '../src/soak/soak-lives.js';
import { engineSim, jsonOf } from './engine-sim.js';

const SEED = Math.floor(Date.now() / 1000);
const LYING_FOLLOWER = fileURLToPath(new URL('children/lying-follower.js', import.meta.url));

let parent: string;
let dir: string;
let evidence: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'engine-sim-test-'));
  dir = join(parent, 'log');
  evidence = join(parent, 'log.discrepancy', 'discrepancy.json');
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

/** Segments of 4,096 events, 8 of them kept. */
const soak = (more: Partial<SoakLivesOptions>) =>
  new SoakLives({
    dir,
    seconds: 50,
    seed: SEED,
    flow: specOfSeed(SEED),
    pace: {},
    events: 60_000,
    blocks: 16,
    durability: 'interval',
    maxSegments: 4,
    maxCompressed: 4,
    ...more,
  }).run();

const segmentsOf = (logDir: string) =>
  readdirSync(logDir)
    .filter((name) => parseSegmentFileName(name) !== undefined)
    .sort();

/** Whether the durable position lies in a later segment: only before it nothing may be missing or damaged. */
const isDurable = (logDir: string, name: string): boolean => {
  const meta = join(logDir, META_FILE);
  return existsSync(meta) && parseSegmentFileName(name)!.segmentIndex < readFileSync(meta).readUInt32LE(4);
};

/** Of all files of a log, by name. */
const bytesOf = (logDir: string) =>
  Object.fromEntries(
    readdirSync(logDir).map((name) => [name, readFileSync(join(logDir, name)).toString('base64')]),
  );

const flip = (file: string, at: number) => {
  const bytes = readFileSync(file);
  bytes[at] ^= 1;
  writeFileSync(file, bytes);
};

describe(`soak, seed ${SEED}`, () => {
  it('loses nothing over some lives, its follower sees all of it, and nothing but the log is left', async () => {
    const { totals, discrepancy } = await soak({ lives: 6 });
    expect(discrepancy).toBeUndefined();
    // The last life only closes the log.
    expect(totals).toMatchObject({ lives: 7, lost: 0, followed: totals.recovered });
    expect(totals.kills).toBeGreaterThan(0);
    expect(totals.events).toBeGreaterThan(0);
    expect(totals.recovered).toBeGreaterThanOrEqual(totals.events);
    expect(totals.comparedEvents).toBeGreaterThan(0);
    expect(totals.verifiedBytes).toBeGreaterThan(64 * totals.comparedEvents);
    expect(readdirSync(parent)).toEqual(['log']);
    expect(segmentsOf(dir).length).toBeLessThanOrEqual(8);
  });

  it('is seen by a monitor: kills, recoveries, events, segments and the book', async () => {
    const monitor = new RunMonitor({ command: 'soak', options: {} });
    // Slow enough that the recorder tells of itself several times in each life.
    const { totals } = await soak({ lives: 4, monitor, pace: { rate: 100_000 } });
    monitor.stop();
    const { totals: seen, incidents, series, segments } = monitor.record();
    expect(seen).toEqual({
      kills: totals.kills,
      recoveries: totals.lives,
      lost: 0,
      appended: totals.events,
    });
    expect(incidents.map(({ kind }) => kind).filter((kind) => kind === 'killed')).toHaveLength(totals.kills);
    expect(incidents.at(-1)).toMatchObject({ kind: 'recovered', eventId: totals.recovered, lost: 0 });
    expect(series.columns.bookDepth.some((depth) => depth !== null)).toBe(true);
    expect(segments.length).toBeGreaterThan(0);
  });

  it('ends where a flow has no more requests', async () => {
    const flow = join(parent, 'flow');
    const recorded = ['record', '--dir', join(parent, 'other'), '--events', 3000, '--flow-out', flow];
    expect((await engineSim(recorded)).status).toBe(0);
    const { totals, discrepancy } = await soak({ flow: { file: flow } });
    expect(discrepancy).toBeUndefined();
    expect(totals).toMatchObject({ recovered: 3000, followed: 3000 });
  });

  it('refuses to begin where there is a log, or evidence, or too little is kept to be followed', async () => {
    await engineSim(['record', '--dir', dir, '--events', 10]);
    await expect(soak({})).rejects.toThrow('a log');
    rmSync(dir, { recursive: true });
    cpSync(fileURLToPath(new URL('children', import.meta.url)), join(evidence, '..'), { recursive: true });
    await expect(soak({})).rejects.toThrow('from an earlier run');
    expect(() => soak({ maxSegments: 3, maxCompressed: 0 })).toThrow(RangeError);
    expect(existsSync(dir)).toBe(false);
  });
});

describe(`a soak stops and keeps the log as it was found, seed ${SEED}`, () => {
  /** What becomes of a log that is damaged after a kill, as soon as `damage` can do that. @returns what is written down */
  async function soakWithDamage(
    damage: (logDir: string) => boolean,
    kind: string,
  ): Promise<Record<string, unknown>> {
    let asFound = {};
    const {
      totals,
      discrepancy,
      evidence: path,
    } = await soak({
      afterKill: (logDir) => {
        // Where something rests in sealed segments.
        if (!existsSync(logDir) || segmentsOf(logDir).length < 6) return;
        if (!damage(logDir)) return;
        asFound = bytesOf(logDir);
      },
    });
    expect([discrepancy?.kind, path], discrepancy?.message).toEqual([kind, evidence]);
    expect(existsSync(dir)).toBe(false);
    expect(readdirSync(parent)).toEqual(['log.discrepancy']);
    expect(bytesOf(join(parent, 'log.discrepancy', 'log'))).toEqual(asFound);
    const record = JSON.parse(readFileSync(evidence, 'utf8')) as Record<string, unknown>;
    expect(record).toMatchObject({
      discrepancy: { kind, message: discrepancy!.message },
      flow: { seed: SEED },
      options: { seed: SEED, blocks: 16, dir },
      life: { number: totals.lives, moment: {} },
      versions: { node: process.version },
    });
    return record;
  }

  it('for a flipped bit in a closed segment, and shows it again', async () => {
    const record = await soakWithDamage((logDir) => {
      const plain = segmentsOf(logDir).filter((name) => name.endsWith('.wal'));
      if (!isDurable(logDir, plain[0])) return false;
      flip(join(logDir, plain[0]), 1000);
      return true;
    }, 'damage');
    const again = await engineSim(['soak', '--replay', evidence, '--json']);
    expect([again.status, jsonOf(again).discrepancy]).toEqual([
      1,
      (record.discrepancy as { message: string }).message,
    ]);
    expect(jsonOf(again).log).toMatchObject({ sound: false, problem: expect.stringContaining('MISMATCH') });
    const forPeople = await engineSim(['soak', '--replay', evidence]);
    expect([forPeople.status, forPeople.stdout]).toEqual([1, expect.stringContaining('MISMATCH')]);
  });

  it('for a segment that retention had no right to', async () => {
    await soakWithDamage((logDir) => {
      // One less than are to be kept, all of those before the durable position.
      const taken = segmentsOf(logDir).slice(0, -7);
      if (taken.length === 0 || !isDurable(logDir, taken.at(-1)!)) return false;
      for (const name of taken) rmSync(join(logDir, name));
      return true;
    }, 'retention');
  });

  it('for events whose append had returned, and counts them', async () => {
    const { totals, discrepancy } = await soak({
      // What a log that keeps its newest events in the process would look like.
      afterKill: (logDir) => rmSync(join(logDir, TAIL_RING_FILE), { force: true }),
    });
    expect(discrepancy?.kind, discrepancy?.message).toBe('lost');
    expect(totals.lost).toBeGreaterThan(0);
    const again = await engineSim(['soak', '--replay', evidence, '--json']);
    expect([again.status, jsonOf(again).log]).toMatchObject([1, { sound: false }]);
  });

  it('for a follower that has seen something else, and says that it does not show in the log', async () => {
    const { discrepancy } = await soak({ followerProgram: LYING_FOLLOWER });
    expect(discrepancy?.kind, discrepancy?.message).toBe('follower');
    expect(discrepancy!.place.found).not.toBe(discrepancy!.place.expected);
    expect(Number(discrepancy!.place.eventId)).toBeGreaterThan(0);
    const again = await engineSim(['soak', '--replay', evidence, '--json']);
    expect([again.status, jsonOf(again).log], again.stderr).toMatchObject([0, { sound: true }]);
  });

  it('for a follower that ends by itself', async () => {
    const { discrepancy } = await soak({ followerProgram: join(parent, 'no-such-program.js') });
    expect(discrepancy).toMatchObject({
      kind: 'follower',
      message: expect.stringContaining('ended by itself'),
    });
  });

  it('for a recording process that ends by itself', async () => {
    const { discrepancy } = await soak({ blocks: 15 });
    expect(discrepancy).toMatchObject({
      kind: 'recorder',
      message: expect.stringContaining('blocksPerSegment'),
    });
    // There is no log yet, and nobody has appended anything.
    expect(readdirSync(join(parent, 'log.discrepancy'))).toContain('discrepancy.json');
  });
});

describe('soak as a command', () => {
  const SMALL = [
    '--blocks',
    16,
    '--events',
    20_000,
    '--max-segments',
    4,
    '--max-compressed',
    4,
    '--seed',
    SEED,
  ];

  it('says what it did, and leaves no temporary directory', async () => {
    const run = await engineSim(['soak', '--minutes', 0.05, '--json', ...SMALL], { tmpDir: parent });
    const result = jsonOf(run);
    expect([run.status, result]).toMatchObject([
      0,
      { minutes: 0.05, seed: SEED, lost: 0, discrepancy: null },
    ]);
    expect(Object.keys(result)).toEqual([
      'minutes',
      'seed',
      'seconds',
      'lives',
      'kills',
      'followerKills',
      'events',
      'recovered',
      'lost',
      'followed',
      'comparedEvents',
      'verifiedBytes',
      'discrepancy',
    ]);
    expect(result.followed).toBe(result.recovered);
    expect(readdirSync(parent)).toEqual([]);
  });

  it('ends the life under way, looks at its log, and sums up when it is interrupted', async () => {
    const run = await engineSim(['soak', '--minutes', 5, ...SMALL], {
      interruptWhen: 'followed',
      tmpDir: parent,
    });
    expect([run.status, run.stdout], run.stderr).toEqual([130, expect.stringContaining('No discrepancy')]);
    expect(readdirSync(parent)).toEqual([]);
  });

  it('leaves nothing behind where it cannot begin', async () => {
    for (const args of [
      ['--max-segments', 2, '--max-compressed', 1],
      ['--blocks', 130_000],
      ['--profile', 'no-such-file'],
    ]) {
      const run = await engineSim(['soak', '--minutes', 1, ...args], { tmpDir: parent });
      expect([run.status, run.stdout], run.stderr).toEqual([2, '']);
    }
    expect(readdirSync(parent)).toEqual([]);
  });

  it('says what is wrong with a file that is none of a soak', async () => {
    const file = join(parent, 'discrepancy.json');
    for (const text of [
      '{}',
      'no JSON',
      'null',
      '{"discrepancy":{"message":"x"},"flow":{"seed":1},"due":1,"log":"../../etc"}',
    ]) {
      writeFileSync(file, text);
      const run = await engineSim(['soak', '--replay', file]);
      expect([run.status, run.stderr]).toEqual([2, expect.stringContaining('not what a soak has written')]);
    }
    expect((await engineSim(['soak', '--replay', join(parent, 'missing.json')])).status).toBe(2);
  });
});
