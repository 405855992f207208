import fs from 'node:fs';
import path from 'node:path';
import {
  BLOCK_BYTES,
  blockOffset,
  checksum,
  decodeSegmentHeader,
  encodeSegmentHeader,
  eventOffset,
  isDamage,
  META_FILE,
  sealBlock,
  segmentFileName,
} from '@fswal/format';
import { compressSegment } from '@fswal/format/files';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openSource } from '../src/open-source.js';
import { ReplayWindow } from '../src/replay-window.js';
import { SeekWord } from '../src/window-source.js';
import {
  type BuiltLog,
  buildLog,
  full,
  idsAfter,
  type LogSpec,
  tempDir,
  writeMeta,
  writeRing,
} from './helpers/log-builder.js';
import { BOOT, readAll, readFrom } from './helpers/read-all.js';
import { cut, flip, zero } from './helpers/vandal.js';

const threeSegments = { segments: [{ blocks: full(16) }, { blocks: full(16) }, { blocks: [256, 256, 100] }] };
const SEGMENT_EVENTS = 16 * 256;

/** Three segments, all of them durable. */
function durableLog(version: 1 | 2 = 2): BuiltLog {
  const log = buildLog({ ...threeSegments, version });
  writeMeta(log);
  return log;
}

/** XXH64 of the events of the block that `offset` lies in, up to there. */
function prefixOf(bytes: Uint8Array, offset: number): bigint {
  const start = blockOffset(Math.floor((offset - 64) / BLOCK_BYTES)) + eventOffset(0);
  return checksum(bytes.subarray(start, offset), 0n);
}

const diagnostic = { mode: 'diagnostic', follow: false, fromEventId: 0n, bootId: BOOT } as const;
const diagnose = (dir: string, options = {}) => readAll(dir, { mode: 'diagnostic', ...options });

/** All ids but those of some blocks of a segment of `threeSegments`. */
function without(log: BuiltLog, segment: number, fromBlock: number, endBlock: number): bigint[] {
  const first = BigInt(segment * SEGMENT_EVENTS + fromBlock * 256);
  const last = BigInt(segment * SEGMENT_EVENTS + endBlock * 256);
  return log.ids.filter((id) => id <= first || id > last);
}

function compress(file: string): string {
  fs.writeFileSync(`${file}.lz4`, compressSegment(fs.readFileSync(file)));
  fs.unlinkSync(file);
  return `${file}.lz4`;
}

describe('a sound log', () => {
  it.each([1, 2] as const)('comes out as in strict mode, version %i', (version) => {
    const log = buildLog({ version, segments: [{ blocks: full(16) }, { blocks: [5, 256], tail: 77 }] });
    writeMeta(log, 0);
    writeRing(log.dir, {
      tailBlocks: 4,
      afterEventId: 0n,
      ids: idsAfter(log.lastId - 77n, 300),
      bootId: BOOT,
    });
    const strict = readAll(log.dir);
    const diagnostic = diagnose(log.dir);
    expect(diagnostic.ids).toEqual(strict.ids);
    expect(diagnostic.end).toEqual(strict.end);
    expect(diagnostic.ids.length).toBe(log.ids.length + 223);
  });
});

