import {
  type BlockHeader,
  blockOffset,
  decodeBlockHeader,
  decodeSegmentHeader,
  EVENT_BYTES,
  eventOffset,
  idAt,
  MAX_BLOCKS_PER_SEGMENT,
  type SegmentHeader,
  soundBlock,
  WalError,
} from '@fswal/format';
import { eventWord, type ReplayWindow, seekInWindow, type WindowContent } from './replay-window.js';
import type { SegmentReader } from './segment-reader.js';
import { type SeekTarget, SeekWord } from './window-source.js';

/** What comes with the event that is looked for: a megabyte. */
const BLOCKS = 64;

/**
 * Reads the first event at or above the target from a closed segment, and some blocks that follow, without waiting for
 * the rest of it: verified as the rest will be, from the chained checksum in the header of the block before on.
 *
 * @returns what is in the window; undefined where it is not in the segment, or not all of that is sound: whoever reads
 * the whole segment tells what it is
 * @throws WalError READ_FAILED
 */
export function readAround(
  reader: SegmentReader,
  segmentIndex: number,
  window: ReplayWindow,
  target: SeekTarget,
): WindowContent | undefined {
  window.ensure(reader.fileBytes);
  const segment = readHeader(reader, window);
  if (segment?.segmentIndex !== segmentIndex || segment.closedNs === 0n) return undefined;
  const blocks = segment.blockCount;
  if (blocks === 0 || blocks > MAX_BLOCKS_PER_SEGMENT || blockOffset(blocks - 1) > reader.fileBytes)
    return undefined;
  const from = blockOf(reader, window, blocks, target);
  const before = from === 0 ? undefined : readBlockHeader(reader, window, from - 1);
  if (from > 0 && before === undefined) return undefined;
  const end = Math.min(blocks, from + BLOCKS);
  reader.readAt(window, blockOffset(from), blockOffset(end) - blockOffset(from));
  if (!areSound(window.bytes.subarray(0, reader.fileBytes), from, end, before, segment)) return undefined;
  const start = seekInWindow(window.words, end, 0, target, from);
  return start === undefined ? undefined : { segmentIndex, blocks: end, tailEvents: 0, ...start };
}

function readHeader(reader: SegmentReader, window: ReplayWindow): SegmentHeader | undefined {
  reader.readAt(window, 0, blockOffset(0));
  try {
    return decodeSegmentHeader(window.bytes);
  } catch (error) {
    if (error instanceof WalError) return undefined;
    throw error;
  }
}

/** The header of a block, and its first event. */
function readBlockHeader(
  reader: SegmentReader,
  window: ReplayWindow,
  block: number,
): BlockHeader | undefined {
  reader.readAt(window, blockOffset(block), eventOffset(0) + EVENT_BYTES);
  const header = decodeBlockHeader(window.bytes.subarray(blockOffset(block), blockOffset(block + 1)));
  return header?.blockIndex === block ? header : undefined;
}

/** The last block that begins below the target, or with it. Damage leads elsewhere, and is found there or not met. */
function blockOf(reader: SegmentReader, window: ReplayWindow, blocks: number, target: SeekTarget): number {
  const { word, value } = target;
  // Two blocks may share a timestamp at their border, and the first event of it is looked for.
  const least = word === SeekWord.eventId ? value + 1n : value;
  let low = 0;
  let high = blocks;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const known = readBlockHeader(reader, window, middle) !== undefined;
    if (known && idAt(window.words, eventWord(middle, 0) + word) < least) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

function areSound(
  bytes: Uint8Array,
  from: number,
  end: number,
  before: BlockHeader | undefined,
  { version }: SegmentHeader,
): boolean {
  let last = before?.lastEventId ?? 0n;
  // Block 0 is linked to a segment that is not read here.
  let chained = before?.chainedChecksum ?? (version === 1 ? 0n : undefined);
  for (let block = from; block < end; block++) {
    const header = soundBlock(bytes, block, last, chained);
    if (header === undefined) return false;
    last = header.lastEventId;
    chained = header.chainedChecksum;
  }
  return true;
}
