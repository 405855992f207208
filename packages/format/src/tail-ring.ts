/*
 * The image of wal_tail.ring: what a killed recorder had appended. Pure: the bytes come from the caller.
 *
 * One life of a recorder fills the slots in ring order from slot 0 on, and reuses a slot only after its events are in
 * a segment and the next block is too. So the slots hold, in ring order, the last events of the segments, then what
 * no segment has yet, then older laps, whose ids are smaller.
 */
import { dataView } from './bytes.js';
import { checksum } from './checksum.js';
import { asWords, idAt, idIsGreater } from './event-ids.js';
import {
  TailRingOffset as At,
  BLOCK_BYTES,
  BLOCK_EVENTS,
  BLOCK_HEADER_WORDS,
  BLOCK_WORDS,
  BlockHeaderOffset,
  EVENT_WORDS,
  MAX_TAIL_BLOCKS,
  MIN_TAIL_BLOCKS,
  TAIL_RING_HEADER_BYTES,
  TAIL_RING_MAGIC,
  TAIL_RING_VERSION,
  WORD_BYTES,
} from './layout.js';

/** The header of `wal_tail.ring`, written once when a recorder opens. */
export interface TailRingHeader {
  readonly tailBlocks: number;
  /** Last event in the segments when this life of the recorder began; its own events are above. */
  readonly afterEventId: bigint;
  /** Chained checksum of the last block in the segments then; 0 = there was none. */
  readonly link: bigint;
  /** 32 hex digits that differ from boot to boot of the machine, or '' where it tells none. */
  readonly bootId: string;
}

/** A run of events in one slot of a ring, beyond the last one in the segments. */
export interface TailRingRun {
  /** Index in the image, as 32-bit words, of the first event. */
  readonly wordIndex: number;
  readonly count: number;
}

/** What a ring holds beyond the segments. */
export interface TailRingContent {
  /**
   * - `events`: `runs` hold them in order.
   * - `nothing`: no event beyond the segments.
   * - `foreign`: not the ring of this log, or damaged: none of it may be used.
   */
  readonly state: 'events' | 'nothing' | 'foreign';
  readonly runs: readonly TailRingRun[];
  readonly events: number;
  /** Last event of the runs; 0 = none. */
  readonly lastEventId: bigint;
  /** What was not taken, and why. */
  readonly note: string | undefined;
}

/** The end of the segments, to which the ring must connect. */
export interface SegmentsEnd {
  /** 0 = no event in any segment. */
  readonly lastEventId: bigint;
  /**
   * The last segment, or its last block, as 32-bit words, the index of its last event, and how many events precede it
   * in its block. Empty, or an index of 0, where there is no segment.
   */
  readonly words: Int32Array;
  readonly lastEventWord: number;
  readonly eventsInBlock: number;
}

/** Size in bytes of a ring of `tailBlocks` slots. */
export function tailRingBytes(tailBlocks: number): number {
  return TAIL_RING_HEADER_BYTES + tailBlocks * BLOCK_BYTES;
}

/** Index in the ring, as 32-bit words, of an event of a slot. */
export function tailRingEventWord(slot: number, eventIndex: number): number {
  return (
    TAIL_RING_HEADER_BYTES / WORD_BYTES + slot * BLOCK_WORDS + BLOCK_HEADER_WORDS + eventIndex * EVENT_WORDS
  );
}

export function encodeTailRingHeader(header: TailRingHeader, into: Uint8Array): void {
  const view = dataView(into);
  view.setBigUint64(At.magic, TAIL_RING_MAGIC, true);
  view.setUint32(At.version, TAIL_RING_VERSION, true);
  view.setUint32(At.tailBlocks, header.tailBlocks, true);
  view.setBigUint64(At.afterEventId, header.afterEventId, true);
  into.fill(0, At.bootId, At.link);
  into.set(Buffer.from(header.bootId, 'hex').subarray(0, At.link - At.bootId), At.bootId);
  view.setBigUint64(At.link, header.link, true);
  view.setBigUint64(At.checksum, checksum(into.subarray(0, At.checksum), 0n), true);
}

/**
 * The header of a ring, or undefined where it is damaged or does not fit the ring's size.
 * @param front the header's bytes, or more
 * @param imageBytes size of the whole ring
 */
export function decodeTailRingHeader(
  front: Uint8Array,
  imageBytes: number = front.length,
): TailRingHeader | undefined {
  if (front.length < TAIL_RING_HEADER_BYTES) return undefined;
  const view = dataView(front);
  if (view.getBigUint64(At.checksum, true) !== checksum(front.subarray(0, At.checksum), 0n)) return undefined;
  if (view.getBigUint64(At.magic, true) !== TAIL_RING_MAGIC) return undefined;
  if (view.getUint32(At.version, true) !== TAIL_RING_VERSION) return undefined;
  const tailBlocks = view.getUint32(At.tailBlocks, true);
  if (
    tailBlocks < MIN_TAIL_BLOCKS ||
    tailBlocks > MAX_TAIL_BLOCKS ||
    imageBytes !== tailRingBytes(tailBlocks)
  ) {
    return undefined;
  }
  const bootId = Buffer.from(front.subarray(At.bootId, At.link));
  return {
    tailBlocks,
    afterEventId: view.getBigUint64(At.afterEventId, true),
    link: view.getBigUint64(At.link, true),
    bootId: bootId.every((byte) => byte === 0) ? '' : bootId.toString('hex'),
  };
}

