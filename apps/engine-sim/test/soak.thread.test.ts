import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { specOfSeed } from '../src/flow/flow-spec.js';
import { checkKeptLog } from '../src/soak/kept-log.js';
import { GAUGES } from '../src/soak/process-gauges.js';
import type { SoakSample } from '../src/soak/soak-samples.js';
import { engineSim, jsonOf } from './engine-sim.js';

let parent: string;
let dir: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'engine-sim-test-'));
  dir = join(parent, 'log');
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

/** Segments of 4,096 events, some 25 a second: slow enough that compressing keeps up. */
const SMALL = ['--blocks', 16, '--rate', 100_000, '--max-segments', 2, '--max-compressed', 2, '--seed', 9];
const FIVE_SECONDS = 5 / 60;

const check = (lastEventId: number, seed = 9) =>
  checkKeptLog({
    dir,
    flow: specOfSeed(seed),
    lastEventId,
    signal: new AbortController().signal,
    onProgress: () => {},
  });

describe('soak', () => {
  it('rotates, compresses and retires segments, samples each second, and verifies what is left', async () => {
    const run = await engineSim([
      'soak',
      '--no-kills',
      '--minutes',
      FIVE_SECONDS,
      '--dir',
      dir,
      '--json',
      ...SMALL,
    ]);
    const result = jsonOf(run);
    // Fifteen samples are the least for a verdict.
    expect([run.status, result.verdict]).toMatchObject([0, { trend: 'too short' }]);
    expect(Object.keys(result)).toEqual([
      'minutes',
      'seconds',
      'seed',
      'durability',
      'events',
      'eventsPerSec',
      'rotations',
      'recycled',
      'compressed',
      'freed',
      'failures',
      'durableMoves',
      'waits',
      'refusals',
      'forcedGc',
      'verdict',
      'log',
      'samples',
    ]);
    expect(result).toMatchObject({ seed: 9, durability: 'interval', failures: 0, forcedGc: false });
    for (const name of ['rotations', 'compressed', 'freed', 'durableMoves']) {
      expect(result[name], name).toBeGreaterThan(0);
    }
    const events = result.events as number;
    const log = result.log as Record<string, unknown>;
    expect(log).toMatchObject({ lastEventId: String(events), sound: true, problem: null });
    expect(Number(log.firstEventId)).toBeGreaterThan(1);
    expect(log.events).toBe(events - Number(log.firstEventId) + 1);

    const samples = result.samples as SoakSample[];
    expect(samples.length).toBeGreaterThanOrEqual(1);
    expect(samples.length).toBeLessThanOrEqual(5);
    for (const sample of samples) {
      expect(Object.keys(sample)).toEqual(['second', ...GAUGES.map(({ name }) => name)]);
      for (const { name } of GAUGES) expect(sample[name], name).toBeGreaterThan(0);
    }
  });

  it('prints its table when it is interrupted, and leaves nothing behind', async () => {
    const run = await engineSim(['soak', '--no-kills', '--minutes', 5, ...SMALL], {
      interruptWhen: 'samples',
      tmpDir: parent,
    });
    expect(run.status).toBe(130);
    for (const { label } of GAUGES) expect(run.stdout).toContain(label);
    expect(run.stdout).toContain('Too short to tell');
    expect(run.stdout).toContain('are what they should be');
    expect(readdirSync(parent)).toEqual([]);
  });

  it('collects garbage before each sample where that is allowed, and says so', async () => {
    const args = ['soak', '--no-kills', '--minutes', 0.02, '--json', ...SMALL];
    const run = await engineSim(args, { nodeOptions: ['--expose-gc'], tmpDir: parent });
    expect(jsonOf(run)).toMatchObject({ forcedGc: true });
  });

  it('refuses a directory that has a log, and leaves that as it is', async () => {
    await engineSim(['record', '--dir', dir, '--events', 10]);
    const before = readdirSync(dir);
    const run = await engineSim(['soak', '--no-kills', '--minutes', 1, '--dir', dir, '--json']);
    expect([run.status, run.stdout]).toEqual([2, '']);
    expect(run.stderr).toContain('a log');
    expect(readdirSync(dir)).toEqual(before);
  });

  it('takes nothing else than what it says', async () => {
    for (const args of [
      [],
      ['--minutes', '0'],
      ['--minutes', '10081'],
      ['--minutes', '1', '--durability', 'some'],
      ['--minutes', '1', '--max-segments', '0'],
    ]) {
      const run = await engineSim(['soak', ...args]);
      expect([run.status, run.stdout], args.join(' ')).toEqual([2, '']);
    }
    const help = await engineSim(['soak', '--help']);
    expect(help.status).toBe(0);
    expect(help.stdout).toContain('a third of the run');
    expect(existsSync(dir)).toBe(false);
  });
});

describe('the check of what retention left', () => {
  beforeEach(async () => {
    const run = await engineSim(['soak', '--no-kills', '--minutes', 0.02, '--dir', dir, '--json', ...SMALL]);
    expect(jsonOf(run).log).toMatchObject({ sound: true });
  });
  const lastEventId = async () => Number((await check(Number.MAX_SAFE_INTEGER))?.lastEventId);

  it('finds a log that ends too early', async () => {
    const last = await lastEventId();
    expect(await check(last)).toMatchObject({ sound: true, problem: null });
    expect(await check(last + 1)).toMatchObject({ sound: false, lastEventId: String(last) });
  });

  it('finds a log of another flow', async () => {
    expect(await check(await lastEventId(), 10)).toMatchObject({
      sound: false,
      problem: expect.stringContaining("is not the flow's"),
    });
  });

  it('finds a flipped bit', async () => {
    const last = await lastEventId();
    const file = join(
      dir,
      readdirSync(dir)
        .filter((name) => name.endsWith('.wal'))
        .sort()[0],
    );
    const bytes = readFileSync(file);
    bytes[1000] ^= 1;
    writeFileSync(file, bytes);
    expect(await check(last)).toMatchObject({ sound: false, problem: expect.any(String) });
  });
});
