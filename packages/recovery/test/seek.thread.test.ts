/* Everything that moves a replay other than next(): seeks, whole blocks, iterators, waiting. */
import fs from 'node:fs';
import { blockOffset, compressedSegmentFileName, EVENT_WORDS, idAt, segmentFileName } from '@fswal/format';
import { compressSegment, readBootId } from '@fswal/format/files';
import { describe, expect, it } from 'vitest';
import { RecoveryManager, type RecoveryOptions } from '../dist/index.js';
import { eachEvent } from './helpers/bounded.js';
import { buildLog, full, idsAfter, writeMeta, writeRing } from './helpers/log-builder.js';
import { flip } from './helpers/vandal.js';

/** Closed segments of both forms, an open one with an unsealed block, a tail ring; ids with steps. */
function built() {
  const closed = Array.from({ length: 9 }, () => ({ blocks: [256, 256, 7, 256] }));
  const log = buildLog({
    segments: [...closed, { blocks: [256, 5], tail: 40 }],
    firstEventId: 1_000n,
    idStep: 10n,
  });
  writeMeta(log, 8);
  const more = idsAfter(log.lastId, 900, 10n);
  writeRing(log.dir, {
    tailBlocks: 16,
    afterEventId: log.lastId,
    link: log.link,
    ids: more,
    bootId: readBootId(),
  });
  for (const index of [2, 3, 6]) compress(log.dir, index);
  return { log, all: [...log.ids, ...more] };
}

function compress(dir: string, segmentIndex: number): void {
  const wal = `${dir}/${segmentFileName(segmentIndex)}`;
  fs.writeFileSync(
    `${dir}/${compressedSegmentFileName(segmentIndex)}`,
    compressSegment(fs.readFileSync(wal)),
  );
  fs.rmSync(wal);
}

async function opened<T>(
  options: RecoveryOptions<never>,
  use: (recovery: RecoveryManager) => T | Promise<T>,
): Promise<T> {
  const recovery = await RecoveryManager.open(options as { dir: string });
  try {
    return await use(recovery);
  } finally {
    await recovery.close();
  }
}

/** The ids that are left, checked against what is expected, beginning at an index of it. */
function restIs(recovery: RecoveryManager, all: readonly bigint[], from: number): void {
  let at = from;
  eachEvent(recovery, () => {
    if (recovery.event.eventIdBig !== all[at]) {
      throw new Error(`event ${recovery.event.eventIdBig} instead of ${all[at]}`);
    }
    at++;
  });
  expect(at).toBe(all.length);
}

/** Indexes around every border of blocks, segments and the ring, in an order without any. */
function edges(): number[] {
  const counts = [...Array.from({ length: 9 }, () => [256, 256, 7, 256]).flat(), 256, 5, 40];
  const found = new Set([0, 1]);
  let at = 0;
  for (const count of counts) {
    at += count;
    for (const near of [at - 1, at, at + 1]) found.add(near);
  }
  return [...found].sort((a, b) => ((a * 7919) % 1009) - ((b * 7919) % 1009));
}