/**
 * The events of a ring image beyond the end of the segments.
 *
 * The walk starts behind the last event in the segments, which must lie in the ring and equal what the segments have,
 * or at slot 0 where this life had written nothing yet: then the last block must be the one that it goes on from. It
 * goes on slot by slot while ids grow.
 *
 * A killed process leaves the ring complete. A machine that lost its power may leave pages of different laps side by
 * side, and a step in the ids may then hide a hole: so under another boot only ids without a step (+1) are taken.
 */
export function readTailRing(image: Uint8Array, end: SegmentsEnd, bootId: string): TailRingContent {
  const header = decodeTailRingHeader(image);
  if (header === undefined) return foreign('its header is damaged, or does not fit its size');
  const words = asWords(image);
  const stepsAllowed = header.bootId === bootId;
  const start = findStart(words, header, end);
  if (start === undefined) {
    const beyond = countBeyond(words, header.tailBlocks, end.lastEventId);
    if (beyond === 0) return { state: 'nothing', runs: [], events: 0, lastEventId: 0n, note: undefined };
    return foreign(
      `its ${beyond} events do not connect to event ${end.lastEventId}, the last one in the segments`,
    );
  }
  if (!start.matches) return foreign('it goes on from other events than those that the segments have');
  return walk(words, header, start.slot, start.eventIndex, end.lastEventId, stepsAllowed);
}

function foreign(note: string): TailRingContent {
  return { state: 'foreign', runs: [], events: 0, lastEventId: 0n, note };
}

function findStart(words: Int32Array, header: TailRingHeader, end: SegmentsEnd) {
  if (end.lastEventId === header.afterEventId) {
    return { slot: 0, eventIndex: 0, matches: goesOnFrom(header, end) };
  }
  if (end.lastEventId < header.afterEventId) return undefined;
  const low = Number(end.lastEventId & 0xffff_ffffn) | 0;
  const high = Number(end.lastEventId >> 32n) | 0;
  for (let slot = 0; slot < header.tailBlocks; slot++) {
    for (let eventIndex = 0; eventIndex < BLOCK_EVENTS; eventIndex++) {
      const at = tailRingEventWord(slot, eventIndex);
      if (words[at] !== low || words[at + 1] !== high) continue;
      return { slot, eventIndex: eventIndex + 1, matches: sharedEventsMatch(words, at, eventIndex, end) };
    }
  }
  return undefined;
}

/** Whether the last block is the one that was there when this life began. Retention may have taken it since. */
function goesOnFrom({ link }: TailRingHeader, end: SegmentsEnd): boolean {
  const blockHeader = end.lastEventWord - (end.eventsInBlock + 1) * EVENT_WORDS;
  if (end.words.length === 0 || blockHeader < 0) return true;
  const at = blockHeader + BlockHeaderOffset.chainedChecksum / WORD_BYTES;
  const [low, high] = [end.words[at] >>> 0, end.words[at + 1] >>> 0];
  return link === ((BigInt(high) << 32n) | BigInt(low));
}

/** Whether the events before and at the connection are the same, byte for byte, in the ring's slot and the block. */
function sharedEventsMatch(words: Int32Array, at: number, eventIndex: number, end: SegmentsEnd): boolean {
  const shared = Math.min(eventIndex, end.eventsInBlock) + 1;
  for (let back = 0; back < shared; back++) {
    const inRing = at - back * EVENT_WORDS;
    const inSegment = end.lastEventWord - back * EVENT_WORDS;
    for (let i = 0; i < EVENT_WORDS; i++) if (words[inRing + i] !== end.words[inSegment + i]) return false;
  }
  return true;
}

function walk(
  words: Int32Array,
  header: TailRingHeader,
  startSlot: number,
  startIndex: number,
  after: bigint,
  stepsAllowed: boolean,
): TailRingContent {
  const runs: TailRingRun[] = [];
  let events = 0;
  let low = Number(after & 0xffff_ffffn) | 0;
  let high = Number(after >> 32n) | 0;
  let eventIndex = startIndex;
  let note: string | undefined;
  for (let visited = 0; visited < header.tailBlocks; visited++) {
    const slot = (startSlot + visited) % header.tailBlocks;
    const first = tailRingEventWord(slot, eventIndex);
    let at = first;
    let count = 0;
    for (; eventIndex + count < BLOCK_EVENTS; count++, at += EVENT_WORDS) {
      if (!idIsGreater(words, at, high, low)) break;
      if (!stepsAllowed && !isNext(words, at, high, low)) {
        note = `the machine was started anew and the ids step at event ${idAt(words, at)}: it and what follows are not certain`;
        break;
      }
      low = words[at];
      high = words[at + 1];
    }
    if (count > 0) runs.push({ wordIndex: first, count });
    events += count;
    if (eventIndex + count < BLOCK_EVENTS) break;
    eventIndex = 0;
  }
  const lastEventId = events === 0 ? 0n : (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  return { state: events === 0 ? 'nothing' : 'events', runs, events, lastEventId, note };
}

function isNext(words: Int32Array, at: number, high: number, low: number): boolean {
  const nextLow = (low + 1) | 0;
  return words[at] === nextLow && words[at + 1] === (nextLow === 0 ? (high + 1) | 0 : high);
}

function countBeyond(words: Int32Array, tailBlocks: number, lastEventId: bigint): number {
  const low = Number(lastEventId & 0xffff_ffffn) | 0;
  const high = Number(lastEventId >> 32n) | 0;
  let beyond = 0;
  for (let slot = 0; slot < tailBlocks; slot++) {
    for (let eventIndex = 0; eventIndex < BLOCK_EVENTS; eventIndex++) {
      if (idIsGreater(words, tailRingEventWord(slot, eventIndex), high, low)) beyond++;
    }
  }
  return beyond;
}
