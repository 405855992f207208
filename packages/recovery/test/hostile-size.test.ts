/* Files whose size says more than is in them: what is read of them, and how much memory that takes. */
import fs from 'node:fs';
import path from 'node:path';
import {
  blockOffset,
  MAX_BLOCKS_PER_SEGMENT,
  MAX_TAIL_BLOCKS,
  segmentBytes,
  TAIL_RING_FILE,
  tailRingBytes,
  verifySegment,
} from '@fswal/format';
import { compressSegment, readSegmentFile } from '@fswal/format/files';
import { describe, expect, it } from 'vitest';
import { LogFolder } from '../src/repair/log-folder.js';
import { repairFolder } from '../src/repair/repair-log.js';
import type { RepairReport } from '../src/repair/repair-report.js';
import { type BuiltLog, buildLog, full, writeMeta } from './helpers/log-builder.js';
import { readAll } from './helpers/read-all.js';
import { zero } from './helpers/vandal.js';

const MOST_BYTES = segmentBytes(MAX_BLOCKS_PER_SEGMENT);
const MIB = 2 ** 20;

/** What reading needs besides: the metadata, the other segment, what the runner loads meanwhile. */
const MOST_READ = MIB;

/** Bytes that this process reads while it does this, as the kernel counts them. */
function readBy(work: () => void): number {
  const total = () => Number(/^rchar: (\d+)/.exec(fs.readFileSync('/proc/self/io', 'latin1'))?.[1]);
  const before = total();
  work();
  return total() - before;
}

/** By how many bytes this process grows while it does this, at most at a time, as the kernel counts them. */
function memoryOf(work: () => void): number {
  const status = (field: string) => {
    const text = fs.readFileSync('/proc/self/status', 'latin1');
    return Number(new RegExp(`^${field}:\\s*(\\d+) kB`, 'm').exec(text)?.[1]) * 1024;
  };
  // 5 has the kernel forget the most there was so far.
  fs.writeFileSync('/proc/self/clear_refs', '5');
  const before = status('VmRSS');
  work();
  return status('VmHWM') - before;
}

function repairIn(dir: string, dryRun: boolean): RepairReport {
  const folder = LogFolder.open(dir);
  try {
    return repairFolder(folder, dryRun);
  } finally {
    folder.close();
  }
}

/** A log of two segments, durable to its end, the first of which is a hole of `bytes` bytes. */
function logWithHole(bytes: number): BuiltLog {
  const log = buildLog({ segments: [{ blocks: full(2) }, { blocks: full(2) }] });
  writeMeta(log);
  fs.writeFileSync(log.segments[0].file, '');
  fs.truncateSync(log.segments[0].file, bytes);
  return log;
}

describe.runIf(process.platform === 'linux')('a file that is a hole', () => {
  it('larger than any segment: is refused by its size', () => {
    const log = logWithHole(MOST_BYTES + 1);
    const read = readBy(() => {
      expect(readAll(log.dir).error).toMatchObject({ code: 'SEGMENT_CORRUPTED', offset: MOST_BYTES });
      expect(() => readSegmentFile(log.segments[0].file, false)).toThrow('more than such a file can have');
    });
    expect(read).toBeLessThan(MOST_READ);
  });

  it.each([
    ['of a closed segment', false],
    ['of one that is open', true],
  ])('behind a sound segment, larger than any, %s: its events are saved', (_, open) => {
    const log = buildLog({ segments: [{ blocks: full(2) }, { blocks: full(2), open }] });
    writeMeta(log);
    const { file } = log.segments[1];
    fs.truncateSync(file, MOST_BYTES + 1);
    const memory = memoryOf(() => {
      const { ids, end } = readAll(log.dir, { mode: 'diagnostic' });
      expect(ids).toEqual(log.ids);
      expect(end.gaps).toMatchObject([{ file, reason: 'SEGMENT_CORRUPTED', offset: MOST_BYTES, blocks: 0 }]);
      const report = repairIn(log.dir, false);
      expect(report).toMatchObject({ events: log.ids.length, gaps: [{ file, blocks: 0 }] });
      expect(report.files).toMatchObject([{ file, change: 'rewritten', keptAs: `${file}.broken` }]);
    });
    expect(memory).toBeLessThan(16 * MIB);
    expect(readAll(log.dir)).toMatchObject({ ids: log.ids, error: undefined });
    expect(fs.statSync(`${file}.broken`).size).toBe(MOST_BYTES + 1);
  });

  it('as large as a segment can be: a strict recovery refuses it by its header', () => {
    const log = logWithHole(MOST_BYTES);
    let memory = 0;
    const read = readBy(() => {
      memory = memoryOf(() => {
        expect(readAll(log.dir).error).toMatchObject({ code: 'HEADER_CHECKSUM_MISMATCH' });
      });
    });
    expect(read).toBeLessThan(MOST_READ);
    expect(memory).toBeLessThan(16 * MIB);
  });

  it('is looked through for what may be saved, in little memory', () => {
    const log = logWithHole(MOST_BYTES);
    const memory = memoryOf(() => {
      const { ids, end } = readAll(log.dir, { mode: 'diagnostic' });
      expect(ids).toEqual(log.segments[1].ids);
      expect(end.gaps).toMatchObject([{ file: log.segments[0].file, reason: 'HEADER_CHECKSUM_MISMATCH' }]);
      expect(readSegmentFile(log.segments[0].file, false)).toHaveLength(blockOffset(0));
    });
    expect(memory).toBeLessThan(16 * MIB);
  });
});

