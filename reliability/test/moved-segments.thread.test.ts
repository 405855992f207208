/* S1 to S4 and S8: segments cut, longer than they say, with blocks moved, renamed, and of another log. */
import {
  BLOCK_BYTES,
  BLOCK_EVENTS,
  BlockHeaderOffset,
  blockOffset,
  type DurablePosition,
  decodeMeta,
  decodeSegmentHeader,
  encodeSegmentHeader,
  eventOffset,
  headerChecksum,
  META_FILE,
  SEGMENT_HEADER_BYTES,
  segmentFileName,
  type WalError,
} from '@fswal/format';
import { RecoveryManager } from '@fswal/recovery';
import { expect, test } from 'vitest';
import { BLOCKS, buildLog, SEGMENT_EVENTS } from '../src/harness/build-log.js';
import { differences, type LogImage, readImage, writeImage } from '../src/harness/log-copy.js';
import { count, FULL, patience } from '../src/harness/scale.js';
import { type ScannedSegments, scanSegments } from '../src/harness/scan-log.js';
import { seeded } from '../src/harness/seeded.js';
import { faultsOf, reopen, replay } from '../src/harness/verify-log.js';
import { newLogDir } from './helpers/directories.js';

const TIMEOUT_MS = patience(120_000);

function positionOf(image: LogImage): DurablePosition {
  return decodeMeta(image.get(META_FILE) as Uint8Array) as DurablePosition;
}

function segmentsOf(image: LogImage): Uint8Array[] {
  return [...image.values()].slice(0, -1);
}

/** Judges segments under the names of the first ones. */
function scan(segments: readonly Uint8Array[], durable: DurablePosition, from = 0): ScannedSegments {
  const given = segments.map((bytes, i) => ({
    segmentIndex: from + i,
    file: segmentFileName(from + i),
    bytes,
  }));
  return scanSegments(given, durable);
}

function imageOf(segments: readonly Uint8Array[], meta: Uint8Array): Map<string, Uint8Array> {
  return new Map([
    ...segments.map((bytes, i): [string, Uint8Array] => [segmentFileName(i), bytes]),
    [META_FILE, meta],
  ]);
}

/** The same log for recovery and the recorder, which must refuse it alike and change nothing. */
async function refusedByAll(dir: string, image: LogImage): Promise<(string | undefined)[]> {
  writeImage(dir, image);
  const replayed = await replay(dir);
  const reopened = await reopen(dir, 1);
  expect(differences(image, readImage(dir))).toEqual([]);
  return [...replayed.faults, replayed.error?.code, reopened.error?.code];
}

/** An open segment: sealed blocks, an unsealed one with some events, and the rest zero. */
const OPEN_BLOCKS = 6;
const LAST = OPEN_BLOCKS * BLOCK_EVENTS + 100;

/** The last event of a file of this length, in the log above. */
function lastIn(length: number, durable: number): number {
  if (length < SEGMENT_HEADER_BYTES) return 0;
  const block = Math.floor((length - SEGMENT_HEADER_BYTES) / BLOCK_BYTES);
  if (block > OPEN_BLOCKS) return LAST;
  const inBlock = Math.floor((length - blockOffset(block) - eventOffset(0)) / 64);
  const whole = block * BLOCK_EVENTS;
  // A sealed block that is cut is none, but for what the durable position vouches for.
  if (block < OPEN_BLOCKS) return whole < durable && whole + inBlock >= durable ? durable : whole;
  return Math.min(LAST, whole + Math.max(0, inBlock));
}

/** Every length of the first two blocks, then at ever wider steps, and all around the ends of blocks. */
function lengths(bytes: number): number[] {
  const dense = FULL ? bytes : blockOffset(2);
  const all = new Set<number>();
  for (let length = 0; length < dense; length += FULL ? 1 : 13) all.add(length);
  for (const step of [64, 512, 4096]) for (let length = 0; length < bytes; length += step) all.add(length);
  for (let block = 0; block <= BLOCKS; block++) {
    for (const at of [blockOffset(block), blockOffset(block) + eventOffset(0)])
      for (let near = -2; near <= 2; near++) all.add(Math.max(0, at + near));
  }
  return [...all].filter((length) => length < bytes).sort((a, b) => a - b);
}