describe.each([1, 2] as const)('damage, version %i', (version) => {
  it.each([
    ['a block header', 3, blockOffset(3) + 20, 'HEADER_CHECKSUM_MISMATCH'],
    ['an event', 3, blockOffset(3) + 5_000, 'BLOCK_CHECKSUM_MISMATCH'],
    ['the first block', 0, blockOffset(0) + 5_000, 'BLOCK_CHECKSUM_MISMATCH'],
    ['the last block', 15, blockOffset(15) + 5_000, 'BLOCK_CHECKSUM_MISMATCH'],
  ])('of %s costs that block', (_, block, offset, reason) => {
    const log = durableLog(version);
    flip(log.segments[1].file, offset);
    const { ids, end } = diagnose(log.dir);
    expect(ids).toEqual(without(log, 1, block, block + 1));
    const afterEventId = BigInt(SEGMENT_EVENTS + block * 256);
    expect(end).toMatchObject({ error: undefined, tail: null, endEventId: log.lastId });
    expect(end.gaps).toMatchObject([
      {
        file: log.segments[1].file,
        reason,
        block,
        blocks: 1,
        offset: blockOffset(block),
        endOffset: blockOffset(block + 1),
        afterEventId,
        beforeEventId: afterEventId + 257n,
      },
    ]);
  });

  it('of several ranges is several gaps', () => {
    const log = durableLog(version);
    zero(log.segments[0].file, blockOffset(2) + 100, blockOffset(5) - 100);
    flip(log.segments[0].file, blockOffset(9) + 700);
    flip(log.segments[1].file, blockOffset(1));
    const { ids, end } = diagnose(log.dir);
    const lost = (id: bigint) =>
      (id > 512n && id <= 1280n) || (id > 2304n && id <= 2560n) || (id > 4352n && id <= 4608n);
    expect(ids).toEqual(log.ids.filter((id) => !lost(id)));
    expect(end.gaps.map(({ block, blocks }) => [block, blocks])).toEqual([
      [2, 3],
      [9, 1],
      [1, 1],
    ]);
  });

  it('of a segment header costs nothing but the certainty', () => {
    const log = durableLog(version);
    flip(log.segments[1].file, 20);
    const { ids, end } = diagnose(log.dir);
    expect(ids).toEqual(log.ids);
    expect(end.gaps).toMatchObject([
      { reason: 'HEADER_CHECKSUM_MISMATCH', block: 0, blocks: 0, offset: 0, endOffset: 64 },
    ]);
  });

  it('of a whole file passes over it', () => {
    const log = durableLog(version);
    fs.writeFileSync(log.segments[1].file, new Uint8Array(100_000).fill(0x55));
    const { ids, end } = diagnose(log.dir);
    expect(ids).toEqual(without(log, 1, 0, 16));
    expect(end.gaps.at(-1)).toMatchObject({ beforeEventId: 8193n });
  });

  it('by a cut file costs what was cut', () => {
    const log = durableLog(version);
    cut(log.segments[1].file, blockOffset(10) + 1_000);
    const { ids, end } = diagnose(log.dir);
    expect(ids).toEqual(without(log, 1, 10, 16));
    expect(end.gaps).toMatchObject([{ block: 10, blocks: 6, afterEventId: 6656n, beforeEventId: 8193n }]);
  });

  it('by a missing segment is a gap', () => {
    const log = durableLog(version);
    fs.unlinkSync(log.segments[1].file);
    const { ids, end } = diagnose(log.dir);
    expect(ids).toEqual(without(log, 1, 0, 16));
    expect(end.gaps).toMatchObject([
      { reason: 'SEGMENT_GAP', file: log.segments[1].file, afterEventId: 4096n, beforeEventId: 8193n },
    ]);
  });

  it('by a lost end is a gap at the end', () => {
    const log = durableLog(version);
    fs.unlinkSync(log.segments[2].file);
    const { ids, end } = diagnose(log.dir);
    expect(ids).toEqual([...log.segments[0].ids, ...log.segments[1].ids]);
    expect(end.gaps).toMatchObject([{ reason: 'DURABLE_LOST', afterEventId: 8192n, beforeEventId: 0n }]);
  });

  it('by another segment under its name passes over that', () => {
    const log = durableLog(version);
    fs.copyFileSync(log.segments[2].file, log.segments[1].file);
    const { ids, end } = diagnose(log.dir);
    expect(ids).toEqual(without(log, 1, 0, 16));
    expect(end.gaps).toMatchObject([{ reason: 'SEGMENT_CORRUPTED', offset: 0, blocks: 3 }]);
  });

  it('by a later or an earlier block in the place of one costs that block alone', () => {
    const log = durableLog(version);
    const donor = fs.readFileSync(log.segments[0].file);
    const later = fs.readFileSync(log.segments[2].file);
    const bytes = fs.readFileSync(log.segments[1].file);
    donor.copy(bytes, blockOffset(6), blockOffset(6), blockOffset(7));
    later.copy(bytes, blockOffset(1), blockOffset(1), blockOffset(2));
    fs.writeFileSync(log.segments[1].file, bytes);
    const { ids, end } = diagnose(log.dir);
    const lost = (id: bigint) => (id > 4352n && id <= 4608n) || (id > 5632n && id <= 5888n);
    expect(ids).toEqual(log.ids.filter((id) => !lost(id)));
    expect(end.gaps.map(({ block, blocks }) => [block, blocks])).toEqual([
      [1, 1],
      [6, 1],
    ]);
  });
});

