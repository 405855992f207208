import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checksum, TAIL_RING_FILE } from '@fswal/format';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CrashRun } from '../src/crash/crash-run.js';
import { specOfSeed } from '../src/flow/flow-spec.js';
import { Reference } from '../src/log/reference.js';
import { engineSim, jsonOf } from './engine-sim.js';

const SEED = Math.floor(Date.now() / 1000);

/** Changes a byte of a checkpoint, and its checksum with it. */
function reseal(bytes: Buffer, at: number): void {
  bytes[at] ^= 1;
  bytes.writeBigUInt64LE(checksum(bytes.subarray(0, -8), 0n), bytes.length - 8);
}

let parent: string;
let dir: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'engine-sim-test-'));
  dir = join(parent, 'log');
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

describe(`crash, seed ${SEED}`, () => {
  it('loses nothing over four kills of one log, and leaves nothing but the log', async () => {
    const args = ['crash', '--dir', dir, '--kills', 4, '--seed', SEED, '--events', 20_000, '--blocks', 16];
    const run = await engineSim([...args, '--json']);
    const result = jsonOf(run);
    expect(Object.keys(result)).toEqual(['kills', 'appended', 'recovered', 'lost', 'mismatches']);
    expect(result, run.stderr).toMatchObject({ kills: 4, lost: 0, mismatches: 0 });
    expect(run.status).toBe(0);
    expect(result.recovered).toBeGreaterThanOrEqual(result.appended as number);
    expect(result.appended).toBeGreaterThan(0);
    expect(readdirSync(parent)).toEqual(['log']);

    const recovered = jsonOf(await engineSim(['recover', '--dir', dir, '--seed', SEED, '--json']));
    expect(recovered).toMatchObject({ events: result.recovered, stateHashMatches: true });
    expect(recovered.stateHash).toBe(new Reference(specOfSeed(SEED)).stateHashAt(result.recovered as number));
  });

  it('goes on with a log that is there already', async () => {
    await engineSim(['record', '--dir', dir, '--events', 5000, '--seed', SEED, '--blocks', 16]);
    const result = await new CrashRun({
      dir,
      kills: 2,
      seed: SEED,
      flow: specOfSeed(SEED),
      events: 5000,
      blocks: 16,
    }).run();
    expect(result).toMatchObject({ kills: 2, lost: 0, mismatches: 0 });
    expect(result.recovered).toBeGreaterThanOrEqual(5000 + result.appended);
  });

  it("refuses another seed's log", async () => {
    await engineSim(['record', '--dir', dir, '--events', 500, '--seed', SEED + 1, '--blocks', 16]);
    const run = await engineSim(['crash', '--dir', dir, '--kills', 1, '--seed', SEED]);
    expect(run.status).toBe(2);
    expect(run.stderr).toContain('was not recorded with seed');
  });

  it('would see a loss: counts what the tail ring held when somebody removes it', async () => {
    let appended = 0;
    const run = new CrashRun({
      dir,
      kills: 5,
      seed: SEED,
      flow: specOfSeed(SEED),
      // So many that no life comes to its end, where the ring would hold nothing that the segments do not.
      events: 100_000,
      blocks: 16,
      // What a log that keeps its newest events in the process would look like.
      afterKill: (logDir) => rmSync(join(logDir, TAIL_RING_FILE), { force: true }),
      onLife: (life) => {
        appended += life.appended;
      },
    });
    const result = await run.run();
    expect(result.appended).toBe(appended);
    expect(result.lost).toBeGreaterThan(0);
    expect(result.lost).toBeLessThanOrEqual(appended);
  });

  it('would see a loss: counts everything when the log disappears', async () => {
    const run = new CrashRun({
      dir,
      kills: 3,
      seed: SEED,
      flow: specOfSeed(SEED),
      events: 5000,
      blocks: 16,
      afterKill: (logDir) => rmSync(logDir, { recursive: true, force: true }),
    });
    const result = await run.run();
    expect(result).toMatchObject({ kills: 3, recovered: 0, lost: result.appended, mismatches: 0 });
  });

  it('goes on from checkpoints, and what they give is what the whole log gives', async () => {
    const args = ['crash', '--dir', dir, '--kills', 4, '--seed', SEED, '--events', 20_000, '--blocks', 16];
    const run = await engineSim([...args, '--checkpoints', '--json']);
    const result = jsonOf(run);
    expect(result, run.stderr).toMatchObject({ kills: 4, lost: 0, mismatches: 0 });
    expect(Object.keys(result).at(-1)).toBe('checkpoints');
    expect(run.status).toBe(0);
    expect(readdirSync(parent).sort()).toEqual(['log', 'log.checkpoints']);
  });

  it.each([
    ['is damaged', (bytes: Buffer) => bytes.fill(0xff, 100, 120), 'cannot be used'],
    ['has another state', (bytes: Buffer) => reseal(bytes, 104), 'from checkpoint'],
  ])('would see a checkpoint that %s', async (_, harm, mismatch) => {
    await engineSim(['record', '--dir', dir, '--events', 5000, '--seed', SEED, '--checkpoint-every', 5000]);
    const file = join(`${dir}.checkpoints`, 'checkpoint-00000000000000005000.fscp');
    const bytes = readFileSync(file);
    harm(bytes);
    // After the life, which would have moved it aside. In one event it takes none of its own.
    let found: string | undefined;
    const run = new CrashRun({
      dir,
      kills: 1,
      seed: SEED,
      flow: specOfSeed(SEED),
      events: 1,
      blocks: 16,
      checkpoints: true,
      afterKill: () => writeFileSync(file, bytes),
      onLife: (_life, verdict) => {
        found = verdict.mismatch;
      },
    });
    expect(await run.run()).toMatchObject({ kills: 1, lost: 0, mismatches: 1 });
    expect(found).toContain(mismatch);
  });

  it('stops and cleans up when it is interrupted', async () => {
    const args = ['crash', '--dir', dir, '--kills', 600, '--seed', SEED, '--events', 20_000];
    const run = await engineSim(args, { interruptWhen: 'kill 2 ' });
    expect(run.status).toBe(130);
    expect(existsSync(`${dir}.published`)).toBe(false);
  });
});
