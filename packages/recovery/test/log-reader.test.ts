import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {
  BLOCK_BYTES,
  BLOCK_HEADER_BYTES,
  blockOffset,
  checksum,
  decodeSegmentHeader,
  EVENT_BYTES,
  encodeMeta,
  encodeSegmentHeader,
  eventOffset,
  isDamage,
  META_FILE,
  segmentBytes,
  segmentFileName,
  TAIL_RING_FILE,
} from '@fswal/format';
import { compressSegment } from '@fswal/format/files';
import { describe, expect, it } from 'vitest';
import { openSource } from '../src/open-source.js';
import { ReplayWindow } from '../src/replay-window.js';
import { RecoveryTelemetry } from '../src/telemetry.js';
import { SeekWord } from '../src/window-source.js';
import { buildLog, full, idsAfter, tempDir, writeMeta, writeRing } from './helpers/log-builder.js';
import { BOOT, readAll, readFrom } from './helpers/read-all.js';
import { cut, flip, zero } from './helpers/vandal.js';

const strict = { mode: 'strict', follow: false, fromEventId: 0n, bootId: BOOT } as const;
const threeSegments = { segments: [{ blocks: full(16) }, { blocks: full(16) }, { blocks: [256, 256, 100] }] };

describe('sound logs', () => {
  it.each([1, 2] as const)('delivers every event of sealed segments, version %i', (version) => {
    const log = buildLog({ ...threeSegments, version });
    writeMeta(log);
    const { ids, end, reader } = readAll(log.dir);
    expect(ids).toEqual(log.ids);
    expect(end).toEqual({ error: undefined, tail: null, tailRing: null, gaps: [], endEventId: log.lastId });
    expect(reader.segments).toBe(3);
    expect(reader.bytes).toBe(2 * segmentBytes(16) + segmentBytes(3));
    expect(reader.summary.durable).toEqual({ eventId: log.lastId, source: META_FILE });
  });

  it.each([1, 2] as const)(
    'delivers the unsealed block that a killed process left, version %i',
    (version) => {
      const log = buildLog({ version, segments: [{ blocks: full(16) }, { blocks: full(3), tail: 77 }] });
      writeMeta(log, 0);
      const { ids, end } = readAll(log.dir);
      expect(ids).toEqual(log.ids);
      expect(end.tail).toBeNull();
    },
  );

  it('delivers blocks that are not full, and ids with gaps', () => {
    const log = buildLog({ segments: [{ blocks: [1, 255, 256, 7] }, { blocks: [3, 9] }], idStep: 5n });
    writeMeta(log);
    expect(readAll(log.dir).ids).toEqual(log.ids);
  });

  it('delivers ids above 2^63', () => {
    const log = buildLog({ segments: [{ blocks: [5, 256] }], firstEventId: 2n ** 63n + 1n, idStep: 3n });
    writeMeta(log);
    expect(readAll(log.dir).ids).toEqual(log.ids);
  });

  it('passes over segments that were prepared and never used', () => {
    const log = buildLog({
      segments: [{ blocks: full(2) }, { blocks: [], open: true }, { blocks: [], open: true }],
    });
    writeMeta(log, 0);
    const { ids, end } = readAll(log.dir);
    expect(ids).toEqual(log.ids);
    expect(end.tail).toBeNull();
  });

  it('does not take a file that was just being made for a torn tail', () => {
    const log = buildLog({ segments: [{ blocks: full(2) }] });
    writeMeta(log);
    fs.writeFileSync(path.join(log.dir, segmentFileName(1)), new Uint8Array(0));
    expect(readAll(log.dir).end).toMatchObject({ tail: null, error: undefined });
    fs.writeFileSync(path.join(log.dir, segmentFileName(1)), new Uint8Array(99_999));
    expect(readAll(log.dir).end).toMatchObject({ tail: null, error: undefined });
  });

  it('takes the oldest segment kept as the anchor where retention has removed older ones', () => {
    const log = buildLog(threeSegments);
    writeMeta(log);
    fs.unlinkSync(log.segments[0].file);
    const { ids, end, reader } = readAll(log.dir);
    expect(ids).toEqual([...log.segments[1].ids, ...log.segments[2].ids]);
    expect(end.error).toBeUndefined();
    expect(reader.summary.oldestSegmentIndex).toBe(1);
  });

  it('finds nothing in an empty directory', () => {
    const { ids, end, reader } = readAll(tempDir());
    expect(ids).toEqual([]);
    expect(end).toEqual({ error: undefined, tail: null, tailRing: null, gaps: [], endEventId: 0n });
    expect(reader.summary).toMatchObject({
      oldestSegmentIndex: null,
      durable: { eventId: 0n, source: 'derived' },
    });
  });

  it('ignores files of other names', () => {
    const log = buildLog(threeSegments);
    writeMeta(log);
    for (const name of ['FS.1.wal', 'FS.00000009.wal.broken', 'x', 'wal_meta.dat.tmp']) {
      fs.writeFileSync(path.join(log.dir, name), 'x');
    }
    fs.mkdirSync(path.join(log.dir, 'FS.0000001.wal'));
    expect(readAll(log.dir).ids).toEqual(log.ids);
  });

  it('asks its window for more memory where a segment is larger than when it was listed', () => {
    const log = buildLog({ blocksPerSegment: 40, segments: [{ blocks: full(40) }, { blocks: full(40) }] });
    writeMeta(log);
    const whole = fs.readFileSync(log.segments[1].file);
    cut(log.segments[0].file, 0);
    cut(log.segments[1].file, 0);
    const first = buildLog({ blocksPerSegment: 40, segments: [{ blocks: full(40) }] }, tempDir());
    fs.copyFileSync(first.segments[0].file, log.segments[0].file);
    let grown = false;
    const { ids } = readAll(log.dir, {
      onProgress: () => {
        if (!grown) fs.writeFileSync(log.segments[1].file, whole);
        grown = true;
      },
    });
    expect(ids).toEqual(log.ids);
  });
});

