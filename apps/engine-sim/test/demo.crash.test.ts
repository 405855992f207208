import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { engineSim, jsonOf } from './engine-sim.js';

function demoDirs(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith('fswal-demo-'));
}

describe('demo', () => {
  it('records, is killed, recovers and proves it, in one line of JSON, and leaves nothing behind', async () => {
    const before = demoDirs();
    const run = await engineSim(['demo', '--json']);
    const result = jsonOf(run);
    expect(run.status, run.stderr).toBe(0);
    expect(Object.keys(result)).toEqual([
      'events',
      'killedAt',
      'recovered',
      'lost',
      'stateHashMatches',
      'appendNsMedian',
      'appendEventsPerSec',
      'replayEventsPerSec',
    ]);
    const { events, killedAt, recovered } = result as Record<string, number>;
    expect(result).toMatchObject({ lost: 0, stateHashMatches: true });
    expect(killedAt).toBeGreaterThan(0.3 * events);
    // On a machine that leaves it no time the demo may kill too late, again and again; it then says so.
    expect(killedAt).toBeLessThanOrEqual(events);
    if (killedAt === events) expect(run.stderr).toContain('proves less than it should');
    expect([killedAt, killedAt + 1]).toContain(recovered);
    for (const figure of ['appendNsMedian', 'appendEventsPerSec', 'replayEventsPerSec']) {
      expect(result[figure]).toBeGreaterThan(0);
    }
    expect(run.stderr).toContain('SIGKILL');
    expect(demoDirs()).toEqual(before);
  });

  it('cleans up and kills its process when it is interrupted', async () => {
    const before = demoDirs();
    const run = await engineSim(['demo'], { interruptWhen: 'records and matches' });
    expect([run.status, run.stdout]).toEqual([130, '']);
    expect(demoDirs()).toEqual(before);
  });
});