describe('what a recycled file had before, at the front of a log that retention has shortened', () => {
  const stale = () => fs.readFileSync(buildLog({ segments: [{ blocks: full(16) }] }).segments[0].file);

  it('is not delivered in the place of a block', () => {
    const log = buildLog({ ...threeSegments, firstSegmentIndex: 3, firstEventId: 12_289n });
    writeMeta(log);
    const { file } = log.segments[0];
    const bytes = fs.readFileSync(file);
    stale().copy(bytes, blockOffset(0), blockOffset(0), blockOffset(1));
    fs.writeFileSync(file, bytes);
    const { ids, end } = diagnose(log.dir);
    expect(ids).toEqual(log.ids.slice(256));
    expect(end.gaps).toMatchObject([
      {
        file,
        reason: 'SEGMENT_CORRUPTED',
        block: 0,
        blocks: 1,
        afterEventId: 0n,
        beforeEventId: 12_545n,
      },
    ]);
  });

  it('is not delivered behind damage of an open segment', () => {
    const log = buildLog({
      segments: [{ blocks: full(2), open: true }],
      firstSegmentIndex: 3,
      firstEventId: 12_289n,
    });
    writeMeta(log);
    const { file } = log.segments[0];
    const bytes = fs.readFileSync(file);
    stale().copy(bytes, blockOffset(2), blockOffset(2));
    fs.writeFileSync(file, bytes);
    flip(file, blockOffset(0) + 20);
    flip(file, blockOffset(1) + 20);
    const { ids, end } = diagnose(log.dir);
    expect(ids).toEqual([]);
    expect(end.gaps).toMatchObject([{ file, block: 0, afterEventId: 0n, beforeEventId: 0n }]);
  });

  describe.each([1, 2] as const)(
    'is not delivered where the header is damaged too, version %i',
    (version) => {
      /** The first segment of which begins with `lost` older blocks. @param idStep from one id to the next */
      function lostBlocks(lost: number, idStep = 1n) {
        const log = buildLog({
          ...threeSegments,
          version,
          firstSegmentIndex: 3,
          firstEventId: 12_288n * idStep + 1n,
          idStep,
        });
        writeMeta(log);
        const { file } = log.segments[0];
        const bytes = fs.readFileSync(file);
        stale().copy(bytes, blockOffset(0), blockOffset(0), blockOffset(lost));
        fs.writeFileSync(file, bytes);
        flip(file, 20);
        return { log, file };
      }

      const headerGap = { reason: 'HEADER_CHECKSUM_MISMATCH', block: 0, blocks: 0 };

      it.each([1, 3, 15])('in front of newer ones: %i blocks', (lost) => {
        const { log } = lostBlocks(lost);
        const { ids, end } = diagnose(log.dir);
        expect(ids).toEqual(log.ids.slice(lost * 256));
        expect(end.gaps).toMatchObject([
          headerGap,
          { reason: 'SEGMENT_CORRUPTED', block: 0, blocks: lost, beforeEventId: log.ids[lost * 256] },
        ]);
      });

      it('in front of newer ones, with damage in between', () => {
        const { log, file } = lostBlocks(3);
        flip(file, blockOffset(3) + 300);
        const { ids, end } = diagnose(log.dir);
        expect(ids).toEqual(log.ids.slice(4 * 256));
        expect(end.gaps).toMatchObject([headerGap, { block: 0, blocks: 4 }]);
      });

      it('and newer ones are, also behind a first page that is damaged', () => {
        const { log, file } = lostBlocks(0, 10n);
        zero(file, 0, 4096);
        const { ids, end } = diagnose(log.dir);
        expect(ids).toEqual(log.ids.slice(256));
        expect(end.gaps.at(-1)).toMatchObject({ block: 0, blocks: 1, beforeEventId: log.ids[256] });
      });

      it('and newer ones are, on both sides of damage', () => {
        const { log, file } = lostBlocks(0);
        flip(file, blockOffset(5) + 300);
        flip(file, blockOffset(9) + 300);
        const { ids, end } = diagnose(log.dir);
        expect(ids).toEqual(log.ids.filter((_, i) => ![5, 9].includes(Math.floor(i / 256))));
        expect(end.gaps).toMatchObject([headerGap, { block: 5, blocks: 1 }, { block: 9, blocks: 1 }]);
      });

      it('in front of damage, where ids leave out some: then nothing ties what is there to the rest', () => {
        const { log, file } = lostBlocks(0, 10n);
        flip(file, blockOffset(5) + 300);
        const { ids, end } = diagnose(log.dir);
        expect(ids).toEqual(log.ids.slice(6 * 256));
        expect(end.gaps).toMatchObject([headerGap, { block: 0, blocks: 6, beforeEventId: log.ids[6 * 256] }]);
        expect(end.gaps[1].message).toContain('nothing ties the block to those behind it');
      });

      it('behind the durable position, where nothing before it is left', () => {
        const log = buildLog({
          segments: [{ blocks: full(2), open: true }],
          version,
          firstSegmentIndex: 3,
          firstEventId: 12_289n,
        });
        writeMeta(log);
        const { file } = log.segments[0];
        const bytes = fs.readFileSync(file);
        stale().copy(bytes, blockOffset(2), blockOffset(2));
        fs.writeFileSync(file, bytes);
        zero(file, 0, blockOffset(1) + 64);
        const { ids, end } = diagnose(log.dir);
        expect(ids).toEqual([]);
        expect(end.gaps.at(-1)).toMatchObject({ file, afterEventId: 0n, beforeEventId: 0n });
        expect(end.gaps.some(({ block, blocks }) => block === 0 && blocks >= 2)).toBe(true);
      });
    },
  );

  it('is not delivered where the header does not name the first event, as it was lost', () => {
    const log = buildLog({ ...threeSegments, firstSegmentIndex: 3, firstEventId: 12_289n });
    writeMeta(log);
    const { file } = log.segments[0];
    const bytes = fs.readFileSync(file);
    stale().copy(bytes, blockOffset(0), blockOffset(0), blockOffset(2));
    const header = decodeSegmentHeader(bytes);
    const none = { blockCount: 0, eventCount: 0, firstEventId: 0n, lastEventId: 0n, lastChainedChecksum: 0n };
    encodeSegmentHeader({ ...header, ...none, closedNs: 0n }, bytes);
    fs.writeFileSync(file, bytes);
    const { ids, end } = diagnose(log.dir);
    expect(ids).toEqual(log.ids.slice(512));
    expect(end.gaps).toMatchObject([{ file, block: 0, blocks: 2, beforeEventId: 12_801n }]);
  });
});