describe('the durable position', () => {
  it.each([
    ['missing', undefined],
    ['the 16 bytes of a version 1 writer', new Uint8Array(16)],
    ['damaged', new Uint8Array(32)],
  ])('is derived from the newest closed segment where wal_meta.dat is %s', (_, bytes) => {
    const log = buildLog({ segments: [{ blocks: full(2) }, { blocks: full(2) }, { blocks: [9], tail: 3 }] });
    if (bytes !== undefined) fs.writeFileSync(path.join(log.dir, META_FILE), bytes);
    const { ids, reader } = readAll(log.dir);
    expect(ids).toEqual(log.ids);
    expect(reader.summary.durable).toMatchObject({ eventId: log.segments[1].ids.at(-1), source: 'derived' });
    expect(reader.summary.durable.note).toContain(segmentFileName(1));
  });

  it('derived, makes damage of a closed segment corruption and that of an open one a torn tail', () => {
    const log = buildLog({ segments: [{ blocks: full(2) }, { blocks: full(2), open: true }] });
    flip(log.segments[1].file, blockOffset(1) + 1000);
    const torn = readAll(log.dir);
    expect(torn.ids).toEqual(log.ids.slice(0, 768));
    expect(torn.end).toMatchObject({ error: undefined, tail: { reason: 'BLOCK_CHECKSUM_MISMATCH' } });
    flip(log.segments[0].file, blockOffset(1) + 1000);
    const corrupt = readAll(log.dir);
    expect(corrupt.ids).toEqual(log.ids.slice(0, 256));
    expect(corrupt.error).toMatchObject({ code: 'BLOCK_CHECKSUM_MISMATCH', block: 1, eventId: 256n });
  });

  it('inside an unsealed block, is certified by the prefix checksum', () => {
    const log = buildLog({ segments: [{ blocks: full(2), tail: 50 }] });
    const { file } = log.segments[0];
    const start = blockOffset(2) + BLOCK_HEADER_BYTES;
    const prefix = fs.readFileSync(file).subarray(start, start + 20 * EVENT_BYTES);
    const durable = {
      offset: start + 20 * EVENT_BYTES,
      eventId: log.ids[512 + 19],
      prefixChecksum: checksum(prefix, 0n),
    };
    writeMeta(log, 0, durable);
    expect(readAll(log.dir)).toMatchObject({ ids: log.ids, error: undefined });
    // Damage within the durable part: none of the block's events is certain.
    flip(file, start + 3 * EVENT_BYTES + 20);
    const damaged = readAll(log.dir);
    expect(damaged.ids).toEqual(log.ids.slice(0, 512));
    expect(damaged.error).toMatchObject({ code: 'BLOCK_CHECKSUM_MISMATCH', file, block: 2 });
    // Nor where the rest of it is missing, from amid an event on.
    cut(file, start + 9 * EVENT_BYTES + 20);
    const short = readAll(log.dir);
    expect(short.ids).toEqual(log.ids.slice(0, 512));
    expect(short.error).toMatchObject({ code: 'DURABLE_LOST', file, block: 2, eventId: 512n });
  });

  it('refuses a log that ends before it', () => {
    const log = buildLog(threeSegments);
    writeMeta(log);
    fs.unlinkSync(log.segments[2].file);
    const { ids, error } = readAll(log.dir);
    expect(ids).toEqual([...log.segments[0].ids, ...log.segments[1].ids]);
    expect(error).toMatchObject({
      code: 'DURABLE_LOST',
      file: log.segments[1].file,
      block: 15,
      offset: log.segments[1].endOffset,
      eventId: log.segments[1].ids.at(-1),
    });
  });

  it('refuses an empty directory that once had events', () => {
    const log = buildLog(threeSegments);
    writeMeta(log);
    for (const { file } of log.segments) fs.unlinkSync(file);
    const { file } = log.segments[2];
    expect(readAll(log.dir)).toMatchObject({ ids: [], error: { code: 'DURABLE_LOST', file } });
  });

  it('refuses a log whose durable segment is missing though later ones are there', () => {
    const log = buildLog(threeSegments);
    writeMeta(log, 1);
    fs.unlinkSync(log.segments[0].file);
    fs.unlinkSync(log.segments[1].file);
    const { file } = log.segments[1];
    expect(readAll(log.dir)).toMatchObject({ ids: [], error: { code: 'DURABLE_LOST', file } });
  });

  it('is not made up for by the tail ring', () => {
    const log = buildLog({ segments: [{ blocks: full(2) }, { blocks: full(2), open: true }] });
    writeMeta(log);
    writeRing(log.dir, { tailBlocks: 8, afterEventId: 0n, ids: log.ids, bootId: BOOT });
    fs.unlinkSync(log.segments[1].file);
    const { ids, error } = readAll(log.dir);
    expect(ids).toEqual(log.segments[0].ids);
    expect(error?.code).toBe('DURABLE_LOST');
  });
});

