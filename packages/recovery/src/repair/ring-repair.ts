import path from 'node:path';
import {
  asWords,
  BLOCK_EVENTS,
  decodeTailRingHeader,
  encodeTailRingHeader,
  idAt,
  readTailRing,
  type SegmentsEnd,
  TAIL_RING_HEADER_BYTES,
  type TailRingContent,
  type TailRingHeader,
  tailRingEventWord,
} from '@fswal/format';
import { readBootId, readTailRingPlace, TailRingImage } from '@fswal/format/files';
import type { TailRingReport } from '../recovery-report.js';
import { LogFolder } from './log-folder.js';
import type { RepairedFile } from './repair-report.js';
import type { SegmentEnd } from './segment-end.js';

const NO_SEGMENTS = { words: new Int32Array(0), lastEventWord: 0, eventsInBlock: 0 };

/**
 * The tail ring that a killed recorder left. Its events stay where they are, for the next recorder: all that a repair
 * changes is what the ring says it goes on from, where that block is chained anew, and a ring that cannot go on from
 * what is left of the log is moved aside.
 */
export class RingRepair {
  readonly report: TailRingReport | null;
  /** Whether the ring has to be moved aside. */
  readonly isForeign: boolean;
  readonly #file: string | undefined;
  /** What its header has to be instead; undefined where it is right. */
  readonly #header: TailRingHeader | undefined;

  /** Where nothing is left of the segments and the ring holds all events behind this one; else undefined. */
  readonly holdsAllAfter: bigint | undefined;

  private constructor(
    report: TailRingReport | null,
    file: string | undefined,
    isForeign: boolean,
    header: TailRingHeader | undefined,
    holdsAllAfter?: bigint,
  ) {
    this.holdsAllAfter = holdsAllAfter;
    this.report = report;
    this.#file = file;
    this.isForeign = isForeign;
    this.#header = header;
  }

  /** Whether there is anything to change. */
  get needed(): boolean {
    return this.isForeign || this.#header !== undefined;
  }

  /**
   * @param before the end of the segments as they are; undefined where nothing is left of them
   * @param after the same when they will be repaired
   * @param afterEventId the last event before the segments, for a log that has none
   * @throws WalError OPEN_FAILED, READ_FAILED; SEGMENT_CORRUPTED where `wal_tail.place` is damaged
   */
  static plan(
    folder: LogFolder,
    before: SegmentEnd | undefined,
    after: SegmentEnd | undefined,
    afterEventId: bigint,
  ): RingRepair {
    const { file, note } = readTailRingPlace(folder.base);
    if (note !== undefined) return new RingRepair({ events: 0, note }, undefined, false, undefined);
    const ring = file === undefined ? undefined : TailRingImage.read(file, readBootId());
    if (ring === undefined || ring.isUnused) return new RingRepair(null, undefined, false, undefined);
    const image = ring.bytes;
    const read = (end: SegmentEnd | undefined): TailRingContent => {
      const segmentsEnd: SegmentsEnd = end?.segmentsEnd ?? { lastEventId: afterEventId, ...NO_SEGMENTS };
      return readTailRing(image, segmentsEnd, readBootId());
    };
    if (after === undefined) {
      const whole = readWhole(image, afterEventId);
      if (whole !== undefined) {
        const { events, note } = whole.content;
        return new RingRepair({ events, note: note ?? null }, file, false, undefined, whole.after);
      }
    }
    const now = read(after);
    const was = read(before);
    const found = now.state === 'foreign' && before?.lastEventId === after?.lastEventId ? was : now;
    const report = { events: found.events, note: found.note ?? null };
    const link = found !== now && was.state !== 'foreign' ? after?.chainedChecksum : undefined;
    const header = decodeTailRingHeader(image);
    const relinked = link === undefined || header === undefined ? undefined : { ...header, link };
    return new RingRepair(report, file, found.state === 'foreign', relinked);
  }

  /** Before any segment is changed: from then on the ring goes on from the new one, which a second try makes alike. */
  relink(folder: LogFolder): void {
    if (this.#header === undefined || this.#file === undefined) return;
    const bytes = new Uint8Array(TAIL_RING_HEADER_BYTES);
    encodeTailRingHeader(this.#header, bytes);
    inFolderOf(this.#file, folder, (holder, name) => holder.overwriteFront(name, bytes));
  }

  /**
   * Moves a ring aside that cannot be used.
   * @param folder that of the log
   * @param write false: only tells what it would do
   */
  moveAside(folder: LogFolder, write: boolean): RepairedFile | undefined {
    if (!this.isForeign || this.#file === undefined) return undefined;
    return inFolderOf(this.#file, folder, (holder, name) => {
      const aside = write ? holder.moveAside(name) : holder.asideName(name);
      const [file, keptAs] = [holder.label(name), holder.label(aside)];
      return { file, change: 'moved aside', keptAs, droppedBytes: 0, droppedBlocks: 0, gaps: [] };
    });
  }
}

/** Does something with a ring in the folder that it lies in, which need not be the log's. */
function inFolderOf<T>(file: string, folder: LogFolder, use: (holder: LogFolder, name: string) => T): T {
  const dir = path.dirname(file);
  const own = dir === folder.base;
  const holder = own ? folder : LogFolder.open(dir);
  try {
    return use(holder, path.basename(file));
  } finally {
    if (!own) holder.close();
  }
}

/**
 * The events of a ring that is all that is left of a log, where it has not gone round: nothing else of its life is in it.
 * @param durableEventId it must hold this one too
 */
function readWhole(
  image: Uint8Array,
  durableEventId: bigint,
): { content: TailRingContent; after: bigint } | undefined {
  const header = decodeTailRingHeader(image);
  if (header === undefined) return undefined;
  const after = header.afterEventId;
  const content = readTailRing(image, { lastEventId: after, ...NO_SEGMENTS }, readBootId());
  if (content.state !== 'events' || content.lastEventId < durableEventId) return undefined;
  const words = asWords(image);
  let above = 0;
  for (let slot = 0; slot < header.tailBlocks; slot++) {
    for (let event = 0; event < BLOCK_EVENTS; event++) {
      if (idAt(words, tailRingEventWord(slot, event)) > after) above++;
    }
  }
  return above === content.events ? { content, after } : undefined;
}