test.each([
  ['in a sealed block', BLOCK_EVENTS + 50, 0],
  ["at a block's end", 3 * BLOCK_EVENTS, 1],
  ['in the unsealed block', LAST - 40, 2],
  ['nowhere', 0, 3],
])(
  'a file cut to any length has lost durable events, or a tail: the position being %s',
  {
    timeout: TIMEOUT_MS,
  },
  async (_, durable) => {
    const image = buildLog({ events: LAST, durable });
    const position = positionOf(image);
    const [bytes] = segmentsOf(image) as [Uint8Array];
    const dir = newLogDir();
    const faults: string[] = [];
    const all = lengths(bytes.length);
    expect(all.length).toBeGreaterThan(4_000);
    for (const [n, length] of all.entries()) {
      const cut = bytes.slice(0, length);
      const found = scan([cut], position);
      const { error, lastId } = found;
      const expected = lastIn(length, durable);
      const isLost = length < position.offset && durable > 0;
      const right = isLost
        ? error?.code === 'DURABLE_LOST' && lastId <= expected
        : error === undefined && lastId === expected;
      if (!right || found.faults.length > 0)
        faults.push(`${length} bytes: ${error?.code}, event ${lastId}, not ${expected} ${found.faults}`);
      if (n % Math.ceil(all.length / 4) !== 1) continue;
      writeImage(dir, new Map([...image, [segmentFileName(0), cut]]));
      const replayed = await replay(dir);
      expect(replayed.error?.code, `${length} bytes`).toBe(isLost ? 'DURABLE_LOST' : undefined);
      if (!isLost) expect(faultsOf(replayed, { atLeast: expected, atMost: expected })).toEqual([]);
    }
    expect(faults).toEqual([]);
  },
);

test('a closed segment that is cut has lost durable events', { timeout: TIMEOUT_MS }, () => {
  const image = buildLog({ events: 2 * SEGMENT_EVENTS });
  const [first, second] = segmentsOf(image) as [Uint8Array, Uint8Array];
  const faults: string[] = [];
  for (const [n, length] of lengths(first.length).entries()) {
    if (!FULL && n % 48 !== 0) continue;
    for (const segments of [
      [first.subarray(0, length), second],
      [first, second.subarray(0, length)],
    ]) {
      const { error, faults: wrong } = scan(segments, positionOf(image));
      if (error?.code !== 'DURABLE_LOST') faults.push(`${length} bytes: ${error?.code}`);
      faults.push(...wrong);
    }
  }
  expect(faults).toEqual([]);
});

test('what is added to a segment is never read as events', { timeout: TIMEOUT_MS }, () =>
  seeded(async (random) => {
    const logs = {
      sealed: buildLog({ events: SEGMENT_EVENTS }),
      open: buildLog({ events: LAST }),
      full: buildLog({ events: SEGMENT_EVENTS }),
    };
    // All blocks are full, and the recorder was killed before it closed the segment.
    const full = logs.full.get(segmentFileName(0)) as Uint8Array;
    const header = decodeSegmentHeader(full);
    encodeSegmentHeader(
      { ...header, blockCount: 0, eventCount: 0, lastEventId: 0n, closedNs: 0n, lastChainedChecksum: 0n },
      full,
    );
    const dir = newLogDir();
    const faults: string[] = [];
    const trials = count({ gate: 200, full: 10_000 });
    for (let n = 0; n < trials; n++) {
      const image = Object.values(logs)[n % 3] as LogImage;
      const [bytes] = segmentsOf(image) as [Uint8Array];
      const added = random.pick([
        () => new Uint8Array(random.between(1, 1 << 20)),
        () => random.bytes(random.between(1, 1 << random.between(1, 17))),
        () => bytes.slice(blockOffset(random.below(4)), blockOffset(random.between(4, 6))),
      ])();
      const longer = new Uint8Array(Buffer.concat([bytes, added]));
      const last = n % 3 === 1 ? LAST : SEGMENT_EVENTS;
      const { error, lastId, faults: wrong } = scan([longer], positionOf(image));
      if (error !== undefined || lastId !== last) faults.push(`${error?.message}, event ${lastId}`);
      faults.push(...wrong);
      if (n % (trials / 6) !== 0) continue;
      writeImage(dir, new Map([...image, [segmentFileName(0), longer]]));
      expect(faultsOf(await replay(dir), { atLeast: last, atMost: last })).toEqual([]);
    }
    expect(faults).toEqual([]);
  }),
);

