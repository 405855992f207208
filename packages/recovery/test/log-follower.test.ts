import fs from 'node:fs';
import path from 'node:path';
import {
  BLOCK_EVENTS,
  blockOffset,
  compressedSegmentFileName,
  EVENT_BYTES,
  eventOffset,
  SEGMENT_HEADER_BYTES,
} from '@fswal/format';
import { describe, expect, it } from 'vitest';
import { LogFollower } from '../src/log-follower.js';
import { SeekWord } from '../src/window-source.js';
import { Following } from './helpers/follow-log.js';
import { LiveLog, writeAt } from './helpers/live-log.js';
import { eventOf, tempDir } from './helpers/log-builder.js';
import { flip } from './helpers/vandal.js';

const SEGMENT_EVENTS = 16 * BLOCK_EVENTS;

describe('a log that grows', () => {
  it.each([1, 2] as const)('is delivered event by event, block by block, version %i', (version) => {
    const log = new LiveLog(version);
    log.append(3);
    const following = new Following(log.dir);
    expect(following.settle()).toEqual([1n, 2n, 3n]);
    expect(following.settle()).toEqual([]);
    log.append(1);
    expect(following.settle()).toEqual([4n]);
    log.append(300);
    expect(following.settle().length).toBe(300);
    log.append(2 * SEGMENT_EVENTS);
    following.settle();
    expect(following.ids).toEqual(log.ids);
    expect(following.error).toBeUndefined();
  });

  it('is delivered with the first look where nothing was missed before', () => {
    const log = new LiveLog();
    const following = new Following(log.dir);
    following.settle();
    log.append(1);
    expect(following.look()).toEqual([1n]);
    log.append(1);
    expect(following.look()).toEqual([2n]);
    log.append(SEGMENT_EVENTS - 2);
    expect(following.look()?.length).toBe(SEGMENT_EVENTS - 2);
    log.append(1);
    expect(following.look()).toEqual([log.lastId]);
  });

  it('delivers nothing anew when a block that was delivered in parts is sealed', () => {
    const log = new LiveLog().append(10);
    const following = new Following(log.dir);
    expect(following.settle().length).toBe(10);
    log.seal();
    expect(following.settle()).toEqual([]);
    log.append(5).seal();
    log.append(2);
    expect(following.settle()).toEqual(log.ids.slice(10));
  });

  it('delivers what was sealed beyond what it had', () => {
    const log = new LiveLog().append(10);
    const following = new Following(log.dir);
    following.settle();
    log.append(BLOCK_EVENTS);
    expect(following.settle().length).toBe(BLOCK_EVENTS);
    expect(following.ids).toEqual(log.ids);
  });

  it('is followed from the first event on, in an empty directory', () => {
    const log = new LiveLog();
    const following = new Following(log.dir);
    expect(following.settle()).toEqual([]);
    log.prepare(0);
    expect(following.settle()).toEqual([]);
    log.append(7);
    expect(following.look()).toEqual(log.ids);
  });

  it('is followed where an empty directory gets a log that begins with a later segment', () => {
    const log = new LiveLog();
    const following = new Following(log.dir);
    following.settle();
    log.segmentIndex = 5;
    log.append(SEGMENT_EVENTS + 1);
    expect(following.settle()).toEqual(log.ids);
  });

  it('refuses a directory that is not there', () => {
    const dir = path.join(tempDir(), 'nowhere');
    expect(() => LogFollower.open({ dir, fromEventId: 0n })).toThrow(
      expect.objectContaining({ code: 'DIRECTORY_NOT_FOUND' }),
    );
  });
});