describe('seek', () => {
  it('goes to that event, else to the next higher one, forwards and back, and next() delivers it', async () => {
    const { log, all } = built();
    await opened({ dir: log.dir }, (recovery) => {
      for (const index of edges()) {
        for (const offset of [-9n, -1n, 0n]) {
          expect(recovery.seek(all[index] + offset)).toBe(all[index]);
          expect(recovery.event.eventIdBig).toBe(all[index]);
          expect(recovery.next()).toBe(true);
          expect(recovery.event.eventIdBig).toBe(all[index]);
        }
      }
      recovery.seek(all[700]);
      restIs(recovery, all, 700);
      expect(recovery.report).toMatchObject({ complete: true, lastEventId: all.at(-1) });
    });
  });

  it('finds events by their timestamp', async () => {
    const { log, all } = built();
    await opened({ dir: log.dir }, (recovery) => {
      for (const index of edges()) {
        const timestamp = all[index] * 1_000n;
        for (const offset of [-1n, 0n]) expect(recovery.seekTimestamp(timestamp + offset)).toBe(all[index]);
      }
      recovery.seekTimestamp(0);
      restIs(recovery, all, 0);
      expect(() => recovery.seekTimestamp((all.at(-1) as bigint) * 1_000n + 1n)).toThrow('ITEM_NOT_FOUND');
    });
  });

  it('past the end is ITEM_NOT_FOUND, and another seek goes on', async () => {
    const { log, all } = built();
    await opened({ dir: log.dir }, (recovery) => {
      const last = all.at(-1) as bigint;
      expect(() => recovery.seek(last + 1n)).toThrow(
        expect.objectContaining({ code: 'ITEM_NOT_FOUND', eventId: last, file: log.dir }),
      );
      expect(recovery.next()).toBe(false);
      expect(recovery.seek(last)).toBe(last);
      restIs(recovery, all, all.length - 1);
      recovery.seek(1);
      restIs(recovery, all, 0);
    });
  });

  it('in an empty log is ITEM_NOT_FOUND', async () => {
    const log = buildLog({ segments: [] });
    await opened({ dir: log.dir }, (recovery) => expect(() => recovery.seek(1)).toThrow('ITEM_NOT_FOUND'));
  });

  it('leads around damage in other segments, and into it throws as next() does', async () => {
    const log = buildLog({ segments: Array.from({ length: 6 }, () => ({ blocks: full(4) })) });
    writeMeta(log);
    flip(log.segments[2].file, blockOffset(1) + 900);
    await opened({ dir: log.dir }, (recovery) => {
      const bad = log.segments[2].ids;
      expect(() => eachEvent(recovery)).toThrow('BLOCK_CHECKSUM_MISMATCH');
      expect(recovery.seek(log.segments[4].ids[3])).toBe(log.segments[4].ids[3]);
      expect(recovery.seek(bad[10])).toBe(bad[10]);
      expect(() => recovery.seek(bad[300])).toThrow('BLOCK_CHECKSUM_MISMATCH');
      expect(() => recovery.next()).toThrow('BLOCK_CHECKSUM_MISMATCH');
      expect(recovery.seek(1n)).toBe(1n);
    });
  });

  it('while all windows wait to be replayed, and while one is being read, is not slower for it', async () => {
    const log = buildLog({ segments: Array.from({ length: 40 }, () => ({ blocks: full(16) })) });
    writeMeta(log);
    await opened({ dir: log.dir, readAhead: 2 }, (recovery) => {
      for (let n = 0; n < 400; n++) {
        const index = (n * 7919) % log.ids.length;
        expect(recovery.seek(log.ids[index])).toBe(log.ids[index]);
        if (n % 3 === 0) expect(recovery.next()).toBe(true);
      }
      recovery.seek(log.ids[100_000]);
      restIs(recovery, log.ids, 100_000);
    });
  });

  it('into a long segment goes on with the rest of it, and comes upon the damage there', async () => {
    const log = buildLog({
      segments: Array.from({ length: 3 }, () => ({ blocks: full(150) })),
      blocksPerSegment: 150,
    });
    writeMeta(log);
    const idAt = (segment: number, block: number, event: number) =>
      BigInt(1 + (segment * 150 + block) * 256 + event);
    await opened({ dir: log.dir }, (recovery) => {
      for (const [block, event] of [
        [0, 0],
        [1, 0],
        [63, 255],
        [64, 0],
        [85, 7],
        [86, 0],
        [149, 255],
      ]) {
        const id = idAt(1, block, event);
        expect(recovery.seek(id)).toBe(id);
        restIs(recovery, log.ids, Number(id) - 1);
      }
    });
    // The header of the block before, that of the block, and one that is not met at first.
    for (const [block, at] of [
      [99, 20],
      [100, 20],
      [100, 900],
      [20, 900],
    ]) {
      flip(log.segments[1].file, blockOffset(block) + at);
      await opened({ dir: log.dir }, (recovery) => {
        const wanted = idAt(1, 100, 9);
        const read = () => {
          recovery.seek(wanted);
          eachEvent(recovery);
        };
        expect(read).toThrow(expect.objectContaining({ block, file: log.segments[1].file }));
      });
      flip(log.segments[1].file, blockOffset(block) + at);
    }
  });

  it.each([-1, 1.5, 2 ** 53, 2n ** 64n])('refuses %s', async (id) => {
    const { log } = built();
    await opened({ dir: log.dir }, (recovery) => {
      expect(() => recovery.seek(id)).toThrow(RangeError);
      expect(() => recovery.seekTimestamp(id)).toThrow(RangeError);
    });
  });

  it('after close() is NOT_OPEN', async () => {
    const { log } = built();
    const recovery = await RecoveryManager.open({ dir: log.dir });
    await recovery.close();
    expect(() => recovery.seek(1)).toThrow('NOT_OPEN');
  });
});

