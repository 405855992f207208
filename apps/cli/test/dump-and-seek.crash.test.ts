import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { blockOffset, eventOffset } from '@fswal/format';
import { compressLog } from '@fswal/recorder';
import { describe, expect, it } from 'vitest';
import { BIN, fswal, jsonOf, linesOf, start } from './helpers/fswal.js';
import {
  flip,
  golden,
  lineOf,
  record,
  recordAndDie,
  SEGMENT_EVENTS,
  segment,
  tempDir,
} from './helpers/logs.js';

const idsOf = (stdout: string) =>
  linesOf<{ eventId: string }>({ stdout }).map(({ eventId }) => Number(eventId));
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('dump', () => {
  it('prints one object for each event, with exactly these fields', async () => {
    const run = await fswal(['dump', await record(3)]);
    expect([run.status, run.stderr]).toEqual([0, '']);
    expect(linesOf(run)).toEqual([lineOf(1), lineOf(2), lineOf(3)]);
    expect(Object.keys(linesOf(run)[0])).toEqual(Object.keys(lineOf(1)));
  });

  it('prints CSV with a header', async () => {
    const { status, stdout } = await fswal(['dump', await record(2), '--format', 'csv']);
    expect(status).toBe(0);
    expect(stdout).toBe(
      'eventId,timestamp,price,quantity,userId,orderId,type,orderType,side\n' +
        '1,1790000000000001000,9999,7,1,3,1,1,1\n' +
        '2,1790000000000002000,9998,14,2,6,2,0,0\n',
    );
  });

  it('begins where it is told, and ends at the limit', async () => {
    const dir = await record(2 * SEGMENT_EVENTS);
    expect(idsOf((await fswal(['dump', dir, '--from', 4090, '--limit', 10])).stdout)).toEqual(
      range(4090, 4099),
    );
    expect(idsOf((await fswal(['dump', dir, '--from', 8190, '--json'])).stdout)).toEqual(range(8190, 8192));
    expect(await fswal(['dump', dir, '--limit', 0])).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(await fswal(['dump', dir, '--from', 8193])).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it('prints compressed segments, and what only the tail ring has', async () => {
    const dir = await record(2 * SEGMENT_EVENTS + 20);
    await compressLog({ dir });
    expect(idsOf((await fswal(['dump', dir])).stdout)).toEqual(range(1, 2 * SEGMENT_EVENTS + 20));
    const killed = recordAndDie(300, 1000);
    expect(idsOf((await fswal(['dump', killed])).stdout)).toEqual(range(1, 1300));
  });

  it('prints ids past 2^53', async () => {
    const { stdout, status } = await fswal(['dump', golden('huge'), '--limit', 1, '--format', 'csv']);
    expect(status).toBe(0);
    expect(stdout.split('\n')[1]).toMatch(/^92233720368547758\d\d,/);
  });

  it('of a damaged log: what is sound, then the error', async () => {
    const dir = await record(3 * SEGMENT_EVENTS);
    flip(segment(dir, 1), blockOffset(2) + 100);
    const run = await fswal(['dump', dir]);
    expect(run.status).toBe(1);
    expect(run.stderr).toContain('fswal: BLOCK_CHECKSUM_MISMATCH');
    expect(idsOf(run.stdout)).toEqual(range(1, SEGMENT_EVENTS + 512));
    const json = await fswal(['dump', dir, '--json']);
    const error = {
      code: 'BLOCK_CHECKSUM_MISMATCH',
      message: 'the events are not those that were sealed',
      file: segment(dir, 1),
      offset: blockOffset(2),
      advice: expect.stringContaining('fswal verify DIR'),
    };
    expect([json.status, linesOf(json).at(-1)]).toEqual([1, { error }]);
    expect(linesOf(json)).toHaveLength(SEGMENT_EVENTS + 512 + 1);
  });

  it('--diagnostic: goes on behind damage, and says what it passed over', async () => {
    const dir = await record(3 * SEGMENT_EVENTS);
    flip(segment(dir, 1), blockOffset(2) + 100);
    const run = await fswal(['dump', dir, '--diagnostic']);
    expect(run.status).toBe(1);
    const [from, to] = [SEGMENT_EVENTS + 512, SEGMENT_EVENTS + 769];
    expect(run.stderr).toContain(
      `BLOCK_CHECKSUM_MISMATCH: 1 block passed over between event ${from} and event ${to}`,
    );
    expect(idsOf(run.stdout)).toEqual([...range(1, from), ...range(to, 3 * SEGMENT_EVENTS)]);
  });

  it('--diagnostic --limit: says what it passed over before the last event printed, and no more', async () => {
    const dir = await record(3 * SEGMENT_EVENTS);
    flip(segment(dir, 0), blockOffset(2) + 100);
    flip(segment(dir, 1), blockOffset(2) + 100);
    const limited = (limit: number) => fswal(['dump', dir, '--diagnostic', '--limit', limit]);
    expect(await limited(512)).toMatchObject({ status: 0, stderr: '' });
    const behind = await limited(513);
    expect(idsOf(behind.stdout)).toEqual([...range(1, 512), 769]);
    expect(behind.status).toBe(1);
    expect(behind.stderr.match(/passed over.* \(/g)).toEqual([
      'passed over between event 512 and event 769 (',
    ]);
  });

  it('--diagnostic --from: says what it passed over from there on, and no more', async () => {
    const dir = await record(SEGMENT_EVENTS);
    flip(segment(dir, 0), blockOffset(2) + 100);
    const from = (id: number) => fswal(['dump', dir, '--diagnostic', '--from', id, '--limit', 1000]);
    for (const id of [512, 513, 768]) {
      expect(await from(id)).toMatchObject({ status: 1, stderr: expect.stringContaining('passed over') });
    }
    expect(await from(769)).toMatchObject({ status: 0, stderr: '' });
  });

  it('--diagnostic --limit: says what is missing before the first event printed', async () => {
    const dir = await record(2 * SEGMENT_EVENTS);
    flip(segment(dir, 0), blockOffset(0) + 100);
    const run = await fswal(['dump', dir, '--diagnostic', '--limit', 1]);
    expect([run.status, idsOf(run.stdout)]).toEqual([1, [257]]);
    expect(run.stderr).toContain('1 block passed over between event 0 and event 257');
  });

  it('has nothing to print where there is no log', async () => {
    const empty = tempDir();
    expect(await fswal(['dump', empty])).toMatchObject({ status: 2, stdout: '' });
    expect((await fswal(['dump', `${empty}/missing`])).stderr).toContain('fswal: DIRECTORY_NOT_FOUND');
    expect(await fswal(['dump', await record(0)])).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it('ends quietly when its reader has enough', async () => {
    const dir = await record(20 * SEGMENT_EVENTS);
    const child = start(['dump', dir]);
    let stderr = '';
    child.stderr?.on('data', (text) => {
      stderr += text;
    });
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    child.stdout?.destroy();
    const [status] = await once(child, 'close');
    expect([status, stderr]).toEqual([0, '']);
  });

  it('gives a pipeline its lines: | head', async () => {
    const script = `set -o pipefail; "${process.execPath}" "${BIN}" dump "$1" | head -n 2`;
    const run = spawnSync('bash', ['-c', script, 'bash', await record(5 * SEGMENT_EVENTS)], {
      encoding: 'utf8',
    });
    expect([run.status, run.stderr]).toEqual([0, '']);
    expect(idsOf(run.stdout)).toEqual([1, 2]);
  });

  it('fails where stdout cannot be written', async () => {
    const script = `"${process.execPath}" "${BIN}" dump "$1" > /dev/full`;
    const run = spawnSync('bash', ['-c', script, 'bash', await record(1000)], { encoding: 'utf8' });
    expect(run.status).toBe(2);
    expect(run.stderr).toContain('ENOSPC');
  });
});

describe('seek', () => {
  it('prints the event and where it lies', async () => {
    const dir = await record(2 * SEGMENT_EVENTS);
    const run = await fswal(['seek', dir, 4096 + 256 + 3, '--json']);
    expect([run.status, run.stderr]).toEqual([0, '']);
    expect(jsonOf(run)).toEqual({
      event: lineOf(4355),
      file: 'FS.00000001.wal',
      segmentIndex: 1,
      block: 1,
      offset: blockOffset(1) + eventOffset(2),
    });
    const words = await fswal(['seek', dir, 5]);
    expect(words.stdout).toBe(`${JSON.stringify(lineOf(5))}\nFS.00000000.wal, block 0, offset 384\n`);
  });

  it('finds the next higher event, also in a compressed segment', async () => {
    const { stdout } = await fswal(['seek', golden('gaps'), 100, '--json']);
    expect((JSON.parse(stdout) as { event: { eventId: string } }).event.eventId).toBe('100');
    const dir = await record(3 * SEGMENT_EVENTS);
    await compressLog({ dir });
    expect(jsonOf(await fswal(['seek', dir, 0, '--json']))).toMatchObject({
      event: lineOf(1),
      file: 'FS.00000000.wal.lz4',
      block: 0,
      offset: blockOffset(0) + eventOffset(0),
    });
  });

  it('finds a timestamp', async () => {
    const dir = await record(2 * SEGMENT_EVENTS);
    const run = await fswal(['seek', dir, '--timestamp', '1790000000005000001', '--json']);
    expect(jsonOf(run)).toMatchObject({ event: lineOf(5001), segmentIndex: 1 });
  });

  it('finds what only the tail ring has', async () => {
    const run = await fswal(['seek', recordAndDie(300, 1000), 1300, '--json']);
    expect(jsonOf(run)).toMatchObject({ file: null, segmentIndex: null, block: null, offset: null });
    expect(run.status).toBe(0);
  });

  it('past the end: ITEM_NOT_FOUND', async () => {
    const run = await fswal(['seek', await record(10), 11, '--json']);
    expect(run.status).toBe(1);
    expect(jsonOf(run)).toMatchObject({ error: { code: 'ITEM_NOT_FOUND' } });
    expect(run.stderr).toContain('fswal: ITEM_NOT_FOUND');
  });
});
