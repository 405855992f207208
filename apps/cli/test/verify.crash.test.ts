import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { blockOffset, eventOffset, META_FILE, META_V1_BYTES, TAIL_RING_FILE } from '@fswal/format';
import { compressLog } from '@fswal/recorder';
import { RecoveryManager } from '@fswal/recovery';
import { describe, expect, it } from 'vitest';
import type { SegmentRow } from '../src/log/segment-row.js';
import { fswal, jsonOf } from './helpers/fswal.js';
import {
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

interface Verified {
  readonly status: string;
  readonly segments: readonly SegmentRow[];
  readonly events: number;
  readonly firstEventId: string;
  readonly lastEventId: string;
  readonly durableEventId: string;
}

async function verify(target: string) {
  const run = await fswal(['verify', target, '--json']);
  return { run, ...jsonOf<Verified>(run) };
}

/** What a strict recovery delivers, and the code it ends with. */
async function recover(dir: string) {
  const recovery = await RecoveryManager.open({ dir });
  let status = 'OK';
  try {
    while (recovery.next());
  } catch (error) {
    status = (error as { code: string }).code;
  }
  const { events, firstEventId, lastEventId } = recovery.report;
  await recovery.close();
  return { status, events, firstEventId: String(firstEventId), lastEventId: String(lastEventId) };
}

/** Verifies a log and holds it against a strict recovery. */
async function verifyAsRecovery(dir: string) {
  const verified = await verify(dir);
  expect(verified).toMatchObject(await recover(dir));
  return verified;
}

describe('a sound log', () => {
  it('has a row for each segment, in exactly this shape', async () => {
    const dir = await record(SEGMENT_EVENTS + 10);
    const run = await fswal(['verify', dir, '--json']);
    expect([run.status, run.stderr]).toEqual([0, '']);
    expect(jsonOf(run)).toEqual({
      status: 'OK',
      segments: [
        {
          file: 'FS.00000000.wal',
          status: 'OK',
          version: 2,
          segmentIndex: 0,
          blocks: 16,
          events: 4096,
          firstEventId: '1',
          lastEventId: '4096',
          state: 'sealed',
        },
        {
          file: 'FS.00000001.wal',
          status: 'OK',
          version: 2,
          segmentIndex: 1,
          blocks: 1,
          events: 10,
          firstEventId: '4097',
          lastEventId: '4106',
          state: 'sealed',
        },
      ],
      events: 4106,
      firstEventId: '1',
      lastEventId: '4106',
      durableEventId: '4106',
    });
  });

  it('says so in words without --json', async () => {
    const run = await fswal(['verify', await record(100)]);
    expect([run.status, run.stderr]).toEqual([0, '']);
    expect(run.stdout).toContain('sound');
    expect(run.stdout).toContain('100 events: 1 to 100');
  });

  it('may be compressed', async () => {
    const dir = await record(3 * SEGMENT_EVENTS);
    await compressLog({ dir });
    const { run, segments } = await verifyAsRecovery(dir);
    expect(run.status).toBe(0);
    expect(segments.map(({ file }) => file)).toEqual([
      'FS.00000000.wal.lz4',
      'FS.00000001.wal.lz4',
      'FS.00000002.wal',
    ]);
  });

  it.each(['contiguous', 'gaps', 'huge'] as const)('may be of version 1: %s', async (name) => {
    const { run, segments, durableEventId } = await verifyAsRecovery(golden(name));
    expect(run.status).toBe(0);
    expect(segments.every(({ version, status }) => version === 1 && status === 'OK')).toBe(true);
    expect(durableEventId).toBe(segments.at(-1)?.lastEventId);
  });

  it('may be what a killed recorder left: the events of its tail ring count', async () => {
    const dir = recordAndDie(SEGMENT_EVENTS + 50, 3000);
    const before = snapshot(dir);
    const { run, events, segments, durableEventId } = await verifyAsRecovery(dir);
    expect(run.status).toBe(0);
    expect(events).toBe(SEGMENT_EVENTS + 3050);
    expect(durableEventId).toBe(String(SEGMENT_EVENTS + 50));
    expect(segments.reduce((sum, row) => sum + row.events, 0)).toBeLessThan(events);
    expect((await fswal(['verify', dir])).stdout).toMatch(/the last [\d,]+ of them in the tail ring alone/);
    expect(snapshot(dir)).toEqual(before);
  });

  it('may have a torn tail behind the durable position, which is said', async () => {
    const dir = await record(SEGMENT_EVENTS);
    await record(1000, dir, SEGMENT_EVENTS + 1);
    makeDurable(dir, 0);
    flip(segment(dir, 1), blockOffset(1) + 100);
    const { run, segments, lastEventId } = await verifyAsRecovery(dir);
    expect(run.status).toBe(0);
    expect(lastEventId).toBe(String(SEGMENT_EVENTS + 256));
    expect(segments[1]).toMatchObject({ status: 'OK', blocks: 1, at: { block: 1, offset: blockOffset(1) } });
    const { stdout } = await fswal(['verify', dir]);
    expect(stdout).toContain(`${dir}: sound up to the torn tail\n`);
    expect(stdout).toContain('2 segment files, every byte up to the torn tail verified');
    expect(stdout).toContain('torn tail behind the durable position');
  });
});

/** A log with the same ids, but other blocks: its first one is not full. */
async function otherLog() {
  const dir = await record(10);
  return record(6 * SEGMENT_EVENTS, dir, 11);
}

describe('a damaged log', () => {
  it('names segment, block, offset and event, and still verifies what follows', async () => {
    const dir = await record(4 * SEGMENT_EVENTS);
    flip(segment(dir, 1), blockOffset(3) + 1000);
    const before = snapshot(dir);
    const { run, status, segments, events } = await verifyAsRecovery(dir);
    expect([run.status, status]).toEqual([1, 'BLOCK_CHECKSUM_MISMATCH']);
    expect(run.stderr).toContain('fswal: BLOCK_CHECKSUM_MISMATCH');
    expect(run.stderr).toContain('fswal repair');
    expect(events).toBe(SEGMENT_EVENTS + 3 * 256);
    expect(segments.map((row) => row.status)).toEqual(['OK', 'BLOCK_CHECKSUM_MISMATCH', 'OK', 'OK']);
    expect(segments[1]).toMatchObject({ blocks: 3, events: 768, lastEventId: String(events) });
    expect(segments[1].at).toEqual({
      block: 3,
      offset: blockOffset(3),
      eventId: String(events),
      message: expect.any(String),
    });
    expect(segments[3]).toMatchObject({ blocks: 16, events: SEGMENT_EVENTS });
    expect(snapshot(dir)).toEqual(before);
  });

  it('names all that is damaged, the links behind the first damage too', async () => {
    const dir = await record(6 * SEGMENT_EVENTS);
    flip(segment(dir, 1), blockOffset(0) + 100);
    flip(segment(dir, 3), 20);
    // Sound by itself, but the log that it is of has gone another way.
    fs.copyFileSync(segment(await otherLog(), 5), segment(dir, 5));
    const { segments } = await verifyAsRecovery(dir);
    expect(segments.map((row) => row.status)).toEqual([
      'OK',
      'BLOCK_CHECKSUM_MISMATCH',
      'OK',
      'HEADER_CHECKSUM_MISMATCH',
      'OK',
      'CHAINED_CHECKSUM_MISMATCH',
    ]);
  });

  it('a segment is damaged in several places: each is listed, with what is sound between', async () => {
    const dir = await record(3 * SEGMENT_EVENTS);
    for (const block of [2, 9, 10]) flip(segment(dir, 1), blockOffset(block) + 300);
    const { segments } = await verifyAsRecovery(dir);
    const reason = 'BLOCK_CHECKSUM_MISMATCH';
    const message = 'the events are not those that were sealed';
    const gap = (block: number, blocks: number) => ({
      file: segment(dir, 1),
      reason,
      message,
      offset: blockOffset(block),
      endOffset: blockOffset(block + blocks),
      block,
      blocks,
      afterEventId: String(SEGMENT_EVENTS + block * 256),
      beforeEventId: String(SEGMENT_EVENTS + (block + blocks) * 256 + 1),
    });
    expect(segments[1]).toMatchObject({ status: reason, blocks: 2, soundBlocks: 13 });
    expect(segments[1].gaps).toEqual([gap(2, 1), gap(9, 2)]);
    expect(segments[2]).toMatchObject({ status: 'OK', events: SEGMENT_EVENTS });
    const alone = await verify(segment(dir, 1));
    expect(alone.segments[0].gaps).toEqual(
      [gap(2, 1), gap(9, 2)].map((one) => ({ ...one, file: segment(dir, 1) })),
    );
    const { stdout } = await fswal(['verify', dir]);
    expect(stdout).toContain('3 segment files, 2 of them sound');
    expect(stdout).toContain('    13 blocks of it sound, but not:');
    expect(stdout).toContain(
      `      ${reason}, blocks 9 to 10, offset ${blockOffset(9)}, between event 6400 and event 6913: ${message}`,
    );
  });

  it('the link behind a damaged segment is verified too', async () => {
    const dir = await record(3 * SEGMENT_EVENTS);
    flip(segment(dir, 0), blockOffset(3) + 300);
    const other = await record(3 * SEGMENT_EVENTS, tempDir(), 101);
    fs.copyFileSync(segment(other, 1), segment(dir, 1));
    const { segments } = await verifyAsRecovery(dir);
    expect(segments.map((row) => row.status)).toEqual([
      'BLOCK_CHECKSUM_MISMATCH',
      'CHAINED_CHECKSUM_MISMATCH',
      'CHAINED_CHECKSUM_MISMATCH',
    ]);
  });

  it('a header has rotted where no durable position is known: that is no torn tail', async () => {
    const dir = await record(2 * SEGMENT_EVENTS);
    fs.rmSync(path.join(dir, META_FILE));
    flip(segment(dir, 1), 20);
    const { run, status } = await verifyAsRecovery(dir);
    expect([run.status, status]).toEqual([1, 'HEADER_CHECKSUM_MISMATCH']);
    expect((await fswal(['repair', dir])).stdout).toContain('8,192 events');
    expect(await verifyAsRecovery(dir)).toMatchObject({ run: { status: 0 }, events: 2 * SEGMENT_EVENTS });
  });

  it('a segment is missing: SEGMENT_GAP, and the one behind it is said to be sound', async () => {
    const dir = await record(3 * SEGMENT_EVENTS);
    fs.rmSync(segment(dir, 1));
    const { run, status, segments } = await verifyAsRecovery(dir);
    expect([run.status, status]).toEqual([1, 'SEGMENT_GAP']);
    expect(segments[1]).toMatchObject({ status: 'SEGMENT_GAP', blocks: 16, events: SEGMENT_EVENTS });
  });

  it('the end is missing: DURABLE_LOST', async () => {
    const dir = await record(3 * SEGMENT_EVENTS);
    fs.truncateSync(segment(dir, 2), blockOffset(4));
    expect(await verifyAsRecovery(dir)).toMatchObject({ run: { status: 1 }, status: 'DURABLE_LOST' });
    fs.rmSync(segment(dir, 2));
    expect(await verifyAsRecovery(dir)).toMatchObject({ run: { status: 1 }, status: 'DURABLE_LOST' });
    for (const index of [0, 1]) fs.rmSync(segment(dir, index));
    expect(await verifyAsRecovery(dir)).toMatchObject({ status: 'DURABLE_LOST', segments: [] });
  });

  it('an open segment ends too early: nothing certifies what is left of its unsealed block', async () => {
    const dir = recordAndDie(SEGMENT_EVENTS + 1000, 0);
    fs.rmSync(path.join(dir, TAIL_RING_FILE));
    fs.truncateSync(segment(dir, 1), blockOffset(3) + eventOffset(150));
    const { status, segments } = await verifyAsRecovery(dir);
    expect(status).toBe('DURABLE_LOST');
    expect(segments[1]).toMatchObject({ status, events: 3 * 256, soundBlocks: 3, gaps: [{ block: 3 }] });
  });

  it('a compressed segment does not unpack', async () => {
    const dir = await record(3 * SEGMENT_EVENTS);
    await compressLog({ dir });
    fs.truncateSync(`${segment(dir, 1)}.lz4`, 5000);
    const { run, status, segments } = await verifyAsRecovery(dir);
    expect([run.status, status]).toEqual([1, 'SEGMENT_CORRUPTED']);
    expect(segments[1]).toMatchObject({ state: 'unreadable', version: null, events: 0, firstEventId: '0' });
    expect(segments[1].gaps?.length).toBeGreaterThan(0);
    expect(segments[1].at?.eventId).toBe(String(SEGMENT_EVENTS));
    expect(segments[2]).toMatchObject({ status: 'OK', events: SEGMENT_EVENTS });
  });

  it('agrees with recovery wherever a bit is flipped, with and without a durable position', async () => {
    const sound = await record(SEGMENT_EVENTS + 300);
    fs.writeFileSync(path.join(sound, META_FILE), new Uint8Array(META_V1_BYTES));
    const size = fs.statSync(segment(sound, 0)).size;
    for (let i = 0; i < 12; i++) {
      const dir = tempDir();
      fs.cpSync(sound, dir, { recursive: true });
      flip(segment(dir, i % 2), Math.floor((i / 12) * size * 0.2) + i);
      await verifyAsRecovery(dir);
    }
  });
});

describe('a segment file alone', () => {
  it('is verified by itself, in either form', async () => {
    const dir = await record(3 * SEGMENT_EVENTS);
    const row = { status: 'OK', blocks: 16, events: 4096, firstEventId: '4097', lastEventId: '8192' };
    expect(await verify(segment(dir, 1))).toMatchObject({
      run: { status: 0 },
      ...{ events: 4096, segments: [row] },
    });
    await compressLog({ dir });
    expect(await verify(`${segment(dir, 1)}.lz4`)).toMatchObject({ run: { status: 0 }, segments: [row] });
  });

  it('is held against its name', async () => {
    const dir = await record(3 * SEGMENT_EVENTS);
    fs.renameSync(segment(dir, 1), segment(dir, 7));
    const { run, status } = await verify(segment(dir, 7));
    expect([run.status, status]).toEqual([1, 'SEGMENT_CORRUPTED']);
  });

  it('may be damaged', async () => {
    const dir = await record(SEGMENT_EVENTS);
    flip(segment(dir, 0), blockOffset(2) + 70);
    const { run, status, segments } = await verify(segment(dir, 0));
    expect([run.status, status]).toEqual([1, 'BLOCK_CHECKSUM_MISMATCH']);
    expect(segments[0].at?.block).toBe(2);
  });
});

describe('what cannot be verified', () => {
  it.each([
    ['no segment', (file: string) => fs.writeFileSync(file, 'root:x:0:0:root:/root:/bin/bash\n'.repeat(9))],
    ['empty', (file: string) => fs.writeFileSync(file, '')],
  ])('is a file that is %s: a usage error, and no advice to repair it', async (_, make) => {
    const file = path.join(tempDir(), 'passwd');
    make(file);
    const run = await fswal(['verify', file]);
    expect(run).toMatchObject({ status: 2, stdout: '' });
    expect(run.stderr).toContain(`${file} is no segment file`);
    expect(run.stderr).not.toContain('fswal repair');
  });

  it('is a fifo: said at once', async () => {
    const file = path.join(tempDir(), 'fifo');
    execFileSync('mkfifo', [file]);
    const run = await fswal(['verify', file]);
    expect(run.status).toBe(2);
    expect(run.stderr).toContain('OPEN_FAILED');
    expect(run.stderr).toContain('this is not a regular file');
  });

  it('a copy of a segment is one, whatever its name, and however it is damaged', async () => {
    const copy = path.join(tempDir(), 'copy');
    fs.copyFileSync(segment(await record(SEGMENT_EVENTS), 0), copy);
    flip(copy, 0);
    expect(await verify(copy)).toMatchObject({ run: { status: 1 }, status: 'HEADER_CHECKSUM_MISMATCH' });
  });

  it('is no log: status 2, and nothing on stdout', async () => {
    const empty = tempDir();
    expect(await fswal(['verify', empty])).toMatchObject({ status: 2, stdout: '' });
    const missing = await fswal(['verify', path.join(empty, 'missing')]);
    expect(missing).toMatchObject({ status: 2, stdout: '' });
    expect(missing.stderr).toContain('fswal: DIRECTORY_NOT_FOUND');
  });

  it('is a log without events: sound', async () => {
    const dir = await record(0);
    expect(await verifyAsRecovery(dir)).toMatchObject({ run: { status: 0 }, events: 0, lastEventId: '0' });
  });

  it("is a directory under a segment's name: an I/O error, and what follows is verified", async () => {
    const dir = await record(2 * SEGMENT_EVENTS);
    fs.rmSync(segment(dir, 0));
    fs.mkdirSync(segment(dir, 0));
    expect((await fswal(['verify', dir])).stdout).not.toContain('after event 0');
    const { run, status, segments } = await verify(dir);
    expect(run.stderr).toContain('move what is no regular file out of the way');
    expect([run.status, status]).toEqual([2, 'OPEN_FAILED']);
    expect(segments[1]).toMatchObject({ status: 'OK', events: SEGMENT_EVENTS });
  });
});
