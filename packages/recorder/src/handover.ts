/*
 * What the workers hand to one another, as records of 32-bit words in the rings of @fswal/ring:
 *
 *   preparer --prepared (SPSC)--> writer --persist (SPMC)--> maintainers
 *                                 writer --durability (SPSC)--> coordinator
 *                            coordinator --freeze, free (SPMC)--> maintainers
 *   preparer <--freed (SPSC)-- coordinator
 *
 * What became of an order to freeze or free, the maintainers say on the maintenance board.
 *
 * With a record goes the ownership of the descriptors in it.
 */
import {
  type DurablePosition,
  type FormatVersion,
  type SegmentHeader,
  segmentFileName,
  WORD_BYTES,
} from '@fswal/format';
import { SpmcRing, SpscRing } from '@fswal/ring';
import type { OpenSegment } from './segment-files.js';

const PREPARED_WORDS = 8;
const PERSIST_WORDS = 16;
const DURABILITY_WORDS = 16;
const MAINTENANCE_WORDS = 4;
const FREED_WORDS = 1;

const PERSIST_CAPACITY = 64;
const DURABILITY_CAPACITY = 64;
/** As many as the maintenance board has slots. */
const MAINTENANCE_CAPACITY = 16;
/** Freed segments that wait to be used again; what is freed beyond that is deleted. */
const FREED_CAPACITY = 4;

const US_PER_MS = 1_000;

/** The rings of one recorder. */
export interface Rings {
  readonly prepared: SpscRing;
  readonly persist: SpmcRing;
  readonly durability: SpscRing;
  readonly freeze: SpmcRing;
  readonly free: SpmcRing;
  readonly freed: SpscRing;
}

export type RingBuffers = { readonly [Name in keyof Rings]: SharedArrayBuffer };

/** @param preparedSegments how many segments are made ahead, a power of two */
export function createRings(preparedSegments: number): Rings {
  return {
    prepared: SpscRing.create({ capacity: preparedSegments, recordWords: PREPARED_WORDS }),
    persist: SpmcRing.create({ capacity: PERSIST_CAPACITY, recordWords: PERSIST_WORDS }),
    durability: SpscRing.create({ capacity: DURABILITY_CAPACITY, recordWords: DURABILITY_WORDS }),
    freeze: SpmcRing.create({ capacity: MAINTENANCE_CAPACITY, recordWords: MAINTENANCE_WORDS }),
    free: SpmcRing.create({ capacity: MAINTENANCE_CAPACITY, recordWords: MAINTENANCE_WORDS }),
    freed: SpscRing.create({ capacity: FREED_CAPACITY, recordWords: FREED_WORDS }),
  };
}

export function ringBuffers(rings: Rings): RingBuffers {
  return {
    prepared: rings.prepared.buffer,
    persist: rings.persist.buffer,
    durability: rings.durability.buffer,
    freeze: rings.freeze.buffer,
    free: rings.free.buffer,
    freed: rings.freed.buffer,
  };
}

export function attachRings(buffers: RingBuffers): Rings {
  return {
    prepared: SpscRing.attach(buffers.prepared),
    persist: SpmcRing.attach(buffers.persist),
    durability: SpscRing.attach(buffers.durability),
    freeze: SpmcRing.attach(buffers.freeze),
    free: SpmcRing.attach(buffers.free),
    freed: SpscRing.attach(buffers.freed),
  };
}

/** preparer -> writer: a segment without events. */
export function encodePrepared(segment: OpenSegment, record: Int32Array): void {
  record[0] = segment.segmentIndex;
  record[1] = segment.fd;
  record[2] = segment.syncFd;
  record[3] = segment.capacityBlocks;
  record[4] = segment.version;
  setU64(record, 6, segment.createdNs);
}

export function decodePrepared(record: Int32Array, path: (name: string) => string): OpenSegment {
  const segmentIndex = record[0];
  return {
    file: path(segmentFileName(segmentIndex)),
    segmentIndex,
    fd: record[1],
    syncFd: record[2],
    capacityBlocks: record[3],
    version: record[4] as FormatVersion,
    createdNs: u64(record, 6),
  };
}

/** writer -> maintainer: a segment to which nothing is added any more, with its final header. */
export interface PersistOrder {
  readonly fd: number;
  readonly header: SegmentHeader;
}