describe('damage at or before the durable position', () => {
  const place = blockOffset(4);
  it.each([
    ['an event', place + eventOffset(9) + 20, 'BLOCK_CHECKSUM_MISMATCH'],
    ['an event id', place + eventOffset(9), 'BLOCK_CHECKSUM_MISMATCH'],
    ['a block header', place + 8, 'HEADER_CHECKSUM_MISMATCH'],
    ['a block header checksum', place + 32, 'HEADER_CHECKSUM_MISMATCH'],
  ])('in %s ends the replay before the block', (_, offset, code) => {
    const log = buildLog(threeSegments);
    writeMeta(log);
    flip(log.segments[1].file, offset);
    const { ids, error, end } = readAll(log.dir);
    expect(ids).toEqual(log.ids.slice(0, (16 + 4) * 256));
    expect(error).toMatchObject({ code, file: log.segments[1].file, block: 4, eventId: BigInt(20 * 256) });
    expect(error?.offset).toBeGreaterThanOrEqual(place);
    expect(end.tail).toBeNull();
  });

  it('in a segment header ends the replay before the segment', () => {
    const log = buildLog(threeSegments);
    writeMeta(log);
    flip(log.segments[1].file, 16);
    const { ids, error } = readAll(log.dir);
    expect(ids).toEqual(log.segments[0].ids);
    expect(error).toMatchObject({ code: 'HEADER_CHECKSUM_MISMATCH', file: log.segments[1].file });
  });

  it('is told by the chain where a segment was replaced by a sound one', () => {
    const log = buildLog(threeSegments);
    writeMeta(log);
    const other = buildLog({ ...threeSegments, segments: [{ blocks: [5] }, { blocks: full(16) }] });
    fs.copyFileSync(other.segments[1].file, log.segments[1].file);
    const { ids, error } = readAll(log.dir);
    expect(ids).toEqual(log.segments[0].ids);
    expect(error).toMatchObject({ code: 'CHAINED_CHECKSUM_MISMATCH', file: log.segments[1].file, block: 0 });
  });

  it('is a gap where a segment is missing between two', () => {
    const log = buildLog(threeSegments);
    writeMeta(log);
    fs.unlinkSync(log.segments[1].file);
    const { ids, error } = readAll(log.dir);
    expect(ids).toEqual(log.segments[0].ids);
    expect(error).toMatchObject({ code: 'SEGMENT_GAP', file: log.segments[2].file });
  });

  it('is corruption where a file is cut', () => {
    const log = buildLog(threeSegments);
    writeMeta(log);
    cut(log.segments[1].file, blockOffset(3) + 500);
    const { ids, error } = readAll(log.dir);
    expect(ids).toEqual(log.ids.slice(0, 19 * 256));
    expect(error).toMatchObject({ file: log.segments[1].file, block: 3 });
  });

  it('does not hide behind a ring or a torn tail', () => {
    const log = buildLog({ segments: [{ blocks: full(2) }, { blocks: full(2), open: true }] });
    writeMeta(log, 0);
    flip(log.segments[0].file, blockOffset(1) + 900);
    flip(log.segments[1].file, blockOffset(1) + 900);
    writeRing(log.dir, { tailBlocks: 8, afterEventId: 0n, ids: log.ids, bootId: BOOT });
    const { ids, error, end } = readAll(log.dir);
    expect(ids).toEqual(log.ids.slice(0, 256));
    expect(error?.code).toBe('BLOCK_CHECKSUM_MISMATCH');
    expect(end).toMatchObject({ tail: null, tailRing: null });
  });
});

