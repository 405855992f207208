/*
 * A log as the decisions of @fswal/format see it, without a thread: a tenth of a millisecond where a recovery takes
 * fifty. For faults that are counted in hundreds; a part of them is tried on recovery and the recorder as well, which
 * use the same decisions.
 */
import { join } from 'node:path';
import {
  asWords,
  BLOCK_HEADER_BYTES,
  BLOCK_HEADER_WORDS,
  BLOCK_WORDS,
  blockOffset,
  type DurablePosition,
  decodeBlockHeader,
  durableSegmentMissing,
  EVENT_WORDS,
  LogScan,
  type META_FILE,
  readTailRing,
  type SegmentFile,
  type SegmentsEnd,
  type SegmentVerdict,
  TAIL_RING_FILE,
  type WalError,
  WORD_BYTES,
  withoutRetired,
} from '@fswal/format';
import {
  knownDurable,
  listLogDirectory,
  oneFormEach,
  readBootId,
  readDurablePosition,
  readRegularFile,
  readSegmentFile,
} from '@fswal/format/files';
import { contentIsRight } from './children/formula.js';

export interface ScannedLog {
  readonly firstId: number;
  readonly lastId: number;
  readonly events: number;
  /** Events that the tail ring added, and what it says of itself. */
  readonly fromRing: number;
  readonly ringState: 'missing' | 'events' | 'nothing' | 'foreign';
  readonly faults: readonly string[];
  /** Damage at or below the durable position. */
  readonly error: WalError | undefined;
  /** Whether a torn tail was cut. */
  readonly torn: boolean;
  /** `wal_meta.dat`, or that its position was derived. */
  readonly durableSource: typeof META_FILE | 'derived';
}

/** Collects the events of a log in order, and what is wrong with them. */
class EventCheck {
  firstId = 0;
  lastId = 0;
  events = 0;
  readonly faults: string[] = [];

  take(words: Int32Array, from: number, count: number): void {
    for (let n = 0, at = from; n < count; n++, at += EVENT_WORDS) {
      const id = (words[at + 1] >>> 0) * 2 ** 32 + (words[at] >>> 0);
      if (this.events > 0 && id <= this.lastId) this.faults.push(`scan: event ${id} follows ${this.lastId}`);
      else if (this.events > 0 && id !== this.lastId + 1)
        this.faults.push(`scan: event ${id} after a step from ${this.lastId}`);
      if (!contentIsRight(words, at, id)) this.faults.push(`scan: event ${id} was never appended`);
      if (this.events++ === 0) this.firstId = id;
      this.lastId = id;
    }
  }
}

/** A segment to be judged, in index order. */
export interface GivenSegment {
  readonly segmentIndex: number;
  /** For messages. */
  readonly file: string;
  readonly bytes: Uint8Array;
}

/** What the segments of a log come to. */
export interface ScannedSegments extends Omit<ScannedLog, 'fromRing' | 'ringState' | 'durableSource'> {
  readonly end: SegmentsEnd;
  /** Of the last segment that was judged. */
  readonly verdict: SegmentVerdict | undefined;
}

export function scanLog(dir: string, bootId = readBootId()): ScannedLog {
  const { segments, others } = listLogDirectory(dir);
  const files = oneFormEach(segments);
  const durable = knownDurable(dir, readDurablePosition(dir), files);
  const check = new EventCheck();
  const scanned = scanWith(check, segmentsIn(dir, files, durable.position), durable.position, () =>
    durableSegmentMissing(durable.position, files[0]?.segmentIndex, dir),
  );
  const { error, torn, end } = scanned;
  let fromRing = 0;
  let ringState: ScannedLog['ringState'] = 'missing';
  if (error === undefined && others.includes(TAIL_RING_FILE)) {
    const image = readRegularFile(join(dir, TAIL_RING_FILE), 2 ** 31);
    const ring = readTailRing(image, end, bootId);
    ringState = ring.state;
    for (const run of ring.runs) check.take(asWords(image), run.wordIndex, run.count);
    fromRing = ring.events;
  }
  const { firstId, lastId, events, faults } = check;
  const durableSource = durable.report.source;
  return { firstId, lastId, events, fromRing, ringState, faults, error, torn, durableSource };
}

/** The same of segments that are in memory, where there is no tail ring. */
export function scanSegments(segments: Iterable<GivenSegment>, durable: DurablePosition): ScannedSegments {
  return scanWith(new EventCheck(), segments, durable, () => undefined);
}

function* segmentsIn(
  dir: string,
  files: readonly SegmentFile[],
  durable: DurablePosition,
): Generator<GivenSegment> {
  for (const { name, segmentIndex, compressed } of withoutRetired(files, durable)) {
    const file = join(dir, name);
    yield { segmentIndex, file, bytes: readSegmentFile(file, compressed) };
  }
}

function scanWith(
  check: EventCheck,
  segments: Iterable<GivenSegment>,
  durable: DurablePosition,
  isMissing: () => WalError | undefined,
): ScannedSegments {
  const scan = new LogScan(durable);
  let error = isMissing();
  let torn = false;
  let verdict: SegmentVerdict | undefined;
  let end: SegmentsEnd = {
    lastEventId: scan.lastEventId,
    words: new Int32Array(0),
    lastEventWord: 0,
    eventsInBlock: 0,
  };
  if (error === undefined) {
    for (const { segmentIndex, file, bytes } of segments) {
      verdict = scan.judge(segmentIndex, bytes, file);
      end = takeSegment(check, asWords(bytes), verdict) ?? end;
      if (verdict.decision === 'refuse') error = verdict.error;
      torn ||= verdict.decision === 'tail';
      if (scan.ended) break;
    }
  }
  error ??= scan.finish();
  const { firstId, lastId, events, faults } = check;
  return { firstId, lastId, events, faults, error, torn, end, verdict };
}

/** @returns the segment's end, if it has events */
function takeSegment(check: EventCheck, words: Int32Array, verdict: SegmentVerdict): SegmentsEnd | undefined {
  const { blocks, endOffset, lastEventId } = verdict;
  const tailEvents = verdict.decision === 'refuse' ? 0 : verdict.tailEvents;
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  let eventsInBlock = 0;
  for (let block = 0; block < blocks; block++) {
    const start = blockOffset(block);
    const header = decodeBlockHeader(bytes.subarray(start, start + BLOCK_HEADER_BYTES));
    eventsInBlock = header?.eventCount ?? 0;
    check.take(words, eventWord(block), eventsInBlock);
  }
  check.take(words, eventWord(blocks), tailEvents);
  if (tailEvents > 0) eventsInBlock = tailEvents;
  if (eventsInBlock === 0) return undefined;
  // As recovery counts: the events before the last one in its block.
  return {
    lastEventId,
    words,
    lastEventWord: endOffset / WORD_BYTES - EVENT_WORDS,
    eventsInBlock: eventsInBlock - 1,
  };
}

function eventWord(block: number): number {
  return EVENT_WORDS + block * BLOCK_WORDS + BLOCK_HEADER_WORDS;
}
