import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readRunRecord } from '../src/report/read-run-record.js';
import { engineSim, jsonOf } from './engine-sim.js';

let dir: string;
let log: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'engine-sim-observed-'));
  log = join(dir, 'log');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('a run that is looked at', () => {
  it('saves its data and writes its report, and names both in its result', async () => {
    const [saved, report] = [join(dir, 'run.json'), join(dir, 'run.html')];
    const args = [
      'record',
      '--dir',
      log,
      '--events',
      400_000,
      '--blocks',
      64,
      '--save-run',
      saved,
      '--report',
      report,
    ];
    const result = jsonOf(await engineSim([...args, '--json']));
    expect(result).toMatchObject({ events: 400_000, run: saved, report });
    const run = readRunRecord(saved);
    expect(run).toMatchObject({
      command: 'record',
      options: { dir: log, events: 400_000, blocks: 64, seed: 1 },
      totals: { appended: 400_000, kills: 0, recoveries: 0, lost: 0 },
    });
    expect(run.series.columns.appended.some((rate) => rate !== null && rate > 0)).toBe(true);
    expect(run.distributions.append?.count).toBeGreaterThan(0);
    expect(run.distributions.rotation?.count).toBeGreaterThan(10);
    expect(run.segments.length).toBeGreaterThan(20);
    // All but the last ones, which were made ahead and not needed, or still being written at the end.
    for (const { segmentIndex, prepared, active, sealed, persisted } of run.segments.slice(1, 20)) {
      const times = [prepared, active, sealed, persisted].map(Number);
      expect(times, `segment ${segmentIndex}`).toEqual([...times].sort((a, b) => a - b));
    }
    expect(run.results.map(([name]) => name)).toContain('state hash');
    expect(readFileSync(report, 'utf8')).toContain('--blocks 64');
  });

  it('knows of each kill and recovery of a crash run', async () => {
    const saved = join(dir, 'run.json');
    const args = ['crash', '--dir', log, '--kills', 3, '--events', 20_000, '--save-run', saved];
    const crash = await engineSim([...args, '--json']);
    const result = jsonOf(crash) as Record<string, number>;
    expect(crash.status, crash.stderr).toBe(0);
    const run = readRunRecord(saved);
    expect(run.totals).toEqual({ appended: result.appended, kills: 3, recoveries: 3, lost: 0 });
    expect(run.incidents.map(({ kind }) => kind)).toEqual(Array(3).fill(['killed', 'recovered']).flat());
    expect(run.verdict?.sound).toBe(true);
    // What the dead did not come to tell of was seen in the directory.
    const names = readdirSync(log).filter((name) => /^FS\.\d+\.wal$/.test(name));
    const present = run.segments.filter(({ deleted }) => deleted === undefined);
    expect(present.length).toBe(names.length);
  });

  it('leaves what was seen of a run that an error ends', async () => {
    const [flow, saved] = [join(dir, 'flow'), join(dir, 'run.json')];
    await engineSim(['record', '--dir', join(dir, 'first'), '--events', 9000, '--flow-out', flow]);
    const bytes = readFileSync(flow);
    bytes[64 + 8500 * 64 + 40] ^= 1;
    writeFileSync(flow, bytes);
    const run = await engineSim(['record', '--dir', log, '--flow-in', flow, '--save-run', saved]);
    expect(run.status).toBe(2);
    const { totals, verdict } = readRunRecord(saved);
    expect(totals.appended).toBeGreaterThan(0);
    expect(verdict).toMatchObject({ sound: false, text: expect.stringContaining('Ended by an error: ') });
  });

  it('says what it recovered', async () => {
    await engineSim(['record', '--dir', log, '--events', 1000]);
    const saved = join(dir, 'run.json');
    const recovered = await engineSim(['recover', '--dir', log, '--save-run', saved]);
    expect(recovered.status, recovered.stderr).toBe(0);
    expect(readRunRecord(saved)).toMatchObject({ command: 'recover', options: { dir: log } });
  });

  it('leaves nothing beside its log where nobody looks', async () => {
    await engineSim(['record', '--dir', log, '--events', 1000]);
    expect(readdirSync(dir)).toEqual(['log']);
  });

  it('does not begin where its files cannot be written, or its page’s port is none', async () => {
    const run = ['record', '--dir', log, '--events', 10];
    const same = join(dir, 'same');
    for (const [files, reason] of [
      [['--report', join(dir, 'no', 'x.html')], 'ENOENT'],
      [['--save-run', dir], 'is a directory'],
      [['--report', same, '--save-run', same], 'cannot be both'],
    ] as const) {
      const refused = await engineSim([...run, ...files]);
      expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining(reason)]);
    }
    expect(readdirSync(dir)).toEqual([]);
    const port = await engineSim(['record', '--dir', log, '--events', 10, '--dashboard', '--port', 65_536]);
    expect([port.status, port.stderr]).toEqual([2, expect.stringContaining('0 to 65535')]);
  });
});

describe('report', () => {
  it('lays runs over each other in one file', async () => {
    const runs = [join(dir, 'a.json'), join(dir, 'b.json')];
    for (const [i, saved] of runs.entries()) {
      await engineSim(['record', '--dir', `${log}-${i}`, '--events', 100_000, '--save-run', saved]);
    }
    const file = join(dir, 'both.html');
    const report = await engineSim(['report', ...runs, '-o', file, '--json']);
    expect(report.status, report.stderr).toBe(0);
    const html = readFileSync(file, 'utf8');
    expect(jsonOf(report)).toEqual({ report: file, runs: 2, bytes: Buffer.byteLength(html) });
    expect(html).toContain('2 runs compared');
  });

  it('says which file is not the data of a run, and writes nothing', async () => {
    const file = join(dir, 'x.json');
    writeFileSync(file, '{"format":"something"}');
    const report = await engineSim(['report', file, '-o', join(dir, 'x.html')]);
    expect(report.status).toBe(2);
    expect(report.stderr).toContain(`${file} is not what --save-run writes: its format is not fswal-run`);
    expect(readdirSync(dir)).toEqual(['x.json']);
  });

  it('is not written over a run, and waits for no fifo', async () => {
    const saved = join(dir, 'a.json');
    await engineSim(['record', '--dir', log, '--events', 10, '--save-run', saved]);
    const over = await engineSim(['report', saved, '-o', saved]);
    expect([over.status, over.stderr]).toEqual([2, expect.stringContaining('is one of the runs')]);
    expect(readFileSync(saved, 'utf8')).toContain('"format":"fswal-run"');
    const fifo = join(dir, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const report = await engineSim(['report', fifo, '-o', join(dir, 'x.html')]);
    expect([report.status, report.stderr]).toEqual([2, expect.stringContaining('not a regular file')]);
  });

  it('wants runs, and a file to write to', async () => {
    expect((await engineSim(['report', '-o', join(dir, 'x.html')])).status).toBe(2);
    expect((await engineSim(['report', join(dir, 'a.json')])).status).toBe(2);
  });
});
