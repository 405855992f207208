import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { engineSim, jsonOf } from './engine-sim.js';

// What it makes in the directory for temporary files: all that it leaves is the report.
let tmpDir: string;
beforeEach(() => {
  tmpDir = mkdtempSync(join(tmpdir(), 'engine-sim-demo-'));
});
afterEach(() => rmSync(tmpDir, { recursive: true, force: true }));

describe('demo', () => {
  it('records, is killed, recovers and proves it, in one line of JSON, and leaves a report of it', async () => {
    const run = await engineSim(['demo', '--json'], { tmpDir });
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
      'dashboard',
      'report',
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
    expect(run.stderr).toMatch(/^dashboard: http:\/\/127\.0\.0\.1:\d+\/\n/);
    expect(run.stderr).toContain('SIGKILL');
    const { report } = result as { report: string };
    expect(readdirSync(tmpDir).map((name) => join(tmpDir, name))).toEqual([report]);
    const html = readFileSync(report, 'utf8');
    expect(html).toContain('Not one appended event is missing.');
    expect(html).toContain('"kind":"segments"');
  });

  it('writes its report where it is told to, and shows no page where none is wanted', async () => {
    const report = join(tmpDir, 'mine.html');
    const run = await engineSim(['demo', '--no-dashboard', '--report', report], { tmpDir });
    expect(run.status, run.stderr).toBe(0);
    expect(run.stdout).toContain(report);
    expect(run.stdout + run.stderr).not.toContain('http:');
    expect(readdirSync(tmpDir)).toEqual(['mine.html']);
  });

  it('cleans up and kills its process when it is interrupted', async () => {
    const run = await engineSim(['demo'], { interruptWhen: 'records and matches', tmpDir });
    expect([run.status, run.stdout]).toEqual([130, '']);
    expect(readdirSync(tmpDir)).toEqual([]);
  });
});
