import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { killMidway } from '../src/crash/kill-midway.js';
import { OrderFlow } from '../src/flow/order-flow.js';
import { Replay } from '../src/log/replay.js';
import { replayLog } from '../src/log/replay-log.js';

const SEED = 3;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'engine-sim-test-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('a kill in the middle of a recording', () => {
  it('is told and tried again with more events, in a new log, where it came after the last one', async () => {
    const said: string[] = [];
    const logDir = join(dir, 'log');
    const { signal } = new AbortController();
    // One event has no middle: the first kill comes too late whatever happens.
    const options = { dir, logDir, seed: SEED, events: 1, signal, say: (line: string) => said.push(line) };
    const { events, killedAt } = await killMidway(options);
    expect(said[2]).toContain('too late');
    expect(said[2]).toContain('Once more');
    expect([2, 4]).toContain(events);
    expect(killedAt).toBeGreaterThanOrEqual(1);
    expect(killedAt).toBeLessThanOrEqual(events);
    expect(said.at(-1)!.includes('proves less than it should')).toBe(killedAt === events);

    const replay = new Replay({ flow: new OrderFlow(SEED) });
    await replayLog(logDir, replay);
    expect(replay.difference).toBeUndefined();
    expect(replay.events).toBeGreaterThanOrEqual(killedAt);
    expect(replay.events).toBeLessThanOrEqual(events);
  });
});
