/* Verified by several threads, a log is what it is when one does it. */
import fs from 'node:fs';
import {
  blockOffset,
  compressedSegmentFileName,
  EVENT_WORDS,
  idAt,
  segmentBytes,
  segmentFileName,
  WalError,
} from '@fswal/format';
import { compressSegment, readBootId } from '@fswal/format/files';
import { describe, expect, it } from 'vitest';
import { RecoveryManager } from '../dist/index.js';
import {
  type BuiltLog,
  buildLog,
  full,
  idsAfter,
  tempDir,
  writeMeta,
  writeRing,
} from './helpers/log-builder.js';
import { cut, flip } from './helpers/vandal.js';

const SEGMENTS = 12;

async function read(dir: string, verifyThreads: number) {
  const recovery = await RecoveryManager.open({ dir, verifyThreads });
  let events = 0;
  let last = 0n;
  let error: Pick<WalError, 'code' | 'message' | 'file' | 'offset'> | undefined;
  try {
    for (let block = recovery.nextBlock(); block !== undefined; block = recovery.nextBlock()) {
      events += block.count;
      const id = idAt(block.words, block.base + (block.count - 1) * EVENT_WORDS);
      if (id <= last) throw new Error(`event ${id} after ${last}`);
      last = id;
    }
  } catch (caught) {
    if (!(caught instanceof WalError)) throw caught;
    error = { code: caught.code, message: caught.message, file: caught.file, offset: caught.offset };
  }
  const { report, telemetry } = recovery;
  await recovery.close();
  const { segments, bytes } = report;
  const { preload_segment, preload_bytes } = telemetry.segment_preloader;
  const { count, failures } = telemetry.segment_reader.verify_segment;
  // One that does not unpack did not verify, though nothing of it was loaded.
  const packed = error?.file?.endsWith('.lz4') ? 1 : 0;
  expect([preload_segment.count, preload_bytes]).toEqual([segments, bytes]);
  expect(count + failures).toBe(segments + packed);
  return { events, last, error, report };
}

function built(version: 1 | 2 = 2): BuiltLog {
  const log = buildLog({
    segments: [
      ...Array.from({ length: SEGMENTS }, () => ({ blocks: full(4) })),
      { blocks: [256, 5], tail: 40 },
    ],
    version,
    idStep: 3n,
  });
  writeMeta(log, SEGMENTS - 1);
  return log;
}

/** Leaves the `.lz4` of a segment, beside its `.wal` or alone. */
function compress(dir: string, segmentIndex: number, keep = false): string {
  const wal = `${dir}/${segmentFileName(segmentIndex)}`;
  const lz4 = `${dir}/${compressedSegmentFileName(segmentIndex)}`;
  fs.writeFileSync(lz4, compressSegment(fs.readFileSync(wal)));
  if (!keep) fs.rmSync(wal);
  return lz4;
}

const kinds: Record<string, (log: BuiltLog) => void> = {
  sound: () => {},
  'with a tail ring': (log) => {
    const ids = idsAfter(log.lastId, 900, 3n);
    writeRing(log.dir, {
      tailBlocks: 16,
      afterEventId: log.lastId,
      link: log.link,
      ids,
      bootId: readBootId(),
    });
  },
  compressed: (log) => {
    for (const index of [0, 1, 4, 5, 6]) compress(log.dir, index);
  },
  'in both forms': (log) => {
    compress(log.dir, 2, true);
    cut(compress(log.dir, 5, true), 500);
    compress(log.dir, 7, true);
    flip(log.segments[7].file, blockOffset(1) + 900);
  },
  'with a damaged block': (log) => flip(log.segments[7].file, blockOffset(2) + 900),
  'with a damaged header': (log) => flip(log.segments[3].file, 20),
  'with a damaged .lz4': (log) => flip(compress(log.dir, 6), 3000),
  'with a segment swapped for the next one': (log) => {
    const [a, b] = [log.segments[3].file, log.segments[4].file];
    fs.renameSync(a, `${a}.x`);
    fs.renameSync(b, a);
    fs.renameSync(`${a}.x`, b);
  },
  'with a segment of another log': (log) => {
    const alone = buildLog(
      {
        segments: [{ blocks: full(4) }],
        firstSegmentIndex: 5,
        firstEventId: log.segments[5].ids[0],
        idStep: 3n,
      },
      tempDir(),
    );
    fs.copyFileSync(alone.segments[0].file, log.segments[5].file);
  },
  'with a missing segment': (log) => fs.rmSync(log.segments[8].file),
  'with a torn tail': (log) => {
    writeMeta(log, 3);
    flip(log.segments[9].file, blockOffset(2) + 900);
  },
  'cut amid a segment': (log) => cut(log.segments[10].file, 40_000),
  'whose oldest segments are gone': (log) => {
    fs.rmSync(log.segments[0].file);
    fs.rmSync(log.segments[1].file);
  },
};

describe('verifyThreads', () => {
  it.each(Object.entries(kinds))('a log %s', async (_, vandal) => {
    const log = built();
    vandal(log);
    const alone = await read(log.dir, 1);
    for (const threads of [2, 5]) expect(await read(log.dir, threads)).toEqual(alone);
    expect(alone.events).toBeGreaterThan(2000);
  });

  it('a log of version 1, which has no links between segments', async () => {
    const log = built(1);
    const alone = await read(log.dir, 1);
    expect(alone).toMatchObject({ error: undefined, events: log.ids.length });
    expect(await read(log.dir, 3)).toEqual(alone);
  });

  it('segments that turn out larger than the windows', async () => {
    const log = built();
    // Room behind the events does not count. The first compressed segment is asked for its size, and no other.
    for (const { file, endOffset } of log.segments.slice(0, SEGMENTS)) cut(file, endOffset);
    compress(log.dir, 0);
    for (const index of [2, 3, 7, 8, 10]) {
      fs.truncateSync(log.segments[index].file, segmentBytes(60));
      compress(log.dir, index);
    }
    const alone = await read(log.dir, 1);
    expect(alone).toMatchObject({ error: undefined, events: log.ids.length });
    expect(await read(log.dir, 4)).toEqual(alone);
  });

  it('goes on after seeks, whatever the threads are reading meanwhile', async () => {
    const log = buildLog({ segments: Array.from({ length: 60 }, () => ({ blocks: full(16) })) });
    writeMeta(log);
    const recovery = await RecoveryManager.open({ dir: log.dir, verifyThreads: 3 });
    for (let n = 0; n < 300; n++) {
      const id = log.ids[(n * 7919 * 31) % log.ids.length];
      expect(recovery.seek(id)).toBe(id);
      for (let more = 0; more < n % 7; more++) recovery.nextBlock();
    }
    recovery.seek(log.ids[5000]);
    let events = 0;
    while (recovery.next()) events++;
    expect(events).toBe(log.ids.length - 5000);
    await recovery.close();
  });

  it.each([0, 17, 1.5])('%s threads are refused', async (verifyThreads) => {
    await expect(RecoveryManager.open({ dir: '.', verifyThreads })).rejects.toThrow(RangeError);
  });
});