describe('torn tails', () => {
  it('end the replay at the last sound event, and the report says what was cut', () => {
    const log = buildLog({ segments: [{ blocks: full(16) }, { blocks: full(6), open: true }] });
    writeMeta(log, 0);
    const { file } = log.segments[1];
    flip(file, blockOffset(2) + 5000);
    const { ids, end } = readAll(log.dir);
    expect(ids).toEqual(log.ids.slice(0, 18 * 256));
    expect(end.error).toBeUndefined();
    expect(end.tail).toMatchObject({
      file,
      offset: blockOffset(2),
      block: 2,
      reason: 'BLOCK_CHECKSUM_MISMATCH',
      unreachableBlocks: 3,
      segmentsBeyond: [],
    });
    const used = fs.readFileSync(file).findLastIndex((byte) => byte !== 0) + 1;
    expect(end.tail?.cutBytes).toBe(used - blockOffset(2));
  });

  it('make the segments behind them unreachable, which the report names', () => {
    const log = buildLog({
      segments: [{ blocks: full(2) }, { blocks: full(16), open: true }, { blocks: full(1), open: true }],
    });
    writeMeta(log, 0);
    zero(log.segments[1].file, blockOffset(7), blockOffset(8));
    flip(log.segments[1].file, blockOffset(7) + 2);
    const { ids, end } = readAll(log.dir);
    expect(ids).toEqual(log.ids.slice(0, 9 * 256));
    expect(end.tail).toMatchObject({ block: 7, unreachableBlocks: 8, segmentsBeyond: [segmentFileName(2)] });
  });

  it('end at a hole among the ids of the unsealed block', () => {
    const log = buildLog({ segments: [{ blocks: full(2) }, { blocks: full(1), tail: 100 }] });
    writeMeta(log, 0);
    const start = blockOffset(1);
    zero(log.segments[1].file, start + eventOffset(40), start + eventOffset(44));
    expect(readAll(log.dir)).toMatchObject({ ids: log.ids.slice(0, 3 * 256 + 40), error: undefined });
  });

  it('are told at every length that a file is cut to', () => {
    const log = buildLog({ segments: [{ blocks: [256, 256] }, { blocks: [256, 30], tail: 20 }] });
    writeMeta(log, 0);
    const whole = fs.readFileSync(log.segments[1].file);
    const lengths = [0, 1, 63, 64, 65, 127, 128, 192, 255, 16_511, 16_512, 16_513];
    for (let length = blockOffset(1); length <= blockOffset(3); length += 1_000 + (length % 7))
      lengths.push(length);
    for (const length of lengths) {
      fs.writeFileSync(log.segments[1].file, whole.subarray(0, length));
      const { ids, error } = readAll(log.dir);
      expect(error, `cut to ${length}`).toBeUndefined();
      expect(ids.length, `cut to ${length}`).toBeGreaterThanOrEqual(512);
      expect(ids, `cut to ${length}`).toEqual(log.ids.slice(0, ids.length));
    }
  });
});

