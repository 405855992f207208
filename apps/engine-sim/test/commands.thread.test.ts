import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { segmentFileName } from '@fswal/format';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { specOfSeed } from '../src/flow/flow-spec.js';
import { Reference } from '../src/log/reference.js';
import { engineSim, jsonOf } from './engine-sim.js';

const SEED = 5;

let parent: string;
let dir: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'engine-sim-test-'));
  dir = join(parent, 'log');
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

const record = (events: number, ...more: (string | number)[]) =>
  engineSim(['record', '--dir', dir, '--events', events, '--seed', SEED, '--json', ...more]);

describe('record and recover', () => {
  it('records a log whose recovery has the state of a fresh engine', async () => {
    const recorded = jsonOf(await record(30_000, '--blocks', 16));
    const hash = new Reference(specOfSeed(SEED)).stateHashAt(30_000);
    expect(recorded).toMatchObject({
      events: 30_000,
      firstEventId: '1',
      lastEventId: '30000',
      stateHash: hash,
    });
    expect(recorded.durableEventId).toBe('30000');

    const run = await engineSim(['recover', '--dir', dir, '--json']);
    const recovered = jsonOf(run);
    expect(run.status).toBe(0);
    expect(Object.keys(recovered)).toEqual([
      'events',
      'firstEventId',
      'lastEventId',
      'stateHash',
      'eventsPerSec',
      'report',
      'checkpoint',
      'skipped',
    ]);
    expect(recovered).toMatchObject({
      events: 30_000,
      firstEventId: '1',
      lastEventId: '30000',
      stateHash: hash,
    });
    expect(recovered.eventsPerSec).toBeGreaterThan(0);
    expect(recovered.report).toMatchObject({ events: 30_000, lastEventId: '30000' });
  });

  it('does its work where nobody reads what it says', async () => {
    await record(1000);
    const more = ['record', '--dir', dir, '--events', 1000, '--seed', SEED];
    const unread = await engineSim(more, { unread: true });
    expect(unread.status).toBe(0);
    expect(jsonOf(await engineSim(['recover', '--dir', dir, '--json']))).toMatchObject({ events: 2000 });
  });

  it('goes on with a log where it ended, as if it had never stopped', async () => {
    await record(10_000, '--blocks', 16);
    const second = jsonOf(await record(5000));
    expect(second).toMatchObject({ events: 5000, firstEventId: '10001', lastEventId: '15000' });
    expect(second.stateHash).toBe(new Reference(specOfSeed(SEED)).stateHashAt(15_000));
    const recovered = jsonOf(await engineSim(['recover', '--dir', dir, '--seed', SEED, '--json']));
    expect(recovered).toMatchObject({ events: 15_000, stateHash: second.stateHash, stateHashMatches: true });
  });

  it('holds the rate that it is given', async () => {
    const recorded = jsonOf(await record(300, '--rate', 1000));
    expect(recorded.events).toBe(300);
    // An upper bound only: a machine may be slow.
    expect(recorded.eventsPerSec).toBeLessThan(1100);
  });

  it('closes the log in order when it is interrupted', async () => {
    const args = ['record', '--dir', dir, '--events', 1_000_000, '--seed', SEED, '--json', '--rate', 20_000];
    await record(10);
    const run = await engineSim(args, { interruptWhen: 'going on after event 10' });
    expect(run.status).toBe(130);
    const recorded = jsonOf(run);
    const recovered = jsonOf(await engineSim(['recover', '--dir', dir, '--seed', SEED, '--json']));
    expect(recovered).toMatchObject({ lastEventId: recorded.lastEventId, stateHash: recorded.stateHash });
  });

  it('takes checkpoints, goes on from the newest, and proves it against the seed and the whole log', async () => {
    const first = jsonOf(await record(20_000, '--blocks', 16, '--checkpoint-every', 20_000));
    expect(first).toMatchObject({ checkpoint: null, skipped: [] });
    expect(first.checkpoints).toMatchObject({
      written: 1,
      lastEventId: '20000',
      failed: 0,
      lastFailure: null,
    });
    const file = join(`${dir}.checkpoints`, 'checkpoint-00000000000000020000.fscp');
    const run = await record(5000);
    expect(run.stderr).toContain('from the checkpoint of event 20,000');
    expect(jsonOf(run)).toMatchObject({ checkpoint: { eventId: '20000', file }, checkpoints: null });

    const args = ['recover', '--dir', dir, '--seed', SEED, '--json'];
    const tail = jsonOf(await engineSim(args));
    expect(tail).toMatchObject({ events: 5000, firstEventId: '20001', lastEventId: '25000' });
    expect(tail).toMatchObject({
      checkpoint: { eventId: '20000', file },
      skipped: [],
      stateHashMatches: true,
    });
    const whole = jsonOf(await engineSim([...args, '--full']));
    expect(whole).toMatchObject({ events: 25_000, checkpoint: null, skipped: [], stateHashMatches: true });
    expect(whole.stateHash).toBe(tail.stateHash);

    writeFileSync(file, readFileSync(file).subarray(0, 500));
    const fallback = await engineSim(args);
    expect([fallback.status, jsonOf(fallback).checkpoint]).toEqual([0, null]);
    const reason = expect.stringContaining('it has 500 bytes, and was written with');
    expect(jsonOf(fallback)).toMatchObject({ skipped: [{ file, reason }], stateHash: tail.stateHash });
    expect(fallback.stderr).toContain('checkpoint not used: it has 500 bytes');
    expect(fallback.stderr).toContain('from the whole log');
  });

  it('recover: no state where retention took what it follows from, and no checkpoint has it', async () => {
    await record(30_000, '--blocks', 16);
    rmSync(join(dir, segmentFileName(0)));
    const run = await engineSim(['recover', '--dir', dir, '--json']);
    expect(run.status).toBe(1);
    expect(run.stderr).toContain('the log begins with event 4097: retention has taken what was before it');
  });

  it('says in words what it did, without --json', async () => {
    const run = await engineSim(['record', '--dir', dir, '--events', 1000]);
    expect(run.status).toBe(0);
    expect(run.stdout).toContain('Recorded 1,000 events');
    const recovered = await engineSim(['recover', '--dir', dir, '--seed', 1]);
    expect(recovered.stdout).toContain('Recovered 1,000 events');
    expect(recovered.stdout).toContain('the state of a fresh engine');
  });
});

