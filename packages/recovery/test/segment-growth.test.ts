import fs from 'node:fs';
import { BLOCK_BYTES, blockOffset } from '@fswal/format';
import { describe, expect, it, vi } from 'vitest';
import { openSource } from '../src/open-source.js';
import { ReplayWindow } from '../src/replay-window.js';
import { type BuiltLog, buildLog, full, writeMeta } from './helpers/log-builder.js';
import { BOOT } from './helpers/read-all.js';
import { zero } from './helpers/vandal.js';

/** Two open segments, durable up to the fourth block of the first. */
function openLog(): BuiltLog {
  const log = buildLog({
    segments: [
      { blocks: full(16), open: true },
      { blocks: full(3), open: true },
    ],
  });
  writeMeta(log, 0, { offset: blockOffset(4), eventId: log.ids[4 * 256 - 1] });
  return log;
}

/** Reads a segment, lets something happen, and reads the rest. */
function readAround(dir: string, mode: 'strict' | 'diagnostic', between: () => void) {
  const source = openSource({ dir, mode, follow: false, fromEventId: 0n, bootId: BOOT });
  const window = ReplayWindow.allocate(source.windowBytes);
  const first = source.readNext(window);
  between();
  while (source.readNext(window) !== undefined);
  return { first, end: source.end };
}

describe.each(['strict', 'diagnostic'] as const)('an open log, %s', (mode) => {
  it('is not torn where a recorder has gone on in the segment before', () => {
    const log = openLog();
    const { file } = log.segments[0];
    const later = fs.readFileSync(file);
    zero(file, blockOffset(10), later.length);
    const { first, end } = readAround(log.dir, mode, () => fs.writeFileSync(file, later));
    expect(first).toMatchObject({ segmentIndex: 0, blocks: 10 });
    expect(end).toMatchObject({ tail: null, error: undefined, gaps: [], endEventId: log.ids[2559] });
  });

  it('is not torn where the segment before was taken meanwhile', () => {
    const log = openLog();
    const { file } = log.segments[0];
    zero(file, blockOffset(10), blockOffset(16));
    const { end } = readAround(log.dir, mode, () => fs.rmSync(file));
    expect(end).toMatchObject({ tail: null, error: undefined, gaps: [] });
  });

  it('ends with an error where nobody can tell', () => {
    const log = openLog();
    const { file } = log.segments[0];
    zero(file, blockOffset(10), blockOffset(16));
    const open = fs.openSync;
    const opening = vi.spyOn(fs, 'openSync');
    const { end } = readAround(log.dir, mode, () => {
      opening.mockImplementation((...args) => {
        if (args[0] === file) throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
        return open(...args);
      });
    });
    opening.mockRestore();
    const failure = mode === 'strict' ? end.error : end.gaps[0];
    expect(failure).toMatchObject({ message: expect.stringContaining('too many open files') });
  });

  it('is torn where it stays as it was read', () => {
    const log = openLog();
    zero(log.segments[0].file, blockOffset(10), blockOffset(16));
    const { end } = readAround(log.dir, mode, () => {});
    expect(end.tail).toMatchObject({ file: log.segments[1].file, reason: 'CHAINED_CHECKSUM_MISMATCH' });
  });

  it('is not torn where the segment itself changes while it is read', () => {
    const log = openLog();
    const { file } = log.segments[1];
    const later = fs.readFileSync(file);
    zero(file, blockOffset(1) + BLOCK_BYTES / 2, blockOffset(2));
    const read = fs.readSync;
    const source = openSource({ dir: log.dir, mode, follow: false, fromEventId: 0n, bootId: BOOT });
    const window = ReplayWindow.allocate(source.windowBytes);
    source.readNext(window);
    // What the recorder was writing is whole once it has been read.
    const reads: number[] = [];
    fs.readSync = ((...args: Parameters<typeof read>) => {
      const count = read(...args);
      if (reads.push(count) === 1) fs.writeFileSync(file, later);
      return count;
    }) as typeof read;
    try {
      while (source.readNext(window) !== undefined);
    } finally {
      fs.readSync = read;
    }
    expect(reads.length).toBeGreaterThan(1);
    expect(source.end).toMatchObject({ tail: null, error: undefined, gaps: [] });
  });
});