describe.runIf(process.platform === 'linux')('a segment in a file that is much larger', () => {
  it('takes the memory of its blocks where its header vouches for them', () => {
    const log = buildLog({ segments: [{ blocks: full(2) }, { blocks: full(2) }] });
    writeMeta(log);
    for (const { file } of log.segments) fs.truncateSync(file, MOST_BYTES);
    let memory = 0;
    const read = readBy(() => {
      memory = memoryOf(() => expect(readAll(log.dir).ids).toEqual(log.ids));
    });
    expect(read).toBeLessThan(MOST_READ);
    expect(memory).toBeLessThan(16 * MIB);
  });

  it('keeps its room, for a recorder to go on in, and takes no memory for it', () => {
    const log = buildLog({ segments: [{ blocks: full(2) }] });
    const { file } = log.segments[0];
    fs.truncateSync(file, MOST_BYTES);
    const memory = memoryOf(() => {
      const { status, blocks, capacityBlocks } = verifySegment(readSegmentFile(file, false));
      expect({ status, blocks, capacityBlocks }).toEqual({
        status: 'OK',
        blocks: 2,
        capacityBlocks: MAX_BLOCKS_PER_SEGMENT,
      });
    });
    expect(memory).toBeLessThan(16 * MIB);
  });

  it('is saved where its header is damaged, up to its last block that is not zero', () => {
    const log = buildLog({ segments: [{ blocks: full(2) }, { blocks: full(2) }] });
    writeMeta(log);
    const { file } = log.segments[0];
    zero(file, 0, blockOffset(0));
    fs.truncateSync(file, MOST_BYTES);
    expect(readAll(log.dir, { mode: 'diagnostic' }).ids).toEqual(log.ids);
    expect(readSegmentFile(file, false)).toHaveLength(segmentBytes(2));
  });

  it('behind the durable position: the report says what a torn tail cuts off', () => {
    const log = buildLog({ segments: [{ blocks: full(2) }, { blocks: full(3) }] });
    writeMeta(log, 0);
    const { file } = log.segments[1];
    zero(file, 0, blockOffset(0));
    expect(readAll(log.dir).end.tail).toMatchObject({ file, unreachableBlocks: 3 });
  });
});

describe.runIf(process.platform === 'linux')('a compressed segment in a file that is much larger', () => {
  const packed = (log: BuiltLog) => `${log.segments[0].file}.lz4`;

  it('that is a hole takes little memory, and what comes behind is saved', () => {
    const log = logWithHole(MOST_BYTES);
    fs.renameSync(log.segments[0].file, packed(log));
    const memory = memoryOf(() => {
      const { ids, end } = readAll(log.dir, { mode: 'diagnostic' });
      expect(ids).toEqual(log.segments[1].ids);
      expect(end.gaps).toMatchObject([{ file: packed(log), reason: 'SEGMENT_CORRUPTED' }, {}]);
    });
    expect(memory).toBeLessThan(16 * MIB);
  });

  it('is saved', () => {
    const log = buildLog({ segments: [{ blocks: full(2) }, { blocks: full(2) }] });
    writeMeta(log);
    fs.writeFileSync(packed(log), compressSegment(fs.readFileSync(log.segments[0].file)));
    fs.truncateSync(packed(log), MOST_BYTES);
    fs.rmSync(log.segments[0].file);
    const memory = memoryOf(() => expect(readAll(log.dir, { mode: 'diagnostic' }).ids).toEqual(log.ids));
    expect(memory).toBeLessThan(32 * MIB);
  });
});

describe.runIf(process.platform === 'linux')('a tail ring that is a hole', () => {
  const MOST_RING_BYTES = tailRingBytes(MAX_TAIL_BLOCKS);

  function logWithRing(front: string): BuiltLog {
    const log = buildLog({ segments: [{ blocks: full(2) }] });
    writeMeta(log);
    const file = path.join(log.dir, TAIL_RING_FILE);
    fs.writeFileSync(file, front);
    fs.truncateSync(file, MOST_RING_BYTES);
    return log;
  }

  it.each([
    ['unused', '', null, 0],
    ['damaged', 'x', { events: 0 }, 1],
  ])('as large as one can be, %s: takes little memory', (_, front, tailRing, files) => {
    const log = logWithRing(front);
    const memory = memoryOf(() => expect(readAll(log.dir).ids).toEqual(log.ids));
    expect(memory).toBeLessThan(16 * MIB);
    const repairing = memoryOf(() => {
      const report = repairIn(log.dir, true);
      expect(report.files).toHaveLength(files);
      if (tailRing === null) expect(report.tailRing).toBeNull();
      else expect(report.tailRing).toMatchObject(tailRing);
    });
    expect(repairing).toBeLessThan(16 * MIB);
  });
});
