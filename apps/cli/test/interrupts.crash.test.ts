import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { fswal, jsonOf, start } from './helpers/fswal.js';
import { record, SEGMENT_EVENTS, tempDir } from './helpers/logs.js';

/** Starts it, interrupts it when `ready`, and tells how it ended. */
async function interrupt(args: readonly (string | number)[], ready: () => boolean) {
  const child = start(args);
  let stderr = '';
  child.stderr?.on('data', (text) => {
    stderr += text;
  });
  child.stdout?.resume();
  const closed = once(child, 'close');
  while (!ready() && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 5));
  child.kill('SIGINT');
  const [status, signal] = await closed;
  return { status, signal, stderr };
}

describe('Ctrl-C', () => {
  it('ends bench, which leaves nothing behind', async () => {
    const dir = path.join(tempDir(), 'bench');
    const isRecording = () => fs.existsSync(path.join(dir, 'FS.00000003.wal'));
    const run = await interrupt(['bench', dir, '--events', 500_000_000, '--blocks', 64], isRecording);
    expect(run).toEqual({ status: 130, signal: null, stderr: '' });
    expect(fs.existsSync(dir)).toBe(false);
  });

  it('ends compress between two segments, and the log is whole', async () => {
    const dir = await record(200 * SEGMENT_EVENTS);
    const hasBegun = () => fs.existsSync(path.join(dir, 'FS.00000002.wal.lz4'));
    const run = await interrupt(['compress', dir], hasBegun);
    expect(run).toEqual({ status: 130, signal: null, stderr: '' });
    const names = fs.readdirSync(dir);
    expect(names.filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect(names.filter((name) => name.startsWith('FS.'))).toHaveLength(200);
    expect(jsonOf(await fswal(['verify', dir, '--json']))).toMatchObject({
      status: 'OK',
      events: 200 * SEGMENT_EVENTS,
    });
  });

  it('ends dump', async () => {
    const dir = await record(50 * SEGMENT_EVENTS);
    const run = await fswal(['dump', dir], { interruptWhen: '"eventId":"1"' });
    expect([run.status, run.stderr]).toEqual([130, '']);
  });
});

describe('bench', () => {
  it('measures, and leaves the directory as it was: empty, or not there', async () => {
    const parent = tempDir();
    const dir = path.join(parent, 'bench');
    const run = await fswal(['bench', dir, '--events', 30_000, '--blocks', 16, '--json']);
    expect([run.status, run.stderr]).toEqual([0, '']);
    const percentiles = {
      p50: expect.any(Number),
      p90: expect.any(Number),
      p99: expect.any(Number),
      max: expect.any(Number),
    };
    expect(jsonOf(run)).toEqual({
      events: 30_000,
      appendNsPerEvent: expect.any(Number),
      recordMBPerSec: expect.any(Number),
      replayNsPerEvent: expect.any(Number),
      replayMBPerSec: expect.any(Number),
      verifyMBPerSec: expect.any(Number),
      syncNs: percentiles,
      fdatasyncNs: percentiles,
      complete: true,
    });
    expect(fs.readdirSync(parent)).toEqual([]);
    fs.mkdirSync(dir, { mode: 0o700 });
    expect((await fswal(['bench', dir, '--events', 1000])).stdout).toContain('every one of them came back');
    expect(fs.readdirSync(dir)).toEqual([]);
  });

  it('refuses a directory with anything in it', async () => {
    const dir = tempDir();
    fs.writeFileSync(path.join(dir, 'precious'), '');
    const run = await fswal(['bench', dir]);
    expect([run.status, run.stdout]).toEqual([2, '']);
    expect(fs.readdirSync(dir)).toEqual(['precious']);
  });
});