describe('a first block that is not the one that the header names', () => {
  it('is passed over, as in strict mode, and those behind it are not', () => {
    const log = buildLog({ segments: [{ blocks: full(16), open: true }, { blocks: full(16) }] });
    writeMeta(log);
    const { file } = log.segments[0];
    const bytes = fs.readFileSync(file);
    const start = blockOffset(0);
    bytes.copyWithin(start + eventOffset(0), start + eventOffset(1), start + eventOffset(256));
    sealBlock(bytes.subarray(start, blockOffset(1)), 0, 255, 0n);
    fs.writeFileSync(file, bytes);
    expect(readAll(log.dir)).toMatchObject({ ids: [], error: { code: 'SEGMENT_CORRUPTED' } });
    const { ids, end } = diagnose(log.dir);
    expect(ids).toEqual(log.ids.slice(256));
    expect(end.gaps).toMatchObject([
      {
        reason: 'SEGMENT_CORRUPTED',
        message: 'the segment header names event 1 as its first, block 0 event 2',
        block: 0,
        blocks: 1,
        offset: blockOffset(0),
        endOffset: blockOffset(1),
        beforeEventId: 257n,
      },
    ]);
  });
});

describe('the chain', () => {
  it('that breaks between sound blocks is listed, and they are delivered', () => {
    const log = durableLog();
    const other = buildLog({ segments: [{ blocks: full(16) }], firstSegmentIndex: 1, firstEventId: 4097n });
    fs.copyFileSync(other.segments[0].file, log.segments[1].file);
    const { ids, end } = diagnose(log.dir);
    expect(ids).toEqual(log.ids);
    const reason = 'CHAINED_CHECKSUM_MISMATCH';
    expect(end.gaps).toMatchObject([
      { reason, file: log.segments[1].file, block: 0, blocks: 0, afterEventId: 4096n, beforeEventId: 4097n },
      { reason, file: log.segments[2].file, block: 0, blocks: 0, afterEventId: 8192n, beforeEventId: 8193n },
    ]);
  });
});

describe('the unsealed block over an earlier one', () => {
  /** The last segment ends in block 13, which lies over block 3 too; durable up to an event of a block. */
  function overwritten(block: number, event: number) {
    const log = buildLog({ segments: [{ blocks: full(16) }, { blocks: full(13), tail: 200 }] });
    const { file } = log.segments[1];
    const bytes = fs.readFileSync(file);
    const offset = blockOffset(block) + eventOffset(event);
    const eventId = BigInt(SEGMENT_EVENTS + block * 256 + event);
    writeMeta(log, 1, { offset, eventId, prefixChecksum: prefixOf(bytes, offset) });
    bytes.copyWithin(blockOffset(3), blockOffset(13), blockOffset(14));
    fs.writeFileSync(file, bytes);
    return { log, file };
  }

  it('costs that one, and none of those between', () => {
    const { log, file } = overwritten(13, 200);
    const before = log.ids.filter((id) => id <= 4864n);
    const strict = readAll(log.dir);
    expect([strict.ids, strict.error?.code]).toEqual([before, 'HEADER_CHECKSUM_MISMATCH']);
    const { ids, end } = diagnose(log.dir);
    expect(ids).toEqual(without(log, 1, 3, 4));
    expect(end.gaps).toMatchObject([
      { file, block: 3, blocks: 1, afterEventId: 4864n, beforeEventId: 5121n },
    ]);
  });

  it('does not end the log before the durable position', () => {
    const { log } = overwritten(8, 50);
    expect(readAll(log.dir).error?.code).toBe('HEADER_CHECKSUM_MISMATCH');
    const { ids, end } = diagnose(log.dir);
    expect(ids).toEqual(without(log, 1, 3, 4).filter((id) => id <= 7424n));
    expect(end.gaps).toMatchObject([
      { block: 3, blocks: 1, beforeEventId: 5121n },
      { block: 13, beforeEventId: 0n },
    ]);
  });

  it('is a torn tail beyond the durable position, of which nothing is delivered', () => {
    const { log, file } = overwritten(2, 50);
    for (const { ids, error, end } of [readAll(log.dir), diagnose(log.dir)]) {
      expect([ids, error]).toEqual([log.ids.filter((id) => id <= 4864n), undefined]);
      expect(end.tail).toMatchObject({ file, block: 3, unreachableBlocks: 9 });
    }
  });
});