describe('the tail ring', () => {
  const segments = [{ blocks: full(2) }, { blocks: full(1), tail: 30 }];

  it('adds the events that a killed recorder had not written, connecting in the middle of a block', () => {
    const log = buildLog({ segments });
    writeMeta(log, 0);
    const more = idsAfter(log.lastId, 700);
    writeRing(log.dir, { tailBlocks: 8, afterEventId: 0n, ids: [...log.ids, ...more], bootId: BOOT });
    const { ids, end } = readAll(log.dir);
    expect(ids).toEqual([...log.ids, ...more]);
    expect(end).toMatchObject({ tailRing: { events: 700, note: null }, endEventId: more.at(-1) });
  });

  it('is read round its end, and stops where an older lap begins', () => {
    const log = buildLog({ segments: [{ blocks: full(9) }] });
    writeMeta(log);
    const more = idsAfter(log.lastId, 512 + 11);
    writeRing(log.dir, { tailBlocks: 4, afterEventId: 0n, ids: [...log.ids, ...more], bootId: BOOT });
    expect(readAll(log.dir).ids).toEqual([...log.ids, ...more]);
  });

  it('is delivered over several windows where it is larger than one', () => {
    const log = buildLog({ segments });
    writeMeta(log, 0);
    const more = idsAfter(log.lastId, 60 * 256, 2n);
    writeRing(log.dir, { tailBlocks: 80, afterEventId: 0n, ids: [...log.ids, ...more], bootId: BOOT });
    expect(readAll(log.dir).ids).toEqual([...log.ids, ...more]);
  });

  it('counts from its first slot where its recorder had written nothing yet, even without any segment', () => {
    const log = buildLog({ segments: [{ blocks: full(2) }] });
    writeMeta(log);
    const more = idsAfter(log.lastId, 300);
    writeRing(log.dir, { tailBlocks: 4, afterEventId: log.lastId, link: log.link, ids: more, bootId: BOOT });
    expect(readAll(log.dir).ids).toEqual([...log.ids, ...more]);
    const dir = tempDir();
    const first = idsAfter(0n, 300);
    writeRing(dir, { tailBlocks: 4, afterEventId: 0n, ids: first, bootId: BOOT });
    expect(readAll(dir).ids).toEqual(first);
  });

  it('makes good what a torn tail has lost', () => {
    const log = buildLog({ segments: [{ blocks: full(2) }, { blocks: full(2), open: true }] });
    writeMeta(log, 0);
    flip(log.segments[1].file, blockOffset(1) + 900);
    writeRing(log.dir, { tailBlocks: 8, afterEventId: 0n, ids: log.ids, bootId: BOOT });
    const { ids, end } = readAll(log.dir);
    expect(ids).toEqual(log.ids);
    expect(end.tail).toMatchObject({ block: 1 });
    expect(end.tailRing).toEqual({ events: 256, note: null });
  });

  it('of another log is not used, and said so', () => {
    const log = buildLog({ segments });
    writeMeta(log, 0);
    const more = idsAfter(log.lastId, 100);
    const file = writeRing(log.dir, {
      tailBlocks: 8,
      afterEventId: 0n,
      ids: [...log.ids, ...more],
      bootId: BOOT,
    });
    const shared = Math.floor((log.ids.length - 1) / 256);
    flip(file, 4096 + shared * BLOCK_BYTES + eventOffset(5) + 33);
    const { ids, end } = readAll(log.dir);
    expect(ids).toEqual(log.ids);
    expect(end.tailRing?.events).toBe(0);
    expect(end.tailRing?.note).toMatch(/other events/);
  });

  it.each([
    ['empty', 0],
    ['shorter than its header', 100],
    ['cut', 4096 + 3 * BLOCK_BYTES],
  ])('that is %s is not used, and said so', (_, length) => {
    const log = buildLog({ segments });
    writeMeta(log, 0);
    const more = idsAfter(log.lastId, 100);
    cut(
      writeRing(log.dir, { tailBlocks: 8, afterEventId: 0n, ids: [...log.ids, ...more], bootId: BOOT }),
      length,
    );
    const { ids, end } = readAll(log.dir);
    expect(ids).toEqual(log.ids);
    expect(end.tailRing).toMatchObject({ events: 0, note: expect.stringContaining('header') });
  });

  it('lies where tailRingDir says', () => {
    const log = buildLog({ segments });
    writeMeta(log, 0);
    const tailRingDir = tempDir();
    const more = idsAfter(log.lastId, 5);
    writeRing(tailRingDir, { tailBlocks: 8, afterEventId: 0n, ids: [...log.ids, ...more], bootId: BOOT });
    expect(readAll(log.dir, { tailRingDir }).ids).toEqual([...log.ids, ...more]);
  });

  it('counts only the events that were there at the first of two reads', () => {
    const log = buildLog({ segments });
    writeMeta(log, 0);
    const more = idsAfter(log.lastId, 400);
    const ring = { tailBlocks: 70, afterEventId: 0n, bootId: BOOT };
    writeRing(log.dir, { ...ring, ids: [...log.ids, ...more.slice(0, 100)] });
    // Progress is told after each megabyte: the ring has more than one, and less than two.
    let told = 0;
    const onProgress = () => {
      if (++told === 2) writeRing(log.dir, { ...ring, ids: [...log.ids, ...more] });
    };
    expect(readAll(log.dir, { onProgress }).ids).toEqual([...log.ids, ...more.slice(0, 100)]);
  });
});