/** Gives the block at `block` the index of its place, and a header checksum that holds: only the chain tells. */
function fitIndex(bytes: Uint8Array, block: number): void {
  const start = blockOffset(block);
  const header = bytes.subarray(start, start + eventOffset(0));
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  view.setUint32(BlockHeaderOffset.blockIndex, block, true);
  const { headerChecksum: at } = BlockHeaderOffset;
  view.setBigUint64(at, headerChecksum(header, at), true);
}

/** A segment with block `from` copied over block `to`, or the two swapped. */
function moved(bytes: Uint8Array, from: Uint8Array, i: number, j: number, isSwap: boolean): Uint8Array {
  const copy = bytes.slice();
  copy.set(from.subarray(blockOffset(i), blockOffset(i + 1)), blockOffset(j));
  if (isSwap) copy.set(bytes.subarray(blockOffset(j), blockOffset(j + 1)), blockOffset(i));
  return copy;
}

test('finds any block that is swapped or copied, with its index made to fit too', {
  timeout: TIMEOUT_MS,
}, () => {
  const log = buildLog({ events: 2 * SEGMENT_EVENTS });
  const [first, second] = segmentsOf(log) as [Uint8Array, Uint8Array];
  const position = { ...positionOf(log), segmentIndex: 1 };
  const faults: string[] = [];
  let trials = 0;
  const take = (segments: Uint8Array[], block: number, what: string) => {
    trials++;
    const { error, lastId, faults: wrong } = scan(segments, position);
    const index = segments[0] === first ? 1 : 0;
    const sound = index * SEGMENT_EVENTS + block * BLOCK_EVENTS;
    const right = error?.file === segmentFileName(index) && error.block === block && lastId === sound;
    if (!right || wrong.length > 0)
      faults.push(`${what}: ${error?.message} in ${error?.file}, event ${lastId} ${wrong}`);
  };
  for (let i = 0; i < BLOCKS; i++) {
    for (let j = 0; j < BLOCKS; j++) {
      if (i === j) continue;
      for (const isSwap of i < j ? [false, true] : [false]) {
        const harmed = moved(first, first, i, j, isSwap);
        const block = isSwap ? i : j;
        take([harmed, second], block, `${i} ${isSwap ? '<>' : '>'} ${j}`);
        fitIndex(harmed, j);
        if (isSwap) fitIndex(harmed, i);
        take([harmed, second], block, `${i} ${isSwap ? '<>' : '>'} ${j}, fitted`);
      }
      // A block of the other segment, its index made to fit.
      if (!FULL && (i + j) % 4 !== 0) continue;
      const across = moved(second, first, i, j, false);
      fitIndex(across, j);
      take([first, across], j, `${i} of the first > ${j} of the second`);
    }
  }
  expect(trials).toBeGreaterThan(2 * (240 + 120));
  expect(faults).toEqual([]);
});

test('finds the unsealed block over any other one, wherever the durable position is', {
  timeout: TIMEOUT_MS,
}, () => {
  const open = OPEN_BLOCKS;
  const faults: string[] = [];
  for (const durable of [0, BLOCK_EVENTS + 50, 3 * BLOCK_EVENTS, LAST - 40, LAST]) {
    const image = buildLog({ events: LAST, durable });
    const [bytes] = segmentsOf(image) as [Uint8Array];
    for (let j = 0; j < BLOCKS; j++) {
      if (j === open) continue;
      const { error, lastId, faults: wrong } = scan([moved(bytes, bytes, open, j, false)], positionOf(image));
      // Behind the end it takes nothing from what is durable there.
      const kept = j > open ? Math.max(open * BLOCK_EVENTS, durable) : j * BLOCK_EVENTS;
      const isRefused = kept < durable;
      const what = `durable ${durable}, over ${j}`;
      if ((error !== undefined) !== isRefused || lastId !== kept || wrong.length > 0)
        faults.push(`${what}: ${error?.message}, event ${lastId}, not ${kept} ${wrong}`);
    }
  }
  expect(faults).toEqual([]);
});

const SIX = buildLog({ events: 6 * SEGMENT_EVENTS });

