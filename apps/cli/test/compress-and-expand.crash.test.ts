import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { blockOffset } from '@fswal/format';
import { RecorderManager } from '@fswal/recorder';
import { describe, expect, it } from 'vitest';
import { BIN, fswal, jsonOf } from './helpers/fswal.js';
import {
  eventOf,
  flip,
  golden,
  makeDurable,
  record,
  recordAndDie,
  SEGMENT_EVENTS,
  segment,
  snapshot,
  tempDir,
} from './helpers/logs.js';

const names = (dir: string) => fs.readdirSync(dir).sort();

describe('compress', () => {
  it('takes every closed segment but the newest, and the log stays what it was', async () => {
    const dir = await record(4 * SEGMENT_EVENTS);
    const before = (await fswal(['dump', dir])).stdout;
    const run = await fswal(['compress', dir, '--json']);
    expect([run.status, run.stderr]).toEqual([0, '']);
    const bytes = 3 * fs.statSync(segment(dir, 3)).size;
    const compressed = [0, 1, 2].map((index) => `FS.0000000${index}.wal.lz4`);
    expect(jsonOf(run)).toEqual({
      compressed,
      bytesBefore: bytes,
      bytesAfter: expect.any(Number),
      skipped: [],
    });
    expect(names(dir)).toEqual([...compressed, 'FS.00000003.wal', 'wal_meta.dat']);
    expect((await fswal(['verify', dir])).status).toBe(0);
    expect((await fswal(['dump', dir])).stdout).toBe(before);
    expect((await fswal(['compress', dir])).stdout).toBe('0 segments compressed\n');
    await record(10, dir, 4 * SEGMENT_EVENTS + 1);
  });

  it('leaves alone what is not durable, and what a killed recorder was writing', async () => {
    const dir = await record(4 * SEGMENT_EVENTS);
    makeDurable(dir, 1);
    expect(jsonOf(await fswal(['compress', dir, '--json'])).compressed).toEqual(['FS.00000000.wal.lz4']);
    const killed = recordAndDie(2 * SEGMENT_EVENTS + 50, 3000);
    await fswal(['compress', killed]);
    expect(names(killed).filter((name) => name.endsWith('.lz4'))).toHaveLength(2);
    const events = (await fswal(['dump', killed, '--format', 'csv'])).stdout.split('\n').length - 2;
    expect(events).toBe(2 * SEGMENT_EVENTS + 3050);
  });

  it('takes logs of version 1', async () => {
    const dir = golden('contiguous');
    const run = await fswal(['compress', dir]);
    expect([run.status, run.stderr]).toEqual([0, '']);
    expect((await fswal(['verify', dir])).status).toBe(0);
  });

  it('leaves a damaged segment as it is, says so, and takes the others', async () => {
    const dir = await record(4 * SEGMENT_EVENTS);
    flip(segment(dir, 1), blockOffset(5) + 300);
    const before = fs.readFileSync(segment(dir, 1));
    const run = await fswal(['compress', dir, '--json']);
    expect(run.status).toBe(1);
    expect(jsonOf(run)).toMatchObject({
      compressed: ['FS.00000000.wal.lz4', 'FS.00000002.wal.lz4'],
      skipped: [{ file: 'FS.00000001.wal', code: 'SEGMENT_CORRUPTED' }],
    });
    expect(run.stderr).toContain('FS.00000001.wal stays as it is');
    expect(fs.readFileSync(segment(dir, 1))).toEqual(before);
    expect(names(dir).filter((name) => name.includes('00000001'))).toEqual(['FS.00000001.wal']);
  });

  it('refuses a log that a recorder has open', async () => {
    const dir = tempDir();
    const recorder = await RecorderManager.open({ dir, blocksPerSegment: 16, volatilePlace: 'allow' });
    for (let id = 1; id <= 3 * SEGMENT_EVENTS; id++) recorder.append(eventOf(id));
    await recorder.sync();
    const run = await fswal(['compress', dir]);
    await recorder.close();
    expect([run.status, run.stdout]).toEqual([2, '']);
    expect(run.stderr).toContain('fswal: DIRECTORY_LOCKED');
    expect(run.stderr).toContain('a recorder, or another fswal');
    expect(names(dir).some((name) => name.endsWith('.lz4'))).toBe(false);
  });
});

describe('expand', () => {
  async function compressed(): Promise<{ dir: string; file: string; plain: Buffer }> {
    const dir = await record(3 * SEGMENT_EVENTS);
    const plain = fs.readFileSync(segment(dir, 1));
    await fswal(['compress', dir]);
    return { dir, file: `${segment(dir, 1)}.lz4`, plain };
  }

  it('writes the segment beside its compressed form, which stays', async () => {
    const { dir, file, plain } = await compressed();
    const run = await fswal(['expand', file, '--json']);
    expect(run.status).toBe(0);
    expect(jsonOf(run)).toEqual({ file: segment(dir, 1), bytes: plain.length, removed: null });
    expect(fs.readFileSync(segment(dir, 1)).equals(plain)).toBe(true);
    expect(fs.existsSync(file)).toBe(true);
    expect((await fswal(['verify', dir])).status).toBe(0);
  });

  it('--remove: the compressed form goes', async () => {
    const { dir, file } = await compressed();
    expect((await fswal(['expand', file, '--remove'])).status).toBe(0);
    expect(names(dir).filter((name) => name.includes('00000001'))).toEqual(['FS.00000001.wal']);
  });

  it('writes elsewhere, or to stdout', async () => {
    const { dir, file, plain } = await compressed();
    const out = `${tempDir()}/one.bin`;
    expect((await fswal(['expand', file, '-o', out])).status).toBe(0);
    expect(fs.readFileSync(out).equals(plain)).toBe(true);
    expect(execFileSync(process.execPath, [BIN, 'expand', file, '-o', '-']).equals(plain)).toBe(true);
    expect(fs.existsSync(segment(dir, 1))).toBe(false);
  });

  it('overwrites nothing', async () => {
    const { dir, file } = await compressed();
    fs.writeFileSync(segment(dir, 1), 'precious');
    const before = snapshot(dir);
    const run = await fswal(['expand', file]);
    expect([run.status, run.stdout]).toEqual([2, '']);
    expect(run.stderr).toContain('fswal: FILE_ALREADY_EXISTS');
    expect(snapshot(dir)).toEqual(before);
  });

  it('writes nothing where the file is damaged', async () => {
    const { dir, file } = await compressed();
    flip(file, 2000);
    const before = snapshot(dir);
    const run = await fswal(['expand', file, '--remove']);
    expect([run.status, run.stdout]).toEqual([1, '']);
    expect(snapshot(dir)).toEqual(before);
  });

  it('leaves nothing where there is no room', async () => {
    const { dir, file } = await compressed();
    const before = names(dir);
    // No file of this process may have more than 64 KiB.
    const script = `ulimit -f 64; trap '' XFSZ; exec "${process.execPath}" "${BIN}" expand "$1"`;
    const run = spawnSync('bash', ['-c', script, 'bash', file], { encoding: 'utf8' });
    expect(run.status).toBe(2);
    expect(run.stderr).toMatch(/fswal: (WRITE_FAILED|DISK_FULL)/);
    expect(names(dir)).toEqual(before);
  });
});