describe('fromEventId', () => {
  const built = () => {
    const log = buildLog({
      segments: [{ blocks: full(3) }, { blocks: [10, 256] }, { blocks: full(1) }, { blocks: [4], tail: 20 }],
      idStep: 10n,
    });
    writeMeta(log, 2);
    const more = idsAfter(log.lastId, 600, 10n);
    writeRing(log.dir, { tailBlocks: 4, afterEventId: log.lastId, link: log.link, ids: more, bootId: BOOT });
    return { log, all: [...log.ids, ...more] };
  };

  it('begins at that event, else at the next higher, on every boundary of blocks, segments and the ring', () => {
    const { log, all } = built();
    const edges = new Set<number>([0, 1, all.length - 1]);
    let index = 0;
    for (const count of [256, 256, 256, 10, 256, 256, 4, 20, 256, 256]) {
      index += count;
      edges
        .add(index - 1)
        .add(index)
        .add(index + 1);
    }
    for (const edge of edges) {
      for (const offset of [-1n, 0n, 1n]) {
        const fromEventId = all[edge] + offset;
        const expected = all.filter((id) => id >= fromEventId);
        expect(readAll(log.dir, { fromEventId }).ids, `from ${fromEventId}`).toEqual(expected);
      }
    }
  });

  it('reads only the headers of the segments before, so that their damage does not matter', () => {
    const { log, all } = built();
    flip(log.segments[0].file, blockOffset(1) + 900);
    const { ids, reader } = readAll(log.dir, { fromEventId: log.segments[2].ids[0] });
    expect(ids).toEqual(all.slice(all.indexOf(log.segments[2].ids[0])));
    expect(reader.segments).toBe(2);
    expect(reader.summary.oldestSegmentIndex).toBe(0);
  });

  it('past the end delivers nothing, and the end says where the log ends', () => {
    const { log, all } = built();
    const { ids, end } = readAll(log.dir, { fromEventId: 2n ** 60n });
    expect(ids).toEqual([]);
    expect(end).toMatchObject({ error: undefined, endEventId: all.at(-1) });
  });
});