describe('a recorder that is closed and opened again', () => {
  it('goes on in the next block of the segment, which was closed meanwhile', () => {
    const log = new LiveLog().append(700);
    const following = new Following(log.dir);
    following.settle();
    log.closeShort();
    expect(following.settle()).toEqual([]);
    log.reopen();
    expect(following.settle()).toEqual([]);
    log.append(300);
    expect(following.settle().length).toBe(300);
    log.closeShort().reopen().append(SEGMENT_EVENTS);
    following.settle();
    expect(following.ids).toEqual(log.ids);
  });

  it('goes on in the next segment, where the last one was compressed', () => {
    const log = new LiveLog().append(700);
    const following = new Following(log.dir);
    following.settle();
    log.close();
    following.settle();
    log.compress(0);
    following.settle();
    log.append(10);
    expect(following.look()?.length).toBe(10);
    expect(following.ids).toEqual(log.ids);
  });

  it('goes on in the next segment, where it cannot in the last one', () => {
    const log = new LiveLog().append(700).close();
    const following = new Following(log.dir);
    following.settle();
    log.append(10);
    expect(following.look()?.length).toBe(10);
  });

  it('takes away the segment that it had made ahead, and makes another one', () => {
    const log = new LiveLog().append(SEGMENT_EVENTS).prepare(1);
    const following = new Following(log.dir);
    following.settle();
    log.remove(1);
    following.settle();
    log.prepare(1).append(3);
    expect(following.look()).toEqual(log.ids.slice(-3));
  });

  it('seals what the one before had left when it was killed, and goes on in the next block', () => {
    const log = new LiveLog().append(2 * BLOCK_EVENTS + 30);
    const following = new Following(log.dir);
    following.settle();
    log.seal();
    // Out of the tail ring.
    log.append(77).seal();
    log.reopen().append(5);
    following.settle();
    expect(following.ids).toEqual(log.ids);
  });
});

describe('rotation, compression and retention', () => {
  it('goes on in the next segment before the full one is closed', () => {
    const log = new LiveLog().append(SEGMENT_EVENTS).writeOpenHeader(0).prepare(1).append(4);
    expect(new Following(log.dir).settle()).toEqual(log.ids);
  });

  it('reads compressed and plain segments alike', () => {
    const log = new LiveLog()
      .append(5 * SEGMENT_EVENTS + 9)
      .compress(0)
      .compress(1)
      .compress(3);
    expect(new Following(log.dir).settle()).toEqual(log.ids);
  });

  it.each([false, true])(
    'goes on in the compressed file where the plain one was read in part (%s: recycled)',
    (recycled) => {
      const log = new LiveLog().append(1000);
      const following = new Following(log.dir);
      following.settle();
      log.append(SEGMENT_EVENTS);
      log.compress(0, { keep: true });
      if (recycled) log.prepare(2, 0);
      else fs.unlinkSync(log.fileOf(0));
      following.settle();
      expect(following.ids).toEqual(log.ids);
      log.append(SEGMENT_EVENTS);
      following.settle();
      expect(following.ids).toEqual(log.ids);
      expect(following.error).toBeUndefined();
    },
  );

  it('takes nothing of a recycled file for new that it held before', () => {
    const log = new LiveLog().append(SEGMENT_EVENTS);
    const following = new Following(log.dir);
    following.settle();
    log.append(SEGMENT_EVENTS);
    log.prepare(2, 0);
    for (let count = 0; count < SEGMENT_EVENTS; count += 100) {
      following.settle();
      log.append(100);
    }
    following.settle();
    expect(following.ids).toEqual(log.ids);
  });

  it('reads to its end what it has open, though retention has deleted it', () => {
    const log = new LiveLog().append(1000);
    const following = new Following(log.dir);
    following.settle();
    log.append(SEGMENT_EVENTS).remove(0);
    following.settle();
    expect(following.ids).toEqual(log.ids);
  });

  it.each([
    ['a whole segment', (log: LiveLog) => log.remove(0).remove(1).remove(2)],
    [
      'the rest of a segment, whose file was used again',
      (log: LiveLog) => log.prepare(4, 0).remove(1).remove(2),
    ],
  ])('ends with the oldest id kept where retention took %s before it was read', (_, retain) => {
    const log = new LiveLog().append(1000);
    const following = new Following(log.dir);
    following.settle();
    log.append(4 * SEGMENT_EVENTS - 1000);
    retain(log);
    log.append(20);
    following.settle();
    const oldest = 3n * BigInt(SEGMENT_EVENTS) + 1n;
    expect(following.error).toMatchObject({
      code: 'SEGMENT_NOT_FOUND',
      file: log.fileOf(3),
      eventId: oldest,
    });
    const last = following.ids.at(-1);
    expect(following.error?.message).toContain(`events after ${last} were removed by retention`);
    expect(following.error?.message).toContain(`the oldest event kept is ${oldest}: open again from there`);
    expect(following.ids).toEqual(log.ids.slice(0, Number(last)));
    expect(following.look()).toBeUndefined();
    expect(new Following(log.dir, { fromEventId: oldest }).settle()).toEqual(
      log.ids.slice(Number(oldest) - 1),
    );
  });

  it('begins at the oldest event kept, also where retention takes that before the first look', () => {
    const log = new LiveLog().append(4 * SEGMENT_EVENTS).remove(0);
    const following = new Following(log.dir, { fromEventId: 5n });
    log.remove(1);
    expect(following.settle()).toEqual(log.ids.slice(2 * SEGMENT_EVENTS));
  });
});