describe('the durable position', () => {
  it('certifies the unsealed block behind damage, and events after it by their ids', () => {
    const log = buildLog({ segments: [{ blocks: full(3), tail: 90 }] });
    const offset = blockOffset(3) + eventOffset(60);
    const bytes = fs.readFileSync(log.segments[0].file);
    writeMeta(log, 0, { offset, eventId: 828n, prefixChecksum: prefixOf(bytes, offset) });
    flip(log.segments[0].file, blockOffset(1) + 300);
    const { ids, end } = diagnose(log.dir);
    expect(ids).toEqual(log.ids.filter((id) => id <= 256n || id > 512n));
    expect(end.gaps).toMatchObject([{ block: 1, blocks: 1, beforeEventId: 513n }]);
  });

  describe('ends the log behind damage with the events that nothing else certifies', () => {
    /** Durable up to event 100 of block 5 of the first segment, which is damaged in block 2. */
    function damaged(harm: (bytes: Buffer) => void, spec: LogSpec = threeSegments) {
      const log = buildLog(spec);
      const { file } = log.segments[0];
      const bytes = fs.readFileSync(file);
      const offset = blockOffset(5) + eventOffset(100);
      writeMeta(log, 0, { offset, eventId: 1380n, prefixChecksum: prefixOf(bytes, offset) });
      bytes[blockOffset(2) + 700] ^= 0xff;
      harm(bytes);
      fs.writeFileSync(file, bytes);
      return { log, file, offset };
    }

    const upTo = (log: BuiltLog, last: bigint) =>
      log.ids.filter((id) => id <= 512n || (id > 768n && id <= last));

    it('where the block was sealed later, and does not verify', () => {
      const { log, file, offset } = damaged((bytes) => {
        bytes[blockOffset(5) + eventOffset(150) + 20] ^= 0xff;
      });
      const { ids, end } = diagnose(log.dir);
      expect(ids).toEqual(upTo(log, 1380n));
      expect(end.gaps).toMatchObject([{ block: 2, blocks: 1, beforeEventId: 769n }]);
      const segmentsBeyond = log.segments.slice(1).map((segment) => path.basename(segment.file));
      const reason = 'SEGMENT_CORRUPTED';
      expect(end.tail).toMatchObject({
        file,
        reason,
        offset,
        block: 5,
        unreachableBlocks: 10,
        segmentsBeyond,
      });
    });

    it('where its header is damaged', () => {
      const { log } = damaged((bytes) => {
        bytes[blockOffset(5) + 20] ^= 0xff;
      });
      expect(diagnose(log.dir)).toMatchObject({ ids: upTo(log, 1380n), end: { tail: { block: 5 } } });
    });

    it('where a power cut took the rest of it, and not what comes behind', () => {
      const { log, file, offset } = damaged((bytes) => {
        bytes.fill(0, blockOffset(5), blockOffset(5) + eventOffset(0));
        bytes.fill(0, blockOffset(5) + eventOffset(100), blockOffset(6));
      });
      const { ids, end } = diagnose(log.dir);
      expect(ids).toEqual(upTo(log, 1380n));
      expect(end.tail).toMatchObject({ file, offset, block: 5, unreachableBlocks: 10 });
    });

    it.each([
      ['another segment', 1],
      ['none, and then another one', 2],
    ])('where behind it comes %s', (_, next) => {
      const segments = [{ blocks: full(5), tail: 120 }, { blocks: full(16) }, { blocks: full(16) }];
      const { log } = damaged(() => {}, { segments });
      if (next === 2) fs.unlinkSync(log.segments[1].file);
      const { ids, end } = diagnose(log.dir);
      expect(ids).toEqual(upTo(log, 1400n));
      expect(end.gaps).toHaveLength(1);
      expect(end.tail).toMatchObject({ file: log.segments[next].file, block: 0, unreachableBlocks: 16 });
    });
  });

  it('shows damage of the unsealed block, of which nothing can be told then', () => {
    const log = buildLog({ segments: [{ blocks: full(3), tail: 90 }] });
    const offset = blockOffset(3) + eventOffset(60);
    const bytes = fs.readFileSync(log.segments[0].file);
    writeMeta(log, 0, { offset, eventId: 828n, prefixChecksum: prefixOf(bytes, offset) });
    flip(log.segments[0].file, offset - 20);
    const { ids, end } = diagnose(log.dir);
    expect(ids).toEqual(log.ids.slice(0, 768));
    expect(end.gaps).toMatchObject([{ block: 3, afterEventId: 768n, beforeEventId: 0n }]);
  });

  it.each([
    ['lost', (file: string, at: number) => zero(file, at, at + 60 * 64)],
    ['cut off', (file: string, at: number) => cut(file, at)],
  ])('leaves no event of the unsealed block, where some of those it certifies are %s', (_, harm) => {
    const log = buildLog({ segments: [{ blocks: full(3), tail: 60 }] });
    const { file } = log.segments[0];
    const offset = blockOffset(3) + eventOffset(60);
    writeMeta(log, 0, { offset, prefixChecksum: prefixOf(fs.readFileSync(file), offset) });
    // From amid an event on, of which the id is still there.
    harm(file, blockOffset(3) + eventOffset(30) + 20);
    const { ids, end } = diagnose(log.dir);
    expect(ids).toEqual(log.ids.slice(0, 768));
    expect(end.gaps).toMatchObject([
      { reason: 'HEADER_CHECKSUM_MISMATCH', block: 3, afterEventId: 768n, beforeEventId: 0n },
    ]);
    expect(end.gaps[0]?.message).toContain('no header');
  });

  it('that does not fit a sound log is listed', () => {
    const log = buildLog(threeSegments);
    writeMeta(log, 2, { eventId: log.lastId - 1n });
    const { ids, end } = diagnose(log.dir);
    expect(ids).toEqual(log.ids);
    expect(end.gaps).toMatchObject([{ reason: 'SEGMENT_CORRUPTED', blocks: 0 }]);
  });

  it('lets a torn tail behind it be one, also behind damage', () => {
    const log = buildLog(threeSegments);
    writeMeta(log, 1);
    flip(log.segments[0].file, blockOffset(7) + 900);
    flip(log.segments[2].file, blockOffset(1) + 900);
    const { ids, end } = diagnose(log.dir);
    expect(ids).toEqual(without(log, 0, 7, 8).filter((id) => id <= 8448n));
    expect(end.gaps).toHaveLength(1);
    expect(end.tail).toMatchObject({ file: log.segments[2].file, block: 1, unreachableBlocks: 1 });
  });

  it('missing with all before it is a gap at the beginning', () => {
    const log = buildLog(threeSegments);
    writeMeta(log, 1);
    fs.unlinkSync(log.segments[0].file);
    fs.unlinkSync(log.segments[1].file);
    const { ids, end } = diagnose(log.dir);
    expect(ids).toEqual(log.segments[2].ids);
    expect(end.gaps).toMatchObject([{ reason: 'DURABLE_LOST', afterEventId: 0n, beforeEventId: 8193n }]);
  });
});