describe('what recover and record refuse', () => {
  it('recover: a directory that is not there, and one without a log', async () => {
    const missing = await engineSim(['recover', '--dir', dir, '--json']);
    expect([missing.status, missing.stdout]).toEqual([2, '']);
    expect(missing.stderr).toContain('DIRECTORY_NOT_FOUND');
    const empty = await engineSim(['recover', '--dir', parent, '--json']);
    expect([empty.status, empty.stdout]).toEqual([2, '']);
    expect(empty.stderr).toContain('SEGMENT_NOT_FOUND');
    expect(existsSync(dir)).toBe(false);
  });

  it('recover: damage, with what came before it and exit status 1', async () => {
    await record(30_000, '--blocks', 16);
    const file = join(dir, segmentFileName(2));
    const bytes = readFileSync(file);
    bytes[30_000] ^= 4;
    writeFileSync(file, bytes);
    const run = await engineSim(['recover', '--dir', dir, '--seed', SEED, '--json']);
    expect(run.status).toBe(1);
    expect(run.stderr).toContain('BLOCK_CHECKSUM_MISMATCH');
    const result = jsonOf(run);
    expect(result).toMatchObject({
      stateHashMatches: false,
      error: { code: 'BLOCK_CHECKSUM_MISMATCH', file },
    });
    expect(result.events).toBeGreaterThanOrEqual(2 * 16 * 256);
    expect(result.events).toBeLessThan(30_000);
  });

  it('recover: a log of another seed', async () => {
    await record(1000);
    const run = await engineSim(['recover', '--dir', dir, '--seed', SEED + 1, '--json']);
    expect(run.status).toBe(1);
    expect(jsonOf(run)).toMatchObject({ events: 1000, stateHashMatches: false });
    expect(run.stderr).toContain(`not recorded with seed ${SEED + 1}`);
  });

  it('record: to go on with a log of another seed', async () => {
    await record(1000);
    const before = readdirSync(dir);
    const run = await engineSim(['record', '--dir', dir, '--events', 10, '--seed', SEED + 1, '--json']);
    expect([run.status, run.stdout]).toEqual([2, '']);
    expect(readdirSync(dir)).toEqual(before);
  });

  it.each([
    [['record', '--events', '5']],
    [['record', '--dir', 'x', '--events', '0']],
    [['record', '--dir', 'x', '--events', '5', '--blocks', '3']],
    [['record', '--dir', 'x', '--events', '5', '--colour', 'red']],
    [['record', '--dir', 'x', '--events', '5', '--checkpoint-every', '0']],
    [['record', '--dir', 'x', '--events', '5', '--checkpoint-every', '1', '--keep-checkpoints', '0']],
    [['recover']],
    [['recover', '--dir', 'x', 'extra']],
    [['crash', '--dir', 'x']],
    [['demo', '--events', '5']],
    [['no-such-command']],
    [[]],
  ])('%j: usage, with exit status 2 and nothing on stdout', async (args) => {
    const run = await engineSim(args);
    expect([run.status, run.stdout]).toEqual([2, '']);
    expect(run.stderr).not.toBe('');
  });

  it.each(['record', 'recover', 'crash', 'demo'])('%s --help: exit status 0', async (name) => {
    const run = await engineSim([name, '--help']);
    expect(run.status).toBe(0);
    expect(run.stdout).toContain(`engine-sim ${name}`);
    expect(run.stdout).toContain('Exit status');
  });
});