describe('reads in the midst of a write', () => {
  it('wait for the rest of a segment header', () => {
    const log = new LiveLog().append(SEGMENT_EVENTS);
    const following = new Following(log.dir);
    following.settle();
    log.append(2);
    const whole = fs.readFileSync(log.fileOf(1)).subarray(0, SEGMENT_HEADER_BYTES);
    flip(log.fileOf(1), 20);
    expect(following.settle()).toEqual([]);
    writeAt(log.fileOf(1), whole, 0);
    expect(following.settle()).toEqual(log.ids.slice(-2));
  });

  it('wait for the rest of a block header', () => {
    const log = new LiveLog().append(100);
    const following = new Following(log.dir);
    following.settle();
    log.place(156);
    const header = log.sealInMemory();
    writeAt(log.fileOf(0), header.subarray(0, 30), blockOffset(0));
    expect(following.settle()).toEqual([]);
    writeAt(log.fileOf(0), header, blockOffset(0));
    expect(following.settle().length).toBe(156);
  });

  it('wait for the rest of the events of a block whose header is there', () => {
    const log = new LiveLog().append(3 * BLOCK_EVENTS);
    const whole = fs.readFileSync(log.fileOf(0));
    const at = blockOffset(1) + eventOffset(77);
    writeAt(log.fileOf(0), new Uint8Array(30 * EVENT_BYTES), at);
    const following = new Following(log.dir);
    expect(following.settle().length).toBe(BLOCK_EVENTS);
    expect(following.error).toBeUndefined();
    writeAt(log.fileOf(0), whole, 0);
    following.settle();
    expect(following.ids).toEqual(log.ids);
  });

  it('deliver no event behind one that is missing', () => {
    const log = new LiveLog().append(10);
    const following = new Following(log.dir);
    following.settle();
    log.append(20);
    const at = blockOffset(0) + eventOffset(15);
    const event = fs.readFileSync(log.fileOf(0)).subarray(at, at + EVENT_BYTES);
    writeAt(log.fileOf(0), new Uint8Array(EVENT_BYTES), at);
    expect(following.settle().length).toBe(5);
    expect(following.settle()).toEqual([]);
    writeAt(log.fileOf(0), event, at);
    following.settle();
    expect(following.ids).toEqual(log.ids);
  });
});

