import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { engineSim, jsonOf } from './engine-sim.js';
import { itchAdd, itchDelete, itchListed } from './market-data.js';

let dir: string;
let data: string;
let flow: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'engine-sim-test-'));
  data = join(dir, 'data');
  flow = join(dir, 'a.flow');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const lobster = (...more: (string | number)[]) =>
  engineSim(['import', '--format', 'lobster', data, '-o', flow, ...more]);

describe('import', () => {
  it('makes a flow that can be recorded', async () => {
    writeFileSync(data, '1.5,1,70,100,1000000,1\n2.5,4,70,100,1000000,1\n3,5,0,1,1000000,1\n');
    const run = await lobster('--json', '--instrument', 5);
    expect([run.status, run.stderr]).toEqual([0, '']);
    expect(jsonOf(run)).toMatchObject({
      format: 'lobster',
      file: data,
      flow,
      messages: 3,
      requests: 2,
      malformed: 0,
      skipped: { 'execution of a hidden order': 1 },
    });
    const recorded = await engineSim(['record', '--dir', join(dir, 'log'), '--flow-in', flow]);
    expect(recorded.stdout).toContain('Recorded 2 events');
    expect(recorded.stdout).toMatch(/trades +1\n/);
  });

  it('reads packed ITCH, and the symbols that it is told to', async () => {
    const messages = [
      itchListed(3, 'AAPL'),
      itchAdd(3, 1, 'B', 5, 1_000_000),
      itchAdd(4, 2, 'B', 5, 1_000_000),
      itchDelete(3, 1),
    ];
    writeFileSync(data, gzipSync(Buffer.concat(messages)));
    const run = await engineSim([
      'import',
      '--format',
      'itch',
      data,
      '-o',
      flow,
      '--json',
      '--symbol',
      'AAPL',
    ]);
    expect(run.status).toBe(0);
    expect(jsonOf(run)).toMatchObject({ requests: 2, symbols: { AAPL: 3 }, skipped: { 'other symbols': 1 } });
  });

  it('ends with status 1 where some of it was malformed, and says where', async () => {
    writeFileSync(data, 'one\ntwo\n1,1,70,100,1000000,1\n');
    const skipped = await lobster('--max-reports', 1);
    expect(skipped.status).toBe(1);
    expect(skipped.stderr).toBe(
      `${data}, line 1: it has 1 columns, not 6\nwhat else is malformed is only counted\n`,
    );
    expect(skipped.stdout).toMatch(/malformed +2\n/);
    rmSync(flow);
    const stopped = await lobster('--on-error', 'stop', '--json');
    expect([stopped.status, stopped.stdout]).toEqual([1, '']);
    expect(stopped.stderr).toContain(`${data}, line 1: it has 1 columns, not 6. The import ends here`);
    expect(readdirSync(dir)).toEqual(['data']);
  });

  it('leaves nothing behind when it is interrupted', async () => {
    // As big as some seconds of work, and malformed, so that there is a word to wait for.
    writeFileSync(data, gzipSync('x\n'.repeat(20_000_000), { level: 1 }));
    const run = await engineSim(['import', '--format', 'lobster', data, '-o', flow], {
      interruptWhen: 'line 1:',
    });
    expect([run.status, run.stdout]).toEqual([130, '']);
    expect(readdirSync(dir)).toEqual(['data']);
  });

  it.each([
    [[], 'required'],
    [['--format', 'lobster', '-o', 'x'], "missing required argument 'file'"],
    [['--format', 'csv', 'data', '-o', 'x'], 'csv'],
    [['--format', 'lobster', 'data'], '--out'],
    [['--format', 'lobster', 'no-such-file', '-o', 'x'], 'no-such-file'],
    [['--format', 'lobster', 'data', '-o', 'x', '--symbol', 'A'], '--symbol is for --format itch'],
    [['--format', 'itch', 'data', '-o', 'x', '--instrument', '1'], '--instrument is for --format lobster'],
    [['--format', 'lobster', 'data', 'more', '-o', 'x'], 'too many arguments'],
    [['--format', 'lobster', 'data', '-o', 'x', '--tick', '0'], 'whole number'],
    [['--format', 'lobster', 'data', '-o', 'x', '--date', 'today'], 'a day'],
  ])('%j: usage, with exit status 2', async (args, message) => {
    const failed = await engineSim(['import', ...args]);
    expect([failed.status, failed.stdout]).toEqual([2, '']);
    expect(failed.stderr).toContain(message);
    expect(readdirSync('.')).not.toContain('x');
  });

  it('--help: exit status 0', async () => {
    const run = await engineSim(['import', '--help']);
    expect(run.status).toBe(0);
    expect(run.stdout).toContain('engine-sim import');
    expect(run.stdout).toContain('TotalView-ITCH 5.0');
  });
});