describe('files', () => {
  it('that are no files or cannot be opened are passed over', () => {
    const log = durableLog();
    fs.unlinkSync(log.segments[1].file);
    fs.mkdirSync(log.segments[1].file);
    const { ids, end } = diagnose(log.dir);
    expect(ids).toEqual(without(log, 1, 0, 16));
    expect(end.gaps).toMatchObject([{ reason: 'OPEN_FAILED', file: log.segments[1].file }]);
  });

  it('that the device does not give are passed over', () => {
    const log = durableLog();
    const failing = fs.statSync(log.segments[1].file).ino;
    const real = fs.readSync as (...args: unknown[]) => number;
    const spy = vi.spyOn(fs, 'readSync').mockImplementation(((fd: number, ...rest: unknown[]) => {
      if (fs.fstatSync(fd).ino === failing) throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
      return real(fd, ...rest);
    }) as typeof fs.readSync);
    onTestFinished(() => spy.mockRestore());
    const { ids, end } = diagnose(log.dir);
    expect(ids).toEqual(without(log, 1, 0, 16));
    expect(end.gaps).toMatchObject([{ reason: 'READ_FAILED', afterEventId: 4096n, beforeEventId: 8193n }]);
  });

  it('compressed and damaged give what still verifies', () => {
    const log = durableLog();
    const packed = compress(log.segments[1].file);
    flip(packed, fs.statSync(packed).size >> 1);
    const { ids, end } = diagnose(log.dir);
    const segment = ids.filter((id) => id > 4096n && id <= 8192n);
    expect(segment.length).toBeGreaterThan(1_000);
    expect(segment.length).toBeLessThan(SEGMENT_EVENTS);
    expect(ids.length - segment.length).toBe(log.ids.length - SEGMENT_EVENTS);
    expect(end.gaps[0]).toMatchObject({ reason: 'SEGMENT_CORRUPTED', file: packed });
  });

  it('compressed with nothing but a wrong checksum of the frame give all', () => {
    const log = durableLog();
    const packed = compress(log.segments[1].file);
    flip(packed, fs.statSync(packed).size - 1);
    const { ids, end } = diagnose(log.dir);
    expect(ids).toEqual(log.ids);
    expect(end.gaps).toMatchObject([{ reason: 'SEGMENT_CORRUPTED', file: packed, blocks: 0 }]);
  });

  it('that the device gives no part of, wal_meta.dat among them, do not keep a log from being opened', () => {
    const log = durableLog();
    fs.unlinkSync(path.join(log.dir, META_FILE));
    fs.mkdirSync(path.join(log.dir, META_FILE));
    const failing = log.segments.slice(1).map(({ file }) => fs.statSync(file).ino);
    const real = fs.readSync as (...args: unknown[]) => number;
    const spy = vi.spyOn(fs, 'readSync').mockImplementation(((fd: number, ...rest: unknown[]) => {
      if (failing.includes(fs.fstatSync(fd).ino))
        throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
      return real(fd, ...rest);
    }) as typeof fs.readSync);
    onTestFinished(() => spy.mockRestore());
    const { ids, end, reader } = diagnose(log.dir);
    expect(ids).toEqual(log.segments[0].ids);
    expect(end.gaps.map(({ reason, file }) => [reason, file])).toEqual([
      ['READ_FAILED', log.segments[1].file],
      ['READ_FAILED', log.segments[2].file],
    ]);
    const { eventId, source, note } = reader.summary.durable;
    expect([eventId, source]).toEqual([4096n, 'derived']);
    expect(note).toContain('wal_meta.dat cannot be read: this is not a regular file');
    expect(note).toContain('FS.00000001.wal cannot be read');
  });

  it('without any there is nothing', () => {
    expect(diagnose(tempDir())).toMatchObject({ ids: [], end: { gaps: [], tail: null, endEventId: 0n } });
  });

  it('are not written to', () => {
    const log = durableLog();
    flip(log.segments[1].file, blockOffset(4));
    const before = fs
      .readdirSync(log.dir)
      .map((name) => [name, fs.statSync(path.join(log.dir, name)).ctimeMs]);
    diagnose(log.dir);
    expect(
      fs.readdirSync(log.dir).map((name) => [name, fs.statSync(path.join(log.dir, name)).ctimeMs]),
    ).toEqual(before);
  });
});