describe('damage', () => {
  it('in a closed segment ends it as strict recovery does, behind the sound events before it', () => {
    const log = new LiveLog().append(2 * SEGMENT_EVENTS);
    flip(log.fileOf(1), blockOffset(3) + 333);
    const following = new Following(log.dir);
    expect(following.settle()).toEqual(log.ids.slice(0, 19 * BLOCK_EVENTS));
    expect(following.error).toMatchObject({
      code: 'BLOCK_CHECKSUM_MISMATCH',
      file: log.fileOf(1),
      block: 3,
      offset: blockOffset(3),
      eventId: 19n * 256n,
    });
  });

  it('in a segment that is open may be a write under way, until the log goes on behind it', () => {
    const log = new LiveLog().append(3 * BLOCK_EVENTS);
    flip(log.fileOf(0), blockOffset(1) + 333);
    const following = new Following(log.dir);
    expect(following.settle().length).toBe(BLOCK_EVENTS);
    expect(following.error).toBeUndefined();
    log.append(14 * BLOCK_EVENTS);
    expect(following.settle()).toEqual([]);
    expect(following.error).toMatchObject({ code: 'BLOCK_CHECKSUM_MISMATCH', block: 1, eventId: 256n });
  });

  it('at or below the durable position is told at once', () => {
    const log = new LiveLog().append(3 * BLOCK_EVENTS).makeDurable();
    flip(log.fileOf(0), blockOffset(1) + 333);
    const following = new Following(log.dir);
    expect(following.look()?.length).toBe(BLOCK_EVENTS);
    expect(following.look()).toBeUndefined();
    expect(following.error).toMatchObject({ code: 'BLOCK_CHECKSUM_MISMATCH', block: 1, eventId: 256n });
  });

  it('of durable events of an unsealed block is told, and none of them delivered', () => {
    const log = new LiveLog().append(BLOCK_EVENTS + 20).makeDurable();
    flip(log.fileOf(0), blockOffset(1) + eventOffset(4) + 33);
    const following = new Following(log.dir);
    expect(following.settle().length).toBe(BLOCK_EVENTS);
    expect(following.error).toMatchObject({ code: 'BLOCK_CHECKSUM_MISMATCH', block: 1, eventId: 256n });
  });

  it('is a log that ends before its durable position', () => {
    const log = new LiveLog().append(BLOCK_EVENTS + 20).makeDurable();
    const at = blockOffset(1) + eventOffset(10);
    writeAt(log.fileOf(0), new Uint8Array(10 * EVENT_BYTES), at);
    const following = new Following(log.dir);
    expect(following.settle().length).toBe(BLOCK_EVENTS);
    expect(following.error).toMatchObject({ code: 'DURABLE_LOST', eventId: BigInt(BLOCK_EVENTS) });
  });

  it('is a last segment that is missing, and was durable', () => {
    const log = new LiveLog().append(SEGMENT_EVENTS + 20).makeDurable();
    log.remove(1);
    const following = new Following(log.dir);
    expect(following.settle().length).toBe(SEGMENT_EVENTS);
    expect(following.error).toMatchObject({ code: 'DURABLE_LOST', eventId: BigInt(SEGMENT_EVENTS) });
  });

  it('is a segment that is missing between two', () => {
    const log = new LiveLog().append(3 * SEGMENT_EVENTS);
    log.remove(1);
    const following = new Following(log.dir);
    expect(following.settle().length).toBe(SEGMENT_EVENTS);
    expect(following.error).toMatchObject({ code: 'SEGMENT_GAP', eventId: BigInt(SEGMENT_EVENTS) });
  });

  it('is not a segment that was never finished, before one that has begun: the next recorder takes that away', () => {
    const log = new LiveLog().append(700);
    const other = new LiveLog();
    other.segmentIndex = 1;
    other.append(900);
    fs.copyFileSync(other.fileOf(1), log.fileOf(1));
    const following = new Following(log.dir);
    expect(following.settle().length).toBe(700);
    log.remove(1).append(10);
    following.settle();
    expect(following.ids).toEqual(log.ids);
  });

  it('is an event that was delivered and then sealed otherwise', () => {
    const log = new LiveLog().append(20);
    const following = new Following(log.dir);
    following.settle();
    const other = eventOf(5n).bytes.slice();
    other[40] = 3;
    log.replace(4, other);
    log.append(BLOCK_EVENTS);
    expect(following.settle()).toEqual([]);
    expect(following.error).toMatchObject({ code: 'SEGMENT_CORRUPTED', block: 0, eventId: 20n });
  });

  it('is no matter in the plain file where the compressed one is whole', () => {
    const log = new LiveLog().append(2 * SEGMENT_EVENTS).compress(0, { keep: true });
    flip(log.fileOf(0), blockOffset(3) + 333);
    const following = new Following(log.dir);
    following.settle();
    expect(following.ids).toEqual(log.ids);
  });

  it.each(['status of the frame', 'content of the frame'])('in a compressed segment: %s', (where) => {
    const log = new LiveLog().append(2 * SEGMENT_EVENTS).compress(0);
    const file = path.join(log.dir, compressedSegmentFileName(0));
    flip(file, where === 'status of the frame' ? 0 : fs.statSync(file).size >> 1);
    const following = new Following(log.dir);
    following.settle();
    expect(following.error).toMatchObject({ file });
    expect(following.ids).toEqual(log.ids.slice(0, following.ids.length));
  });

  it('is not a torn tail, behind which the log has not gone on; the next recorder cuts it', () => {
    const log = new LiveLog().append(BLOCK_EVENTS + 20).makeDurable(BigInt(BLOCK_EVENTS) + 20n);
    const torn = blockOffset(2) + eventOffset(0);
    writeAt(log.fileOf(0), eventOf(400n).bytes, torn);
    const following = new Following(log.dir);
    expect(following.settle()).toEqual(log.ids);
    writeAt(log.fileOf(0), new Uint8Array(EVENT_BYTES), torn);
    log.seal().append(300);
    following.settle();
    expect(following.ids).toEqual(log.ids);
  });
});