export function encodePersist({ fd, header }: PersistOrder, record: Int32Array): void {
  record[0] = fd;
  record[1] = header.version;
  record[2] = header.segmentIndex;
  record[3] = header.blockCount;
  record[4] = header.eventCount;
  setU64(record, 6, header.firstEventId);
  setU64(record, 8, header.lastEventId);
  setU64(record, 10, header.createdNs);
  setU64(record, 12, header.closedNs);
  setU64(record, 14, header.lastChainedChecksum);
}

export function decodePersist(record: Int32Array): PersistOrder {
  return {
    fd: record[0],
    header: {
      version: record[1] as FormatVersion,
      segmentIndex: record[2],
      blockCount: record[3],
      eventCount: record[4],
      firstEventId: u64(record, 6),
      lastEventId: u64(record, 8),
      createdNs: u64(record, 10),
      closedNs: u64(record, 12),
      lastChainedChecksum: u64(record, 14),
    },
  };
}

const OrderKind = { sync: 0, retired: 1 } as const;

/**
 * writer -> coordinator:
 * - `sync`: make everything up to the position durable, then answer `request`. The descriptor stays the writer's.
 * - `retired`: the segment ends at the position and goes to a maintainer; close the descriptor when that is done.
 */
export interface DurabilityOrder {
  readonly kind: keyof typeof OrderKind;
  readonly position: DurablePosition;
  readonly syncFd: number;
  /** The number that `requestSync` gave. */
  readonly request: number;
  /** How many events the writer has counted up to the position. */
  readonly events: number;
  /** All that was appended before is below the position. Milliseconds, as `monotonicMs`. */
  readonly asOfMs: number;
}

export function encodeDurability(
  { kind, position, syncFd, request, events, asOfMs }: DurabilityOrder,
  record: Int32Array,
): void {
  record[0] = OrderKind[kind];
  record[1] = position.segmentIndex;
  record[2] = position.offset;
  record[3] = syncFd;
  record[4] = request;
  setU64(record, 6, position.eventId);
  setU64(record, 8, position.prefixChecksum);
  setU64(record, 10, BigInt(events));
  setU64(record, 12, BigInt(Math.floor(asOfMs * US_PER_MS)));
}

export function decodeDurability(record: Int32Array): DurabilityOrder {
  return {
    kind: record[0] === OrderKind.sync ? 'sync' : 'retired',
    position: {
      segmentIndex: record[1],
      offset: record[2],
      eventId: u64(record, 6),
      prefixChecksum: u64(record, 8),
    },
    syncFd: record[3],
    request: record[4],
    events: Number(u64(record, 10)),
    asOfMs: Number(u64(record, 12)) / US_PER_MS,
  };
}

/**
 * coordinator -> maintainers, in the ring `freeze` (compress the segment, then take its `.wal` out of the log) or `free`
 * (take it out of the log).
 */
export interface MaintenanceOrder {
  /** On the maintenance board. */
  readonly slot: number;
  readonly segmentIndex: number;
  /** Which of its two forms is there. */
  readonly compressed: boolean;
  /** Keep the `.wal` for the preparer. */
  readonly recycle: boolean;
}

export function encodeMaintenance(order: MaintenanceOrder, record: Int32Array): void {
  record[0] = order.slot;
  record[1] = order.segmentIndex;
  record[2] = order.compressed ? 1 : 0;
  record[3] = order.recycle ? 1 : 0;
}

export function decodeMaintenance(record: Int32Array): MaintenanceOrder {
  return { slot: record[0], segmentIndex: record[1], compressed: record[2] === 1, recycle: record[3] === 1 };
}

function setU64(words: Int32Array, at: number, value: bigint): void {
  words[at] = Number(BigInt.asIntN(32, value));
  words[at + 1] = Number(BigInt.asIntN(32, value >> 32n));
}

function u64(words: Int32Array, at: number): bigint {
  return (BigInt(words[at + 1] >>> 0) << 32n) | BigInt(words[at] >>> 0);
}

/** A record of the ring's own size, to push from or pop into. */
export function recordOf(ring: { readonly recordWords: number }): Int32Array {
  return new Int32Array(new ArrayBuffer(ring.recordWords * WORD_BYTES));
}