describe('nextBlock', () => {
  it('delivers every event once, with next() between as one likes', async () => {
    const { log, all } = built();
    await opened({ dir: log.dir }, (recovery) => {
      const ids: bigint[] = [];
      for (let turn = 0; ; turn++) {
        for (let single = 0; single < turn % 5; single++) {
          if (recovery.next()) ids.push(recovery.event.eventIdBig);
        }
        const block = recovery.nextBlock();
        if (block === undefined) break;
        expect(block.count).toBeGreaterThan(0);
        for (let event = 0; event < block.count; event++) {
          ids.push(idAt(block.words, block.base + event * EVENT_WORDS));
        }
        expect(recovery.event.eventIdBig).toBe(ids.at(-1));
        expect(recovery.report).toMatchObject({ events: ids.length, lastEventId: ids.at(-1) });
      }
      expect(ids).toEqual(all);
      expect(recovery.nextBlock()).toBeUndefined();
    });
  });

  it('begins amid a block where a seek leads there', async () => {
    const { log, all } = built();
    await opened({ dir: log.dir }, (recovery) => {
      recovery.seek(all[300]);
      const block = recovery.nextBlock();
      expect(block?.count).toBe(212);
      expect(idAt((block as { words: Int32Array }).words, block?.base as number)).toBe(all[300]);
      restIs(recovery, all, 512);
    });
  });

  it('throws what next() throws', async () => {
    const log = buildLog({ segments: [{ blocks: full(4) }] });
    writeMeta(log);
    flip(log.segments[0].file, blockOffset(2) + 900);
    await opened({ dir: log.dir }, (recovery) => {
      expect(recovery.nextBlock()?.count).toBe(256);
      expect(recovery.nextBlock()?.count).toBe(256);
      expect(() => recovery.nextBlock()).toThrow('BLOCK_CHECKSUM_MISMATCH');
    });
  });
});

describe('iterators', () => {
  it('yield the events from here on', async () => {
    const { log, all } = built();
    await opened({ dir: log.dir, fromEventId: all[100] }, async (recovery) => {
      const ids: bigint[] = [];
      for (const event of recovery) {
        ids.push(event.eventIdBig);
        if (ids.length === 1000) break;
      }
      for await (const event of recovery) ids.push(event.eventIdBig);
      expect(ids).toEqual(all.slice(100));
      for await (const event of recovery) throw new Error(`event ${event.eventId} after the end`);
    });
  });

  it('throw at damage', async () => {
    const log = buildLog({ segments: [{ blocks: full(4) }] });
    writeMeta(log);
    flip(log.segments[0].file, blockOffset(2) + 900);
    await opened({ dir: log.dir }, async (recovery) => {
      let events = 0;
      const read = async () => {
        for await (const event of recovery) events += event.eventId > 0 ? 1 : 0;
      };
      await expect(read()).rejects.toMatchObject({ code: 'BLOCK_CHECKSUM_MISMATCH' });
      expect(events).toBe(512);
    });
  });

  it('leave the thread free while nothing is read yet', async () => {
    const { log, all } = built();
    await opened({ dir: log.dir }, async (recovery) => {
      let turns = 0;
      const timer = setInterval(() => turns++, 0);
      expect(await recovery.waitForNext()).toBe(true);
      expect(recovery.next()).toBe(true);
      expect(await recovery.waitForNext()).toBe(true);
      clearInterval(timer);
      restIs(recovery, all, 1);
      expect(await recovery.waitForNext()).toBe(true);
      expect(recovery.next()).toBe(false);
    });
  });

  it('end when the recovery is closed', async () => {
    const { log } = built();
    const recovery = await RecoveryManager.open({ dir: log.dir });
    let events = 0;
    for await (const _ of recovery) if (++events === 10) await recovery.close();
    expect(events).toBe(10);
    expect(await recovery.waitForNext()).toBe(false);
  });
});