describe('seeking', () => {
  const seekId = (value: bigint) => ({ word: SeekWord.eventId, value });

  it('goes on at any event, forwards and back', () => {
    const log = new LiveLog().append(3 * SEGMENT_EVENTS + 700).compress(1);
    const following = new Following(log.dir, { fromEventId: 9000n });
    expect(following.settle()[0]).toBe(9000n);
    for (const id of [1n, 4096n, 4097n, 8000n, log.lastId - 3n, log.lastId]) {
      following.seek(seekId(id));
      expect(following.settle()).toEqual(log.ids.slice(Number(id) - 1));
    }
    following.seek({ word: SeekWord.timestamp, value: 5_000_000n });
    expect(following.settle()[0]).toBe(5000n);
  });

  it('past the end finds nothing, until it comes', () => {
    const log = new LiveLog().append(700);
    const following = new Following(log.dir);
    following.settle();
    following.seek(seekId(1000n));
    expect(following.settle()).toEqual([]);
    log.append(290);
    expect(following.settle()).toEqual([]);
    log.append(SEGMENT_EVENTS);
    expect(following.settle()).toEqual(log.ids.slice(999));
  });

  it('begins anew after an error', () => {
    const log = new LiveLog().append(3 * SEGMENT_EVENTS);
    flip(log.fileOf(1), blockOffset(3) + 333);
    const following = new Following(log.dir);
    following.settle();
    expect(following.error).toBeDefined();
    following.seek(seekId(2n * BigInt(SEGMENT_EVENTS) + 1n));
    expect(following.settle().length).toBe(SEGMENT_EVENTS);
    expect(following.error).toBeUndefined();
  });
});

describe('any sequence of steps', () => {
  const SEEDS = 60;
  const STEPS = 120;

  it.each(Array.from({ length: SEEDS }, (_, i) => i + 1))('is followed without loss, seed %i', (seed) => {
    let random = seed;
    const upTo = (limit: number) => {
      random = (Math.imul(random, 1_664_525) + 1_013_904_223) | 0;
      return (random >>> 8) % limit;
    };
    const log = new LiveLog();
    const following = new Following(log.dir);
    let oldest = 0;
    const steps: (() => void)[] = [
      () => log.append(1 + upTo(5)),
      () => log.append(upTo(2 * BLOCK_EVENTS)),
      () => log.append(upTo(SEGMENT_EVENTS)),
      () => log.seal(),
      () => log.closeShort().reopen(),
      () => log.close(),
      () => log.makeDurable(),
      () => {
        if (!fs.existsSync(log.fileOf(log.segmentIndex))) log.prepare(log.segmentIndex);
      },
      // A segment that the follower has read may go; one that it is reading may be compressed.
      () => {
        const readTo = log.firstIds.findLastIndex((id) => id <= (following.ids.at(-1) ?? 0n));
        if (oldest >= readTo - 1 || fs.existsSync(log.fileOf(log.segmentIndex + 1))) return;
        if (!fs.existsSync(log.fileOf(oldest)) || fs.existsSync(log.fileOf(log.segmentIndex)))
          log.remove(oldest);
        else log.prepare(log.segmentIndex, oldest);
        oldest++;
      },
      () => {
        const at = oldest + upTo(log.segmentIndex - oldest + 1);
        if (at < log.segmentIndex && fs.existsSync(log.fileOf(at))) log.compress(at);
      },
      () => following.look(),
      () => following.look(),
      () => following.settle(),
    ];
    for (let step = 0; step < STEPS; step++) steps[upTo(steps.length)]?.();
    following.settle();
    expect(following.error).toBeUndefined();
    expect(following.ids).toEqual(log.ids);
  });
});