describe('what is not a segment', () => {
  it('is refused as missing where the directory is', () => {
    const missing = path.join(tempDir(), 'nowhere');
    expect(() => readAll(missing)).toThrow(
      expect.objectContaining({ code: 'DIRECTORY_NOT_FOUND', file: missing }),
    );
    fs.writeFileSync(missing, '');
    expect(() => readAll(missing)).toThrow(expect.objectContaining({ code: 'DIRECTORY_NOT_FOUND' }));
  });

  it.each(['fifo', 'directory', 'symbolic link'])(
    'does not block on, or follow, a %s of that name',
    (kind) => {
      const log = buildLog(threeSegments);
      writeMeta(log);
      const { file } = log.segments[1];
      fs.renameSync(file, path.join(log.dir, 'moved'));
      if (kind === 'fifo') execFileSync('mkfifo', [file]);
      else if (kind === 'directory') fs.mkdirSync(file);
      else fs.symlinkSync('moved', file);
      expect(readAll(log.dir)).toMatchObject({
        ids: log.segments[0].ids,
        error: { code: 'OPEN_FAILED', file },
      });
    },
  );

  it('is refused without allocating where it is larger than any segment', () => {
    const log = buildLog(threeSegments);
    writeMeta(log);
    cut(log.segments[1].file, 3 * 2 ** 30);
    const { ids, error, reader } = readAll(log.dir);
    expect(ids).toEqual(log.segments[0].ids);
    expect(error).toMatchObject({ code: 'SEGMENT_CORRUPTED', file: log.segments[1].file });
    expect(reader.windowBytes).toBeLessThan(2 ** 20);
  });

  it('is read compressed as it is plain, and both in one log', () => {
    const log = buildLog(threeSegments);
    writeMeta(log);
    for (const { file } of log.segments.slice(0, 2)) compress(file);
    expect(readAll(log.dir)).toMatchObject({ ids: log.ids, error: undefined });
  });

  it('is read compressed with the unsealed block that it ends with', () => {
    const log = buildLog({ segments: [{ blocks: full(16) }, { blocks: full(3), tail: 77 }] });
    writeMeta(log, 0);
    const { file } = log.segments[1];
    fs.writeFileSync(`${file}.lz4`, compressSegment(fs.readFileSync(file)));
    fs.unlinkSync(file);
    expect(readAll(log.dir).ids).toEqual(log.ids);
  });

  it('refuses a compressed segment that is damaged anywhere', () => {
    const log = buildLog(threeSegments);
    writeMeta(log);
    const file = compress(log.segments[1].file);
    const sound = fs.readFileSync(file);
    for (let at = 0; at < sound.length; at += 997) {
      flip(file, at);
      const { ids, error } = readAll(log.dir);
      fs.writeFileSync(file, sound);
      // A bit of an LZ4 token that means nothing.
      if (error === undefined && ids.length === log.ids.length) continue;
      expect(ids).toEqual(log.segments[0].ids);
      expect(error).toMatchObject({ code: 'SEGMENT_CORRUPTED', file });
    }
  });

  it('takes the compressed form where the plain one has not been written, as a power cut leaves it', () => {
    const log = buildLog(threeSegments);
    writeMeta(log);
    const { file } = log.segments[1];
    const plain = fs.readFileSync(file);
    compress(file);
    const unwritten = Buffer.alloc(plain.length);
    encodeSegmentHeader({ ...decodeSegmentHeader(plain)!, eventCount: 0, closedNs: 0n }, unwritten);
    fs.writeFileSync(file, unwritten);
    expect(readAll(log.dir)).toMatchObject({ ids: log.ids, error: undefined });
  });

  it('finds a segment that is compressed before its turn comes', () => {
    const log = buildLog(threeSegments);
    writeMeta(log);
    const telemetry = RecoveryTelemetry.create().reader;
    telemetry.segment = () => {
      if (fs.existsSync(log.segments[1].file)) compress(log.segments[1].file);
    };
    expect(readAll(log.dir, { telemetry })).toMatchObject({ ids: log.ids, error: undefined });
  });

  it('takes the compressed form where the plain one does not verify', () => {
    const log = buildLog(threeSegments);
    writeMeta(log);
    const plain = fs.readFileSync(log.segments[1].file);
    compress(log.segments[1].file);
    fs.writeFileSync(log.segments[1].file, plain);
    flip(log.segments[1].file, blockOffset(0) + 99);
    expect(readAll(log.dir)).toMatchObject({ ids: log.ids, error: undefined });
  });

  it('begins where retention says that the log begins, whatever is left before', () => {
    const log = buildLog(threeSegments);
    const before = log.segments[0].ids.at(-1) as bigint;
    const anchor = { segmentIndex: 1, offset: 0, eventId: BigInt(before), prefixChecksum: 0n };
    fs.writeFileSync(path.join(log.dir, META_FILE), encodeMeta(anchor));
    flip(log.segments[0].file, blockOffset(0) + 99);
    const { ids, error } = readAll(log.dir);
    expect(error).toBeUndefined();
    expect(ids).toEqual(log.ids.slice(log.segments[0].ids.length));
    fs.rmSync(log.segments[1].file);
    fs.rmSync(log.segments[0].file);
    expect(readAll(log.dir).error).toMatchObject({ code: 'SEGMENT_GAP' });
  });

  it('takes the plain form of a segment that was just being compressed', () => {
    const log = buildLog(threeSegments);
    writeMeta(log);
    fs.writeFileSync(`${log.segments[1].file}.lz4`, 'half of it');
    expect(readAll(log.dir).ids).toEqual(log.ids);
  });
});

