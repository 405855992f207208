/*
 * A window: the memory that one segment is read into, verified in and replayed from.
 *
 * It has one owner at a time. The preloader's thread writes it until it publishes the window in the ring of filled
 * ones; from then on the replay thread reads it, until it hands it back through the ring of exhausted ones. Those two
 * rings order the accesses; the memory itself is read and written plainly.
 */
import {
  BLOCK_HEADER_WORDS,
  BLOCK_WORDS,
  BlockHeaderOffset,
  EVENT_WORDS,
  idAt,
  SEGMENT_HEADER_BYTES,
  WORD_BYTES,
} from '@fswal/format';
import type { SeekTarget } from './window-source.js';

const SEGMENT_HEADER_WORDS = SEGMENT_HEADER_BYTES / WORD_BYTES;
/** The word of a block header whose lower half is the number of events. */
const EVENT_COUNT_WORD = BlockHeaderOffset.eventCount / WORD_BYTES;

/** What a filled window holds: blocks in the shape of a segment, and where the events to deliver begin. */
export interface WindowContent {
  /** -1 for events of the tail ring. */
  readonly segmentIndex: number;
  /** Blocks whose header tells how many events they have. */
  readonly blocks: number;
  /** Events of the one block after them, which has no header. */
  readonly tailEvents: number;
  /** The first event to deliver. */
  readonly startBlock: number;
  readonly startEvent: number;
}

/** Shared memory of one segment's size, as bytes and as words. */
export class ReplayWindow {
  buffer: SharedArrayBuffer;
  bytes: Uint8Array;
  words: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer);
  }

  /** A window of at least `bytes` bytes, whole words. */
  static allocate(bytes: number): ReplayWindow {
    return new ReplayWindow(new SharedArrayBuffer(wholeWords(bytes)));
  }

  /** Takes other memory where this has less than `bytes` bytes. What it held is gone then. */
  ensure(bytes: number): void {
    if (this.buffer.byteLength >= bytes) return;
    this.buffer = new SharedArrayBuffer(wholeWords(bytes));
    this.bytes = new Uint8Array(this.buffer);
    this.words = new Int32Array(this.buffer);
  }
}

/** Index of the first word of a block. */
export function blockWord(block: number): number {
  return SEGMENT_HEADER_WORDS + block * BLOCK_WORDS;
}

/** Index of the first word of an event. */
export function eventWord(block: number, event: number): number {
  return blockWord(block) + BLOCK_HEADER_WORDS + event * EVENT_WORDS;
}

/** How many events the header of a block says it has. */
export function eventsOfBlock(words: Int32Array, block: number): number {
  return words[blockWord(block) + EVENT_COUNT_WORD] & 0xffff;
}

/** Events from the first one to deliver on. */
export function eventsToDeliver(words: Int32Array, content: WindowContent): number {
  const { blocks, tailEvents, startBlock, startEvent } = content;
  let events = tailEvents - startEvent;
  for (let block = startBlock; block < blocks; block++) events += eventsOfBlock(words, block);
  return events;
}

export function setEventsOfBlock(words: Int32Array, block: number, count: number): void {
  words[blockWord(block) + EVENT_COUNT_WORD] = count;
}

/**
 * The first event at or above the target, or undefined where all are below. The blocks have been verified: they are
 * their own sparse index, an entry each 16,448 bytes.
 *
 * @param fromBlock what lies before it is not looked at
 */
export function seekInWindow(
  words: Int32Array,
  blocks: number,
  tailEvents: number,
  { word, value }: SeekTarget,
  fromBlock = 0,
): { startBlock: number; startEvent: number } | undefined {
  const countOf = (block: number) => (block < blocks ? eventsOfBlock(words, block) : tailEvents);
  const isBelow = (block: number, event: number) => idAt(words, eventWord(block, event) + word) < value;
  const parts = tailEvents > 0 ? blocks + 1 : blocks;
  const startBlock = firstNot(fromBlock, parts, (block) => isBelow(block, countOf(block) - 1));
  if (startBlock === parts) return undefined;
  return { startBlock, startEvent: firstNot(0, countOf(startBlock), (event) => isBelow(startBlock, event)) };
}

/** Where the run of indexes for which `holds` ends, from `low` on and before `high`. */
function firstNot(low: number, high: number, holds: (index: number) => boolean): number {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function wholeWords(bytes: number): number {
  return Math.ceil(bytes / WORD_BYTES) * WORD_BYTES;
}
