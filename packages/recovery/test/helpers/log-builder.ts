/* Builds log directories from nothing but the format, so that recovery is tested without a recorder. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  BLOCK_BYTES,
  BLOCK_EVENTS,
  blockOffset,
  type DurablePosition,
  EVENT_BYTES,
  encodeMeta,
  encodeSegmentHeader,
  encodeTailRingHeader,
  eventOffset,
  type FormatVersion,
  META_FILE,
  RequestEvent,
  sealBlock,
  segmentBytes,
  segmentFileName,
  TAIL_RING_FILE,
  tailRingBytes,
  tailRingEventWord,
} from '@fswal/format';
import { afterAll } from 'vitest';

const EVENT_WORDS = EVENT_BYTES / 4;
/** In memory where that can be had: what these tests sync need not outlive them. */
const BASE = fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir();
const dirs: string[] = [];

/** A new directory, removed after the tests of the file. */
export function tempDir(): string {
  const dir = fs.mkdtempSync(path.join(BASE, 'fswal-recovery-'));
  dirs.push(dir);
  return dir;
}

afterAll(() => {
  for (const dir of dirs.splice(0)) fs.rmSync(dir, { recursive: true, force: true });
});

/** The event that has this id in every log built here. */
export function eventOf(id: bigint): RequestEvent {
  return RequestEvent.from({
    eventId: id,
    timestamp: BigInt.asUintN(64, id * 1_000n),
    price: BigInt.asIntN(60, id * -31n),
    quantity: BigInt.asIntN(60, id * 7n),
    userId: Number(id & 0xffffn),
    orderId: Number((id * 3n) & 0xffff_ffffn),
    type: Number(id & 3n) as 0 | 1 | 2 | 3,
  });
}

export interface SegmentSpec {
  /** Events of each sealed block. */
  blocks: number[];
  /** Events of an unsealed block after them. */
  tail?: number;
  /** Default: closed. */
  open?: boolean;
}

export interface LogSpec {
  segments: SegmentSpec[];
  version?: FormatVersion;
  blocksPerSegment?: number;
  firstSegmentIndex?: number;
  firstEventId?: bigint;
  /** From one id to the next. Default 1. */
  idStep?: bigint;
}

export interface BuiltSegment {
  index: number;
  file: string;
  ids: bigint[];
  /** Byte after the last event. */
  endOffset: number;
}

export interface BuiltLog {
  dir: string;
  ids: bigint[];
  segments: BuiltSegment[];
  lastId: bigint;
  /** Chained checksum of the last block, as its header has it: 0 while it is not sealed. */
  link: bigint;
}

/** `count` full blocks. */
export function full(count: number): number[] {
  return Array<number>(count).fill(BLOCK_EVENTS);
}

/** Writes the segments of a log; `wal_meta.dat` and the tail ring come from `writeMeta` and `writeRing`. */
export function buildLog(spec: LogSpec, dir = tempDir()): BuiltLog {
  const { version = 2, blocksPerSegment = 16, firstSegmentIndex = 0, idStep = 1n } = spec;
  let nextId = spec.firstEventId ?? 1n;
  let chained = 0n;
  const log: BuiltLog = { dir, ids: [], segments: [], lastId: 0n, link: 0n };
  spec.segments.forEach(({ blocks, tail = 0, open = tail > 0 }, i) => {
    const index = firstSegmentIndex + i;
    const bytes = new Uint8Array(segmentBytes(blocksPerSegment));
    const ids: bigint[] = [];
    let endOffset = blockOffset(0);
    if (version === 1) chained = 0n;
    [...blocks, tail].forEach((count, block) => {
      const start = blockOffset(block);
      for (let event = 0; event < count; event++, nextId += idStep) {
        bytes.set(eventOf(nextId).bytes, start + eventOffset(event));
        ids.push(nextId);
      }
      if (count > 0) endOffset = start + eventOffset(count);
      if (block < blocks.length) {
        chained = sealBlock(bytes.subarray(start, start + BLOCK_BYTES), block, count, chained);
      }
    });
    const firstEventId = ids.length > 0 && (version === 2 || !open) ? ids[0] : 0n;
    encodeSegmentHeader(
      {
        version,
        segmentIndex: index,
        blockCount: open ? 0 : blocks.length,
        eventCount: open ? 0 : ids.length,
        firstEventId,
        lastEventId: open ? 0n : (ids.at(-1) ?? 0n),
        createdNs: 1n,
        closedNs: open ? 0n : 2n,
        lastChainedChecksum: open ? 0n : chained,
      },
      bytes,
    );
    const file = path.join(dir, segmentFileName(index));
    fs.writeFileSync(file, bytes);
    log.segments.push({ index, file, ids, endOffset });
    log.ids.push(...ids);
  });
  log.lastId = log.ids.at(-1) ?? 0n;
  log.link = (spec.segments.at(-1)?.tail ?? 0) > 0 ? 0n : chained;
  return log;
}

/** Writes `wal_meta.dat`: durable up to the end of this segment, or what is given instead. */
export function writeMeta(
  log: BuiltLog,
  segment = log.segments.length - 1,
  over: Partial<DurablePosition> = {},
) {
  const { index, endOffset, ids } = log.segments[segment];
  const position = { segmentIndex: index, offset: endOffset, eventId: ids.at(-1) ?? 0n, prefixChecksum: 0n };
  fs.writeFileSync(path.join(log.dir, META_FILE), encodeMeta({ ...position, ...over }));
}

export interface RingSpec {
  tailBlocks: number;
  /** The last event of the lives before. */
  afterEventId: bigint;
  /** Chained checksum of their last block. */
  link?: bigint;
  /** Events of this life, in order. */
  ids: readonly bigint[];
  bootId: string;
}

/** Writes the tail ring that a killed recorder leaves: 256 events a slot, from slot 0 on and round. */
export function writeRing(
  dir: string,
  { tailBlocks, afterEventId, link = 0n, ids, bootId }: RingSpec,
): string {
  const image = new Uint8Array(tailRingBytes(tailBlocks));
  encodeTailRingHeader({ tailBlocks, afterEventId, link, bootId }, image);
  const words = new Int32Array(image.buffer);
  ids.forEach((id, i) => {
    const slot = Math.floor(i / BLOCK_EVENTS) % tailBlocks;
    words.set(eventOf(id).words.subarray(0, EVENT_WORDS), tailRingEventWord(slot, i % BLOCK_EVENTS));
  });
  const file = path.join(dir, TAIL_RING_FILE);
  fs.writeFileSync(file, image);
  return file;
}

/** `count` ids that follow on `after`. */
export function idsAfter(after: bigint, count: number, step = 1n): bigint[] {
  return Array.from({ length: count }, (_, i) => after + step * BigInt(i + 1));
}
