import fs from 'node:fs';
import { join } from 'node:path';
import {
  asWords,
  BLOCK_HEADER_BYTES,
  BLOCK_HEADER_WORDS,
  BLOCK_WORDS,
  blockOffset,
  type DurablePosition,
  decodeBlockHeader,
  decodeMeta,
  EVENT_WORDS,
  type FormatVersion,
  META_FILE,
  type PreviousSegment,
  type SegmentState,
  type Status,
  verifySegment,
} from '@fswal/format';
import { contentIsRight } from './formula.js';

export interface ReadSegment {
  readonly name: string;
  readonly status: Status;
  readonly state: SegmentState;
  readonly version: FormatVersion | undefined;
  /** Events of each sealed block. */
  readonly blocks: readonly number[];
  readonly tailEvents: number;
}

export interface ReadLog {
  /** Ids in the order of the files, as numbers. */
  readonly ids: readonly number[];
  readonly segments: readonly ReadSegment[];
  /** Ids whose content is not what the formula says. */
  readonly wrongContent: readonly number[];
}

/**
 * Reads the segments of a log, each verified against the one before, by nothing but `verifySegment`: independent of
 * the code under test.
 */
export function readLog(dir: string, rightContent = contentIsRight): ReadLog {
  const ids: number[] = [];
  const wrongContent: number[] = [];
  const segments: ReadSegment[] = [];
  let previous: PreviousSegment | undefined;
  for (const name of segmentNames(dir)) {
    const bytes = new Uint8Array(fs.readFileSync(join(dir, name)));
    const segmentIndex = Number(name.slice(3, 11));
    const v = verifySegment(bytes, { segmentIndex, ...(previous === undefined ? {} : { previous }) });
    const words = asWords(bytes);
    const blocks: number[] = [];
    for (let block = 0; block < v.blocks; block++) {
      const start = blockOffset(block);
      const count = decodeBlockHeader(bytes.subarray(start, start + BLOCK_HEADER_BYTES))?.eventCount ?? 0;
      blocks.push(count);
      take(words, block, count);
    }
    take(words, v.blocks, v.tailEvents);
    segments.push({
      name,
      status: v.status,
      state: v.state,
      version: v.header?.version,
      blocks,
      tailEvents: v.tailEvents,
    });
    if (v.events > 0) {
      previous = { lastEventId: v.lastEventId, chainedChecksum: v.chainedChecksum, complete: true };
    }
  }
  return { ids, segments, wrongContent };

  function take(words: Int32Array, block: number, count: number): void {
    let at = EVENT_WORDS + block * BLOCK_WORDS + BLOCK_HEADER_WORDS;
    for (let i = 0; i < count; i++, at += EVENT_WORDS) {
      const id = (words[at + 1] >>> 0) * 2 ** 32 + (words[at] >>> 0);
      ids.push(id);
      if (!rightContent(words, at, id)) wrongContent.push(id);
    }
  }
}

export function segmentNames(dir: string): string[] {
  return fs
    .readdirSync(dir)
    .filter((name) => /^FS\.\d{8}\.wal$/.test(name))
    .sort();
}

export function readMeta(dir: string): DurablePosition | undefined {
  return decodeMeta(new Uint8Array(fs.readFileSync(join(dir, META_FILE))));
}

/** `from`, ..., `to` */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}
