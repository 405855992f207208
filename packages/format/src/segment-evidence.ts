import { isZero } from './bytes.js';
import { checksum } from './checksum.js';
import type { Evidence } from './decision-table.js';
import { Status } from './errors.js';
import { asWords, countGrowing, idAt } from './event-ids.js';
import {
  BLOCK_BYTES,
  BLOCK_EVENTS,
  BLOCK_HEADER_BYTES,
  blockOffset,
  EVENT_BYTES,
  SEGMENT_HEADER_BYTES,
  WORD_BYTES,
} from './layout.js';
import type { DurablePosition } from './meta.js';
import type { SegmentVerification } from './verify-segment.js';

/** What is found in a segment, and where. */
export interface Finding {
  readonly evidence: Evidence;
  /** Whether it is at or below the durable position. */
  readonly durable: boolean;
  /** For a refusal, where it differs from what verification says. */
  readonly status?: Status;
  readonly message?: string;
  readonly offset?: number;
  readonly block?: number;
  /** Where the sound part ends, where that is not what verification says: at the durable position. */
  readonly end?: { readonly tailEvents: number; readonly offset: number };
}

/**
 * What is found in a segment, given the durable position.
 * @param v what verification says of it
 * @param after last event before the segment; 0 = none
 */
export function examineSegment(
  segmentIndex: number,
  bytes: Uint8Array,
  v: SegmentVerification,
  durable: DurablePosition,
  after: bigint,
  file: string,
): Finding {
  const nothingDurable = durable.eventId === 0n || segmentIndex > durable.segmentIndex;
  if (nothingDurable) return beyond(v, bytes);
  if (segmentIndex < durable.segmentIndex) return examineBelow(bytes, v);
  return examineHolding(bytes, v, durable, after, file);
}

/** A segment before the one that holds the durable position: all of it is durable, and it was filled or closed. */
function examineBelow(bytes: Uint8Array, v: SegmentVerification): Finding {
  if (v.status !== Status.OK && !isCut(v, bytes)) return damagedAt(v);
  if (isComplete(v, bytes)) return { evidence: 'sound', durable: true };
  return endsEarly(v);
}

/** The segment that holds the durable position: sound before it, torn at worst after it. */
function examineHolding(
  bytes: Uint8Array,
  v: SegmentVerification,
  durable: DurablePosition,
  after: bigint,
  file: string,
): Finding {
  const { offset, eventId } = durable;
  if (offset <= SEGMENT_HEADER_BYTES) return beyond(v, bytes);
  const block = blockOf(offset);
  const start = blockOffset(block);
  const count = (offset - start - BLOCK_HEADER_BYTES) / EVENT_BYTES;
  if (!Number.isInteger(count) || count <= 0) {
    const message = `the durable position ${offset} is not at an event's end`;
    return { evidence: 'other event at W', durable: true, message };
  }
  if (bytes.length < offset && (v.status === Status.OK || isCut(v, bytes))) return endsEarly(v);
  if (v.at !== undefined && (v.at.block < block || v.at.offset < start)) return damagedAt(v);
  const finding = block < v.blocks ? undefined : examineUnsealed(bytes, v, durable, after, { block, count });
  if (finding !== undefined) return finding;
  if (idAt(asWords(bytes), (offset - EVENT_BYTES) / WORD_BYTES) !== eventId) {
    const message = `event ${eventId} is not at the durable position that ${file} and the metadata file agree on`;
    const at = { offset: offset - EVENT_BYTES, block };
    return { evidence: 'other event at W', durable: true, message, ...at };
  }
  if (v.endOffset >= offset) return beyond(v, bytes);
  return { ...beyond(v, bytes), end: { tailEvents: count, offset } };
}

/**
 * The block that holds the durable position, `count` events into it, and that is not a sound sealed one: its prefix
 * must match the checksum in the metadata file. @returns undefined where it does
 */
function examineUnsealed(
  bytes: Uint8Array,
  v: SegmentVerification,
  { offset, prefixChecksum }: DurablePosition,
  after: bigint,
  { block, count }: { block: number; count: number },
): Finding | undefined {
  const start = blockOffset(block);
  const unused = v.state === 'prepared' && v.header?.version !== 1;
  const torn = mayBeTorn(v.status) || v.at?.offset !== start;
  if (v.status !== Status.OK && (unused || !torn)) return damagedAt(v);
  if (unused) return { ...endsEarly(v), evidence: 'unused' };
  if (block > v.blocks) return endsEarly(v);
  const floor = v.blocks > 0 ? v.sealedLastEventId : after;
  const first = start + BLOCK_HEADER_BYTES;
  const whole = countGrowing(asWords(bytes), first / WORD_BYTES, count, floor);
  const sealed = count === BLOCK_EVENTS;
  // A block's end has no prefix checksum: there the block was sealed before the position was published.
  if (!sealed && whole === count && checksum(bytes.subarray(first, offset), 0n) === prefixChecksum) {
    return undefined;
  }
  const written = first + whole * EVENT_BYTES;
  if (v.status === Status.OK && written < offset && isZero(bytes, written, offset)) return endsEarly(v);
  const missing = sealed ? Status.HEADER_CHECKSUM_MISMATCH : Status.BLOCK_CHECKSUM_MISMATCH;
  const status = v.status === Status.OK ? missing : v.status;
  const message = sealed
    ? 'the durable block is not sealed any more'
    : 'the durable events of the unsealed block are damaged';
  return { evidence: 'damaged', durable: true, status, message, offset: start, block };
}

/** What verification says of a segment of which nothing that is wrong is durable. */
function beyond(v: SegmentVerification, bytes: Uint8Array): Finding {
  if (v.status === Status.OK) return { evidence: v.events === 0 ? 'unused' : 'sound', durable: false };
  return { evidence: isCut(v, bytes) ? 'ends too early' : 'damaged', durable: false };
}

function damagedAt({ status, at }: SegmentVerification): Finding {
  const place = at === undefined ? {} : { message: at.message, offset: at.offset };
  return { evidence: 'damaged', durable: true, status, ...place };
}

function endsEarly({ events, state, status }: SegmentVerification): Finding {
  const unused = status === Status.OK && events === 0 && state === 'prepared';
  return { evidence: unused ? 'unused' : 'ends too early', durable: true };
}

/** The block in which an event ends at `offset`. */
export function blockOf(offset: number): number {
  return Math.floor((offset - SEGMENT_HEADER_BYTES - 1) / BLOCK_BYTES);
}

/** Whether nothing can be missing at the segment's end: it is closed, or its sound blocks fill the file. */
export function isComplete(v: SegmentVerification, bytes: Uint8Array): boolean {
  if (v.status !== Status.OK) return false;
  return v.state === 'sealed' || (v.capacityBlocks > 0 && blockOffset(v.blocks) === bytes.length);
}

/** Whether all that is wrong is that the file ends too early. */
function isCut(v: SegmentVerification, bytes: Uint8Array): boolean {
  return bytes.length < SEGMENT_HEADER_BYTES || v.at?.offset === bytes.length;
}

/** Damage of a block that a power cut explains: its pages reached the disk in another order, or not at all. */
function mayBeTorn(status: Status): boolean {
  return status === Status.HEADER_CHECKSUM_MISMATCH || status === Status.BLOCK_CHECKSUM_MISMATCH;
}
