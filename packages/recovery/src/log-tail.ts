import {
  BLOCK_BYTES,
  BLOCK_WORDS,
  blockOffset,
  bytesInUse,
  eventOffset,
  SEGMENT_HEADER_BYTES,
  type SegmentVerdict,
  WORD_BYTES,
} from '@fswal/format';
import { readBootId, readTailRingPlace, TailRingImage } from '@fswal/format/files';
import type { LogReaderOptions } from './log-reader.js';
import type { TailRingReport, TornTail } from './recovery-report.js';
import { eventsOfBlock, type ReplayWindow, type WindowContent } from './replay-window.js';
import { TailRingReplay } from './tail-ring-replay.js';
import type { SeekTarget } from './window-source.js';

/** What comes behind the segments of a log: the events of a tail ring that goes on from their last block. */
export class LogTail {
  readonly #ring: TailRingImage | undefined;
  readonly #note: string | undefined;
  /** The last block with events, copied out of its window, since windows are used again. */
  readonly #lastBlock = new Int32Array(BLOCK_WORDS);
  #eventsInLastBlock = 0;
  #replay: TailRingReplay | undefined;
  #report: TailRingReport | null = null;

  private constructor(ring: TailRingImage | undefined, note: string | undefined) {
    this.#ring = ring;
    this.#note = note;
    this.restart();
  }

  /**
   * Reads the ring, before the segments are listed.
   * @throws WalError OPEN_FAILED, READ_FAILED; SEGMENT_CORRUPTED where `wal_tail.place` is damaged
   */
  static open({ dir, tailRingDir, bootId = readBootId(), onProgress }: LogReaderOptions): LogTail {
    const { file, note } = readTailRingPlace(dir, tailRingDir);
    return new LogTail(file === undefined ? undefined : TailRingImage.read(file, bootId, onProgress), note);
  }

  /** Nothing comes behind the segments. @param note why there is no ring to be used */
  static empty(note: string): LogTail {
    return new LogTail(undefined, note);
  }

  /** What the ring added, null = there is none, or it was not begun. */
  get report(): TailRingReport | null {
    return this.#report;
  }

  /** The segments are read anew. */
  restart(): void {
    this.#lastBlock.fill(0);
    this.#eventsInLastBlock = 0;
    this.#replay = undefined;
    this.#report = this.#note === undefined ? null : { events: 0, note: this.#note };
  }

  /** Remembers the end of what a window holds. */
  keepEnd(window: ReplayWindow, blocks: number, tailEvents: number): void {
    const block = tailEvents > 0 ? blocks : blocks - 1;
    const start = blockOffset(block) / WORD_BYTES;
    // The last block of a file may be cut behind its last event.
    this.#lastBlock.fill(0);
    this.#lastBlock.set(window.words.subarray(start, start + BLOCK_WORDS));
    this.#eventsInLastBlock = tailEvents > 0 ? tailEvents : eventsOfBlock(window.words, block);
  }

  /**
   * After the last segment.
   * @param from where to begin; undefined = at the first event of the ring
   * @returns the last event of the ring; 0 = it has none
   */
  begin(lastEventId: bigint, from: SeekTarget | undefined): bigint {
    if (this.#ring === undefined) return 0n;
    const count = this.#eventsInLastBlock;
    const content = this.#ring.beyond({
      lastEventId,
      words: this.#lastBlock,
      lastEventWord: count === 0 ? 0 : eventOffset(count - 1) / WORD_BYTES,
      eventsInBlock: Math.max(0, count - 1),
    });
    const { runs, events, note } = content;
    this.#report = { events, note: note ?? null };
    if (runs.length > 0) this.#replay = new TailRingReplay(this.#ring.words, runs, from);
    return content.lastEventId;
  }

  /** Fills the window with the next events of the ring, or returns undefined where there are none left. */
  fill(window: ReplayWindow): WindowContent | undefined {
    const content = this.#replay?.fill(window);
    if (content === undefined) this.#replay = undefined;
    return content;
  }
}

/**
 * What a torn tail cuts off; null where nothing is cut: the file was just being made.
 * @param segmentsBeyond names of the segment files that follow
 */
export function tornTail(
  verdict: SegmentVerdict,
  bytes: Uint8Array,
  file: string,
  segmentsBeyond: readonly string[],
): TornTail | null {
  const { endOffset, events, error, verification, unreachableBlocks } = verdict;
  const cutBytes = bytesInUse(bytes) - endOffset;
  if (cutBytes <= 0 && events === 0 && segmentsBeyond.length === 0) return null;
  return {
    file,
    offset: endOffset,
    block: Math.floor((endOffset - SEGMENT_HEADER_BYTES) / BLOCK_BYTES),
    cutBytes: Math.max(0, cutBytes),
    reason: error?.code ?? verification.status,
    message: error?.reason ?? '',
    unreachableBlocks,
    segmentsBeyond,
  };
}
