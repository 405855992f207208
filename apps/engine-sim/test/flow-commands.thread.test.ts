import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { engineSim, jsonOf } from './engine-sim.js';

const SEED = 8;
const PROFILE = [
  '--arrivals',
  'hawkes',
  '--instruments',
  3,
  '--users',
  50,
  '--mix',
  'new=5,price=1,cancel=4',
];

let parent: string;
let dir: string;
let file: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'engine-sim-test-'));
  dir = join(parent, 'log');
  file = join(parent, 'a.flow');
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

const run = (...args: (string | number)[]) => engineSim([...args, '--json']);
const record = async (...args: (string | number)[]) =>
  jsonOf(await run('record', '--dir', dir, '--blocks', 16, ...args));

describe('a flow of a profile', () => {
  it('is recorded, gone on with and recognised, and is not the flow of its seed alone', async () => {
    await record('--events', 6000, '--seed', SEED, ...PROFILE);
    const second = await record('--events', 4000, '--seed', SEED, ...PROFILE);
    expect(second).toMatchObject({ lastEventId: '10000', seed: SEED });
    const same = await run('recover', '--dir', dir, '--seed', SEED, ...PROFILE);
    expect(jsonOf(same)).toMatchObject({ stateHash: second.stateHash, stateHashMatches: true });
    const other = await run('recover', '--dir', dir, '--seed', SEED);
    expect([other.status, jsonOf(other).stateHashMatches]).toEqual([1, false]);
    const refused = await run('record', '--dir', dir, '--events', 5, '--seed', SEED, '--users', 50);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain(`not recorded with seed ${SEED} and this profile`);
  });

  it('is the same whether its profile comes from a file or from options, and whatever the real time', async () => {
    const profile = join(parent, 'profile.json');
    writeFileSync(profile, '{"arrivals": {"kind": "poisson", "rate": 20000}, "users": 9}');
    await record('--events', 2000, '--profile', profile);
    const args = ['--seed', 1, '--users', 9, '--arrivals', 'poisson', '--rate', 20_000];
    expect(await record('--events', 500, ...args)).toMatchObject({ lastEventId: '2500' });
    const recovered = await run('recover', '--dir', dir, ...args);
    expect(jsonOf(recovered)).toMatchObject({ events: 2500, stateHashMatches: true });
  });

  it('survives kills', async () => {
    const args = ['--kills', 2, '--events', 20_000, '--blocks', 16, '--seed', SEED, ...PROFILE];
    const crashed = await run('crash', '--dir', dir, ...args);
    expect(crashed.status).toBe(0);
    expect(jsonOf(crashed)).toMatchObject({ kills: 2, lost: 0, mismatches: 0 });
  });
});

describe('a flow file', () => {
  it('holds what was recorded, and gives the same log when it is played', async () => {
    const recorded = await record('--events', 9000, '--seed', SEED, '--flow-out', file, ...PROFILE);
    expect(readdirSync(parent).sort()).toEqual(['a.flow', 'log']);
    rmSync(dir, { recursive: true });
    await record('--events', 5000, '--flow-in', file);
    const played = await record('--flow-in', file);
    expect(played).toMatchObject({ events: 4000, stateHash: recorded.stateHash, seed: null });
    for (const flow of [
      ['--flow-in', file],
      ['--seed', SEED, ...PROFILE],
    ]) {
      const recovered = await run('recover', '--dir', dir, ...flow);
      expect(jsonOf(recovered)).toMatchObject({ events: 9000, stateHashMatches: true });
    }
    expect(await record('--flow-in', file)).toMatchObject({
      events: 0,
      lastEventId: '9000',
      eventsPerSec: 0,
    });
  });

  it('is played at the pace at which it was recorded, and many times as fast', async () => {
    // 100 requests in about 1 s of the flow's clock.
    await record('--events', 100, '--flow-out', file, '--arrivals', 'fixed', '--rate', 100);
    for (const [speed, mostPerSec] of [
      [4, 440],
      [1, 110],
    ]) {
      rmSync(dir, { recursive: true });
      const played = await record('--flow-in', file, '--pace', 'recorded', '--speed', speed);
      // An upper bound only: a machine may be slow.
      expect(played.eventsPerSec).toBeLessThan(mostPerSec);
      expect(played.events).toBe(100);
    }
  });

  it('is whole when the recording is interrupted', async () => {
    const args = ['--events', 1_000_000, '--rate', 20_000, '--flow-out', file, '--seed', SEED];
    await record('--events', 10, '--seed', SEED);
    const interrupted = await engineSim(['record', '--dir', dir, '--json', ...args], {
      interruptWhen: 'going on after event 10',
    });
    expect(interrupted.status).toBe(130);
    const { events } = jsonOf(interrupted);
    const other = join(parent, 'other');
    const played = await run('record', '--dir', other, '--flow-in', file);
    expect(jsonOf(played)).toMatchObject({ events });
  });

  it('is refused where it is damaged, and the log that was begun is kept', async () => {
    await record('--events', 9000, '--flow-out', file, '--seed', SEED);
    rmSync(dir, { recursive: true });
    const bytes = readFileSync(file);
    bytes[64 + 5000 * 64 + 40] ^= 1;
    writeFileSync(file, bytes);
    const failed = await run('record', '--dir', dir, '--flow-in', file, '--flow-out', join(parent, 'b.flow'));
    expect([failed.status, failed.stdout]).toEqual([2, '']);
    expect(failed.stderr).toContain('CHECKSUM_MISMATCH: the requests from 4097 to 8192 are damaged');
    const recovered = await run('recover', '--dir', dir, '--seed', SEED);
    expect(jsonOf(recovered)).toMatchObject({ events: 4096, stateHashMatches: true });
    expect(readdirSync(parent).sort()).toEqual(['a.flow', 'log']);
  });

  it.each([
    [['record', '--dir', 'x'], '--events is needed'],
    [['record', '--dir', 'x', '--events', '5', '--arrivals', 'weekly'], 'weekly'],
    [['record', '--dir', 'x', '--events', '5', '--mix', 'new=1,cancel=2'], 'mix.new must be from mix.cancel'],
    [['record', '--dir', 'x', '--events', '5', '--mix', 'new=1,modify=2'], 'modify=2 is not'],
    [['record', '--dir', 'x', '--events', '5', '--speed', '2'], '--speed is for --pace recorded'],
    [['record', '--dir', 'x', '--flow-in', 'y', '--users', '5'], 'cannot be used with'],
    [['record', '--dir', 'x', '--flow-in', 'y', '--pace', 'recorded', '--rate', '5'], 'cannot be used with'],
    [['record', '--dir', 'x', '--flow-in', 'no-such-file'], 'OPEN_FAILED'],
    [['recover', '--dir', 'x', '--users', '5'], 'without a --seed'],
    [['soak', '--minutes', '1', '--profile', 'no-such-file'], 'ENOENT'],
  ])('%j: usage, with exit status 2', async (args, message) => {
    const failed = await engineSim(args);
    expect([failed.status, failed.stdout]).toEqual([2, '']);
    expect(failed.stderr).toContain(message);
  });
});
