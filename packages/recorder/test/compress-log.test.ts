/* Compression of a log that no recorder has open. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { BLOCK_EVENTS, blockOffset, segmentFileName, WalError } from '@fswal/format';
import { readSegmentFile } from '@fswal/format/files';
import { loadProvider } from '@fswal/mmap';
import { describe, expect, test } from 'vitest';
import { compressLog } from '../src/compress-log.js';
import { difference, FAST, newLogDir, restore, snapshot } from './helpers/directories.js';
import { HandRecorder, resumeAndStop } from './helpers/hand-recorder.js';
import { runUntilAsync } from './helpers/kill-switch.js';
import { flip } from './helpers/vandal.js';

const SEGMENT_EVENTS = 16 * BLOCK_EVENTS;

/** A closed log of so many full segments, and some events more. */
function closedLog(segments: number): string {
  const recorder = new HandRecorder({ dir: newLogDir(FAST) });
  recorder.record(segments * SEGMENT_EVENTS + 7);
  recorder.sync();
  recorder.close();
  return recorder.dir;
}

function plain(dir: string, index: number): string {
  return join(dir, segmentFileName(index));
}

/** A digest of each segment's content, from its plain form where that is there. */
function contents(dir: string, segments: number): string[] {
  return Array.from({ length: segments }, (_, index) => {
    const file = plain(dir, index);
    const bytes = fs.existsSync(file) ? fs.readFileSync(file) : readSegmentFile(`${file}.lz4`, true);
    return createHash('sha256').update(bytes).digest('hex');
  });
}

describe('compressLog', () => {
  test('leaves every segment what it was, the newest one plain', async () => {
    const dir = closedLog(3);
    const before = contents(dir, 4);
    const progress: string[] = [];
    const report = await compressLog({
      dir,
      onProgress: (done, total) => void progress.push(`${done}/${total}`),
    });
    expect(report.compressed).toEqual([0, 1, 2].map((index) => `${segmentFileName(index)}.lz4`));
    expect(report.skipped).toEqual([]);
    expect(progress).toEqual(['1/3', '2/3', '3/3']);
    expect(contents(dir, 4)).toEqual(before);
    expect([0, 1, 2, 3].map((index) => fs.existsSync(plain(dir, index)))).toEqual([
      false,
      false,
      false,
      true,
    ]);
    expect((await compressLog({ dir })).compressed).toEqual([]);
  });

  test('killed before each change of a file, it leaves a whole form of each segment, and is done by the next run', async () => {
    const dir = closedLog(2);
    const from = snapshot(dir);
    const before = contents(dir, 3);
    const { steps, error } = await runUntilAsync(Number.POSITIVE_INFINITY, () => compressLog({ dir }));
    expect(error).toBeUndefined();
    expect(steps).toBeGreaterThan(10);
    const done = snapshot(dir);
    for (let step = 0; step < steps; step++) {
      const context = `killed before step ${step} of ${steps}`;
      restore(dir, from);
      expect((await runUntilAsync(step, () => compressLog({ dir }))).error, context).toBeInstanceOf(WalError);
      expect(contents(dir, 3), context).toEqual(before);
      await compressLog({ dir });
      expect(difference(snapshot(dir), done), context).toBe('');
    }
    expect(Number(resumeAndStop({ dir }).lastEventId)).toBe(2 * SEGMENT_EVENTS + 7);
  });

  test('goes on from both forms of a segment, unless they differ', async () => {
    const dir = closedLog(3);
    const copies = [0, 1].map((index) => fs.readFileSync(plain(dir, index)));
    await compressLog({ dir });
    for (const [index, copy] of copies.entries()) fs.writeFileSync(plain(dir, index), copy);
    flip(plain(dir, 1), blockOffset(1) + 500);
    const report = await compressLog({ dir });
    expect(report.skipped).toMatchObject([{ file: segmentFileName(1), code: 'SEGMENT_POSSIBLY_CORRUPTED' }]);
    expect(fs.existsSync(plain(dir, 0))).toBe(false);
    expect(fs.existsSync(plain(dir, 1))).toBe(true);
    expect(fs.existsSync(`${plain(dir, 1)}.lz4`)).toBe(true);
  });

  test('refuses a directory that somebody has locked, one that is not there, and a segment with two names', async () => {
    const dir = closedLog(2);
    const before = snapshot(dir);
    const lock = await loadProvider().lockDirectory(dir);
    await expect(compressLog({ dir })).rejects.toMatchObject({ code: 'DIRECTORY_LOCKED', file: dir });
    lock.release();
    const missing = newLogDir();
    await expect(compressLog({ dir: missing })).rejects.toMatchObject({ code: 'DIRECTORY_NOT_FOUND' });
    expect(fs.existsSync(missing)).toBe(false);
    fs.linkSync(plain(dir, 1), join(dir, 'alias'));
    await expect(compressLog({ dir })).rejects.toMatchObject({ code: 'OPEN_FAILED', file: plain(dir, 1) });
    fs.unlinkSync(join(dir, 'alias'));
    expect(difference(snapshot(dir), before)).toBe('');
  });
});