describe('retention that is faster than the reader', () => {
  /** Eight segments, all of them durable, and a reader that has listed them. */
  function listed(count = 8) {
    const log = buildLog({ segments: Array.from({ length: count }, () => ({ blocks: full(16) })) });
    writeMeta(log);
    const reader = openSource({ ...diagnostic, dir: log.dir });
    const remove = (from: number, end: number) => {
      for (const { file } of log.segments.slice(from, end)) fs.unlinkSync(file);
    };
    return { log, reader, remove };
  }

  const idsOf = (log: BuiltLog, from: number) => log.segments.slice(from).flatMap(({ ids }) => ids);

  it.each([1, 3, 7])('is no damage where nothing was delivered yet: %i segments', (count) => {
    const { log, reader, remove } = listed();
    remove(0, count);
    expect(readFrom(reader)).toMatchObject({ ids: idsOf(log, count), error: undefined, end: { gaps: [] } });
  });

  it('is said where events were delivered, and they are not delivered again', () => {
    const { log, reader, remove } = listed();
    const window = ReplayWindow.allocate(reader.windowBytes);
    expect(reader.readNext(window)).toMatchObject({ segmentIndex: 0 });
    remove(0, 5);
    const { ids, end } = readFrom(reader);
    expect(ids).toEqual(idsOf(log, 5));
    expect(end).toMatchObject({ error: undefined, tail: null, endEventId: log.lastId });
    expect(end.gaps).toMatchObject([
      {
        reason: 'SEGMENT_NOT_FOUND',
        file: log.segments[1].file,
        message: 'segments 1 to 4 are gone: retention was faster than the reader',
        blocks: 0,
        afterEventId: 4096n,
        beforeEventId: 20_481n,
      },
    ]);
    expect(isDamage(end.gaps[0].reason)).toBe(false);
  });

  it('takes all that was listed, and the log goes on', () => {
    const { log, reader, remove } = listed(4);
    const later = buildLog({ segments: Array.from({ length: 6 }, () => ({ blocks: full(16) })) });
    const window = ReplayWindow.allocate(reader.windowBytes);
    reader.readNext(window);
    remove(0, 4);
    for (const { file } of later.segments.slice(4)) {
      fs.copyFileSync(file, path.join(log.dir, path.basename(file)));
    }
    writeMeta({ ...later, dir: log.dir });
    // Damage behind it is held against the durable position as it is now.
    flip(path.join(log.dir, segmentFileName(4)), blockOffset(3) + 300);
    const { ids, end } = readFrom(reader);
    expect(ids).toEqual(idsOf(later, 4).filter((id) => id <= 17_152n || id > 17_408n));
    expect(end.gaps.map(({ reason }) => reason)).toEqual(['SEGMENT_NOT_FOUND', 'BLOCK_CHECKSUM_MISMATCH']);
    expect(end).toMatchObject({ tail: null, endEventId: later.lastId });
  });

  it('is told apart from a gap', () => {
    const { log, reader, remove } = listed();
    remove(3, 5);
    const { ids, end } = readFrom(reader);
    expect(ids).toEqual([...log.ids.slice(0, 3 * SEGMENT_EVENTS), ...idsOf(log, 5)]);
    expect(end.gaps).toMatchObject([{ reason: 'SEGMENT_GAP', file: log.segments[3].file }]);
  });

  it('leaves a seek at the oldest event kept', () => {
    const { log, reader, remove } = listed();
    readFrom(reader);
    remove(0, 3);
    reader.seek({ word: SeekWord.eventId, value: 5n });
    expect(readFrom(reader)).toMatchObject({ ids: idsOf(log, 3), end: { gaps: [] } });
  });

  it('is no reason to go on for ever', () => {
    const { log, reader, remove } = listed(30);
    reader.readNext(ReplayWindow.allocate(reader.windowBytes));
    remove(0, 1);
    // Whatever is opened is gone by then.
    const real = fs.openSync;
    const spy = vi.spyOn(fs, 'openSync').mockImplementation((file, ...rest) => {
      if (/FS\.\d+\.wal$/.test(String(file))) fs.rmSync(file, { force: true });
      return real(file, ...rest);
    });
    onTestFinished(() => spy.mockRestore());
    const { ids, error } = readFrom(reader);
    expect(ids).toEqual([]);
    expect(error).toMatchObject({ code: 'SEGMENT_NOT_FOUND', eventId: 4096n });
    expect(fs.existsSync(log.segments[29].file)).toBe(true);
  });
});