function permutations(items: readonly number[]): number[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item) =>
    permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
  );
}

/** The same segment under another index, its header made to fit. */
function asSegment(bytes: Uint8Array, segmentIndex: number): Uint8Array {
  const copy = bytes.slice();
  encodeSegmentHeader({ ...decodeSegmentHeader(bytes), segmentIndex }, copy);
  return copy;
}

test('refuses all 719 other orders of six segments, headers made to fit too', {
  timeout: TIMEOUT_MS,
}, async () => {
  const segments = segmentsOf(SIX);
  const position = positionOf(SIX);
  const dir = newLogDir();
  const faults: string[] = [];
  const orders = permutations([0, 1, 2, 3, 4, 5]).slice(1);
  expect(orders.length).toBe(719);
  for (const [n, order] of orders.entries()) {
    const renamed = order.map((segment) => segments[segment] as Uint8Array);
    const wrong = order.findIndex((segment, i) => segment !== i);
    const asTheyAre = scan(renamed, position);
    if (asTheyAre.error?.code !== 'SEGMENT_CORRUPTED' || asTheyAre.lastId !== wrong * SEGMENT_EVENTS)
      faults.push(`${order}: ${asTheyAre.error?.code}, event ${asTheyAre.lastId}`);
    // Each alone: all of them would be read before the last is found to be wrong.
    if (!FULL && n % 12 !== 0) continue;
    const fitted = scan(
      renamed.map((bytes, i) => asSegment(bytes, i)),
      position,
    );
    const codes = ['CHAINED_CHECKSUM_MISMATCH', 'SEGMENT_CORRUPTED', 'DURABLE_LOST'];
    // An anchor has nothing before it that would tell.
    if (!codes.includes(fitted.error?.code ?? '') || (wrong > 0 && fitted.lastId !== wrong * SEGMENT_EVENTS))
      faults.push(`${order}, fitted: ${fitted.error?.code}, event ${fitted.lastId}`);
    if (n % 360 !== 0) continue;
    const codesOfAll = await refusedByAll(dir, imageOf(renamed, SIX.get(META_FILE) as Uint8Array));
    expect(codesOfAll).toEqual(['SEGMENT_CORRUPTED', 'SEGMENT_CORRUPTED']);
  }
  expect(faults).toEqual([]);
});

/** How a recovery ends, whatever it delivers before: that a first segment is foreign only the next one tells. */
async function endOf(dir: string): Promise<string> {
  const recovery = await RecoveryManager.open({ dir });
  try {
    while (recovery.nextBlock() !== undefined);
    return 'OK';
  } catch (error) {
    return (error as WalError).code;
  } finally {
    await recovery.close();
  }
}

test('refuses a segment of another log with the same index and ids', { timeout: TIMEOUT_MS }, () =>
  seeded(async (random) => {
    const segments = segmentsOf(SIX);
    const dir = newLogDir();
    const trials = count({ gate: 50, full: 1_000 });
    const faults: string[] = [];
    let foreign: Uint8Array[] = [];
    for (let n = 0; n < trials; n++) {
      const index = n % 6;
      if (index === 0)
        foreign = segmentsOf(buildLog({ events: 6 * SEGMENT_EVENTS, salt: random.between(1, 2 ** 20) }));
      const mixed = segments.with(index, foreign[index] as Uint8Array);
      const { error } = scan(mixed, positionOf(SIX));
      // The first has nothing before it: the one behind tells.
      const found = Math.max(1, index);
      if (error?.code !== 'CHAINED_CHECKSUM_MISMATCH' || error.file !== segmentFileName(found))
        faults.push(`segment ${index}: ${error?.code} in ${error?.file}`);
      // A recorder looks at the newest ones only.
      if (n % Math.ceil(trials / 6) !== 5) continue;
      const image = imageOf(mixed, SIX.get(META_FILE) as Uint8Array);
      writeImage(dir, image);
      expect(await endOf(dir), `segment ${index}`).toBe('CHAINED_CHECKSUM_MISMATCH');
      if (index === 5)
        expect(await refusedByAll(dir, image)).toEqual(Array(2).fill('CHAINED_CHECKSUM_MISMATCH'));
    }
    expect(faults).toEqual([]);
  }),
);
