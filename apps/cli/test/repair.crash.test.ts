import fs from 'node:fs';
import { blockOffset } from '@fswal/format';
import { describe, expect, it } from 'vitest';
import { fswal, jsonOf } from './helpers/fswal.js';
import { flip, record, SEGMENT_EVENTS, segment, snapshot } from './helpers/logs.js';

interface Repaired {
  readonly repaired: boolean;
  readonly events: number;
  readonly files: readonly { change: string; droppedBlocks: number; keptAs: string | null }[];
}

async function damagedLog(): Promise<string> {
  const dir = await record(3 * SEGMENT_EVENTS);
  flip(segment(dir, 1), blockOffset(3) + 1000);
  return dir;
}

describe('repair', () => {
  it('has nothing to do where the log is sound', async () => {
    const dir = await record(SEGMENT_EVENTS);
    const before = snapshot(dir);
    expect(await fswal(['repair', dir])).toEqual({
      status: 0,
      stdout: `${dir}: sound, nothing to repair\n`,
      stderr: '',
    });
    expect(snapshot(dir)).toEqual(before);
  });

  it('--dry-run: says what it would do, changes nothing, exit status 1', async () => {
    const dir = await damagedLog();
    const before = snapshot(dir);
    const run = await fswal(['repair', dir, '--dry-run']);
    expect([run.status, run.stderr]).toEqual([1, '']);
    expect(run.stdout).toContain('would be repaired; nothing was changed');
    expect(run.stdout).toContain('BLOCK_CHECKSUM_MISMATCH');
    // The segment without its damaged block, and the next one while it is chained anew.
    expect(run.stdout).toContain(`it takes 516.1 kB of room on the disk`);
    expect(snapshot(dir)).toEqual(before);
  });

  it('makes a damaged log sound, keeps the damaged file, and says what was dropped', async () => {
    const dir = await damagedLog();
    const run = await fswal(['repair', dir, '--json']);
    expect([run.status, run.stderr]).toEqual([0, '']);
    const { repaired, events, files } = jsonOf<Repaired>(run);
    expect([repaired, events]).toEqual([true, 3 * SEGMENT_EVENTS - 256]);
    expect(files[0]).toMatchObject({
      change: 'rewritten',
      droppedBlocks: 1,
      keptAs: expect.stringContaining('.broken'),
    });
    expect(fs.readdirSync(dir)).toContain('FS.00000001.wal.broken');
    expect(jsonOf(await fswal(['verify', dir, '--json']))).toMatchObject({ status: 'OK', events });
    expect((await fswal(['repair', dir])).stdout).toContain('nothing to repair');
  });
});