describe('the tail ring', () => {
  it('follows the segments, whatever is damaged before', () => {
    const log = buildLog({ segments: [{ blocks: full(16) }, { blocks: full(3), tail: 77 }] });
    writeMeta(log, 0);
    flip(log.segments[0].file, blockOffset(4));
    writeRing(log.dir, {
      tailBlocks: 4,
      afterEventId: 0n,
      ids: idsAfter(log.lastId - 77n, 300),
      bootId: BOOT,
    });
    const { ids, end } = diagnose(log.dir);
    expect(ids.at(-1)).toBe(log.lastId + 223n);
    expect(end).toMatchObject({ endEventId: log.lastId + 223n, tailRing: { events: 223, note: null } });
  });

  it('that cannot be read is a note', () => {
    const log = durableLog();
    fs.mkdirSync(path.join(log.dir, 'wal_tail.ring'));
    const { ids, end } = diagnose(log.dir);
    expect(ids).toEqual(log.ids);
    expect(end.tailRing?.note).toContain('not a regular file');
  });
});

describe('seek', () => {
  it('goes to any event, and from there past damage', () => {
    const log = durableLog();
    flip(log.segments[1].file, blockOffset(2));
    const { reader } = diagnose(log.dir);
    for (const from of [1n, 4096n, 4097n, 4608n, 4609n, 4864n, 4865n, 8192n, log.lastId]) {
      reader.seek({ word: SeekWord.eventId, value: from });
      const expected = without(log, 1, 2, 3).filter((id) => id >= from);
      expect(readFrom(reader).ids).toEqual(expected);
    }
  });
});

describe('any damage', () => {
  it('of one byte costs one block at most, and is listed', () => {
    const log = durableLog();
    const whole = log.segments.map(({ file }) => fs.readFileSync(file));
    for (let round = 0; round < 150; round++) {
      const segment = round % 3;
      const { file, endOffset } = log.segments[segment];
      const offset = (round * 7_919 * BLOCK_BYTES + round * 131) % endOffset;
      flip(file, offset);
      const { ids, end } = diagnose(log.dir);
      const context = `byte ${offset} of ${segmentFileName(segment)}`;
      expect(end.gaps.length, context).toBe(1);
      expect(log.ids.length - ids.length, context).toBeLessThanOrEqual(256);
      expect(new Set(ids).size, context).toBe(ids.length);
      fs.writeFileSync(file, whole[segment]);
    }
  });

  it('of wal_meta.dat costs nothing', () => {
    const log = durableLog();
    flip(path.join(log.dir, META_FILE), 3);
    expect(diagnose(log.dir)).toMatchObject({ ids: log.ids, end: { gaps: [] } });
  });
});