describe('retention that is faster than the reader', () => {
  const eight = { segments: Array.from({ length: 8 }, () => ({ blocks: full(16) })) };

  function removed(count: number, from = 0) {
    const log = buildLog(eight);
    writeMeta(log);
    return { log, remove: () => log.segments.slice(from, count).map(({ file }) => fs.unlinkSync(file)) };
  }

  it.each([1, 3, 7])('begins anew behind the segments that went after they were listed: %i', (count) => {
    const { log, remove } = removed(count);
    const reader = openSource({ ...strict, dir: log.dir });
    remove();
    expect(readFrom(reader)).toMatchObject({
      ids: log.segments.slice(count).flatMap(({ ids }) => ids),
      error: undefined,
    });
  });

  it('reads a log of which no listed segment is left', () => {
    const { log, remove } = removed(8);
    const later = buildLog({ ...eight, segments: [...eight.segments, { blocks: full(16) }] });
    const reader = openSource({ ...strict, dir: log.dir });
    remove();
    fs.copyFileSync(later.segments[8].file, path.join(log.dir, segmentFileName(8)));
    writeMeta({ ...later, dir: log.dir });
    expect(readFrom(reader)).toMatchObject({ ids: later.segments[8].ids, error: undefined });
  });

  it('begins anew after a seek as well, to where the target was', () => {
    const { log, remove } = removed(3);
    const reader = openSource({ ...strict, dir: log.dir });
    readFrom(reader);
    remove();
    reader.seek({ word: SeekWord.eventId, value: 5n });
    expect(readFrom(reader).ids[0]).toBe(log.segments[3].ids[0]);
    reader.seek({ word: SeekWord.eventId, value: log.lastId });
    expect(readFrom(reader)).toMatchObject({ ids: [log.lastId], error: undefined });
  });

  it('says so where events were delivered: the log is not damaged', () => {
    const { log, remove } = removed(5);
    const reader = openSource({ ...strict, dir: log.dir });
    const window = ReplayWindow.allocate(reader.windowBytes);
    expect(reader.readNext(window)).toMatchObject({ segmentIndex: 0 });
    remove();
    const { ids, error } = readFrom(reader);
    expect(ids).toEqual([]);
    expect(error).toMatchObject({ code: 'SEGMENT_NOT_FOUND', file: log.segments[5].file });
    expect(error?.message).toContain('segment 1 was removed by retention');
    expect(isDamage(error?.code ?? '')).toBe(false);
  });

  it('says so where the rest of the segment went that a seek has read around its target', () => {
    const { log, remove } = removed(5);
    const reader = openSource({ ...strict, dir: log.dir });
    const window = ReplayWindow.allocate(reader.windowBytes);
    reader.seek({ word: SeekWord.eventId, value: log.segments[2].ids[5] });
    expect(reader.readNext(window)).toMatchObject({ segmentIndex: 2 });
    remove();
    expect(readFrom(reader)).toMatchObject({ ids: [], error: { code: 'SEGMENT_NOT_FOUND' } });
  });

  it('is no excuse for a gap', () => {
    const { log, remove } = removed(5, 3);
    const reader = openSource({ ...strict, dir: log.dir });
    remove();
    expect(readFrom(reader).error).toMatchObject({ code: 'SEGMENT_GAP' });
  });
});

describe('reading', () => {
  it('writes, deletes and touches nothing, whatever it finds', () => {
    const log = buildLog({ segments: [{ blocks: full(2) }, { blocks: full(2), tail: 9 }] });
    writeMeta(log, 0);
    flip(log.segments[1].file, blockOffset(1) + 77);
    writeRing(log.dir, { tailBlocks: 4, afterEventId: 0n, ids: log.ids, bootId: BOOT });
    const before = snapshot(log.dir);
    readAll(log.dir);
    expect(snapshot(log.dir)).toEqual(before);
    expect(before.map(({ name }) => name)).toContain(TAIL_RING_FILE);
  });
});

/** Everything of a directory that a write would change. */
function snapshot(dir: string) {
  return fs
    .readdirSync(dir)
    .sort()
    .map((name) => {
      const file = path.join(dir, name);
      const { mtimeMs, ctimeMs, size } = fs.statSync(file);
      return { name, mtimeMs, ctimeMs, size, bytes: checksum(fs.readFileSync(file), 0n) };
    });
}

/** Replaces a segment file by its compressed form. @returns the path of that */
function compress(file: string): string {
  fs.writeFileSync(`${file}.lz4`, compressSegment(fs.readFileSync(file)));
  fs.rmSync(file);
  return `${file}.lz4`;
}
