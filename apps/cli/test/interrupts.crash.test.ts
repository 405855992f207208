import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { Interrupted } from '../src/interrupts.js';
import { writeNewFile } from '../src/log/new-file.js';
import { fswal, jsonOf, start, statusOf } from './helpers/fswal.js';
import { record, SEGMENT_EVENTS, tempDir } from './helpers/logs.js';

/** Starts it, interrupts it when `ready`, and tells how it ended. */
async function interrupt(args: readonly (string | number)[], ready: () => boolean) {
  const child = start(args);
  let stderr = '';
  child.stderr?.on('data', (text) => {
    stderr += text;
  });
  child.stdout?.resume();
  const status = statusOf(child);
  while (!ready() && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 5));
  child.kill('SIGINT');
  return { status: await status, stderr };
}

/** Everything in a directory, and in those inside of it; nothing where it is not there. */
function filesIn(dir: string): string[] {
  return fs.existsSync(dir) ? fs.readdirSync(dir, { encoding: 'utf8', recursive: true }) : [];
}

const isRecordingIn = (dir: string) => filesIn(dir).some((name) => name.endsWith('FS.00000003.wal'));

describe('Ctrl-C', () => {
  it('ends bench, which leaves nothing behind', async () => {
    const dir = path.join(tempDir(), 'bench');
    const run = await interrupt(['bench', dir, '--events', 500_000_000, '--blocks', 64], () =>
      isRecordingIn(dir),
    );
    expect(run).toEqual({ status: 130, stderr: '' });
    expect(fs.existsSync(dir)).toBe(false);
  });

  it('ends compress, which leaves nothing unfinished, and the log is whole', async () => {
    const dir = await record(200 * SEGMENT_EVENTS);
    const hasBegun = () => fs.existsSync(path.join(dir, 'FS.00000002.wal.lz4'));
    const run = await interrupt(['compress', dir], hasBegun);
    expect(run).toEqual({ status: 130, stderr: '' });
    const names = fs.readdirSync(dir);
    expect(names.filter((name) => name.endsWith('.tmp'))).toEqual([]);
    // Of one segment both forms may be there.
    expect(new Set(names.map((name) => name.replace('.lz4', ''))).size).toBe(201);
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

  it('ends dump while nobody reads what it prints, as a pager that is not scrolled', async () => {
    const child = start(['dump', await record(50 * SEGMENT_EVENTS)]);
    const status = statusOf(child);
    // The first of it, and then no more: the pipe is full from there on.
    await once(child.stdout as NodeJS.ReadableStream, 'readable');
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([null, 'SIGINT']);
    child.stdout?.resume();
    expect(await status).toBe(130);
  });

  it('ends expand, which leaves nothing unfinished', async () => {
    const dir = await record(3 * SEGMENT_EVENTS);
    await fswal(['compress', dir]);
    const before = filesIn(dir).sort();
    const controller = new AbortController();
    const out = path.join(dir, 'one.wal');
    const written = writeNewFile(out, new Uint8Array(100 * 2 ** 20), controller.signal);
    controller.abort(new Interrupted());
    await expect(written).rejects.toBeInstanceOf(Interrupted);
    expect(filesIn(dir).sort()).toEqual(before);
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

  it('makes the directories above as well, and removes what it made alone', async () => {
    const parent = tempDir();
    const dir = path.join(parent, 'a', 'b');
    const run = await interrupt(['bench', dir, '--events', 500_000_000, '--blocks', 64], () => {
      if (!isRecordingIn(dir)) return false;
      fs.writeFileSync(path.join(parent, 'a', 'of somebody else'), '');
      return true;
    });
    expect(run).toEqual({ status: 130, stderr: '' });
    expect(filesIn(parent).sort()).toEqual(['a', 'a/of somebody else']);
  });

  it('leaves what others have put beside its files', async () => {
    const dir = path.join(tempDir(), 'bench');
    await interrupt(['bench', dir, '--events', 500_000_000, '--blocks', 64], () => {
      if (!isRecordingIn(dir)) return false;
      fs.writeFileSync(path.join(dir, 'precious'), '');
      return true;
    });
    expect(filesIn(dir)).toEqual(['precious']);
  });

  it('refuses a link that leads nowhere, which stays', async () => {
    const link = path.join(tempDir(), 'link');
    fs.symlinkSync('nowhere', link);
    const run = await fswal(['bench', link, '--events', 1000]);
    expect([run.status, run.stdout]).toEqual([2, '']);
    expect(fs.readlinkSync(link)).toBe('nowhere');
  });

  it('refuses a directory with anything in it', async () => {
    const dir = tempDir();
    fs.writeFileSync(path.join(dir, 'precious'), '');
    const run = await fswal(['bench', dir]);
    expect([run.status, run.stdout]).toEqual([2, '']);
    expect(fs.readdirSync(dir)).toEqual(['precious']);
  });
});
