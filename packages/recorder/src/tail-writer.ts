import {
  BLOCK_BYTES,
  BLOCK_EVENTS,
  countGrowing,
  TAIL_RING_HEADER_BYTES,
  tailRingBytes,
  tailRingEventWord,
  WalError,
  WORD_BYTES,
} from '@fswal/format';
import { nsSince } from '@fswal/telemetry/clock';
import type { Agent } from './agent.js';
import { type Control, Role, Stage } from './control.js';
import {
  type DurabilityOrder,
  decodePrepared,
  encodeDurability,
  encodePersist,
  type Rings,
  recordOf,
} from './handover.js';
import { monotonicMs } from './monotonic-ms.js';
import { type OpenSegments, SegmentState } from './open-segments.js';
import { SegmentChange } from './segment-change.js';
import type { SegmentFiles } from './segment-files.js';
import type { AnnounceSegment } from './segment-news.js';
import { SegmentWriter } from './segment-writer.js';
import type { SyncPace } from './sync-pace.js';
import type { WriterTelemetry } from './telemetry.js';
import { WrittenProgress } from './written-progress.js';

/** Blocks written by one call of the system, at most. */
const BATCH_BLOCKS = 64;

/**
 * The writer: follows the appender round the ring and brings what it finds into segments. Whole blocks at once; less
 * than a block for a sync, or when the engine has been quiet for two looks, so that followers see it.
 */
export class TailWriter implements Agent {
  readonly role = Role.writer;
  readonly #control: Control;
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #tailBlocks: number;
  readonly #files: SegmentFiles;
  readonly #rings: Rings;
  readonly #openSegments: OpenSegments;
  readonly #pace: SyncPace;
  readonly #telemetry: WriterTelemetry;
  readonly #announce: AnnounceSegment;
  readonly #change: SegmentChange;
  readonly #progress: WrittenProgress;
  readonly #preparedRecord: Int32Array;
  readonly #persistRecord: Int32Array;
  readonly #durabilityRecord: Int32Array;
  /** The segment being written; undefined between two segments. */
  #writer: SegmentWriter | undefined;
  /** Chained checksum that the next segment goes on from. */
  #link: bigint;
  /** Blocks before this one are in segments, as int32; `#slot` is where it lies. */
  #block = 0;
  #slot = 0;
  #lastEventId: bigint;
  /** Events written so far: those of whole blocks, and all of them. */
  #blockEvents = 0;
  #events = 0;
  /** The last request for a sync that was passed on, and the last event it was for. */
  #handledSync = 0;
  #orderedEventId: bigint;
  /** The one being worked on, and the block that was being filled when it was seen. */
  #pendingSync = 0;
  #pendingBlock = 0;
  #pendingMs = 0;
  /** Events in the current block at the last idle look. */
  #quietEvents = 0;
  #done = false;

  constructor(
    control: Control,
    ring: { buffer: ArrayBuffer; tailBlocks: number },
    files: SegmentFiles,
    rings: Rings,
    openSegments: OpenSegments,
    start: { writer: SegmentWriter | undefined; link: bigint; lastEventId: bigint },
    pace: SyncPace,
    telemetry: WriterTelemetry,
    announce: AnnounceSegment,
  ) {
    this.#control = control;
    this.#tailBlocks = ring.tailBlocks;
    this.#bytes = new Uint8Array(ring.buffer, 0, tailRingBytes(ring.tailBlocks));
    this.#words = new Int32Array(ring.buffer, 0, tailRingBytes(ring.tailBlocks) / WORD_BYTES);
    this.#files = files;
    this.#rings = rings;
    this.#openSegments = openSegments;
    this.#writer = start.writer;
    this.#link = start.link;
    this.#lastEventId = start.lastEventId;
    this.#orderedEventId = start.lastEventId;
    this.#pace = pace;
    this.#telemetry = telemetry;
    this.#announce = announce;
    this.#change = new SegmentChange(telemetry);
    this.#progress = new WrittenProgress(telemetry);
    this.#preparedRecord = recordOf(rings.prepared);
    this.#persistRecord = recordOf(rings.persist);
    this.#durabilityRecord = recordOf(rings.durability);
  }

  get done(): boolean {
    return this.#done;
  }

  doWork(): number {
    try {
      const work = this.#step();
      if (work > 0) this.#control.setDiskFull(Role.writer, false);
      return work;
    } catch (error) {
      if (!(error instanceof WalError) || error.code !== 'DISK_FULL') throw error;
      this.#telemetry.writeBlock.fail();
      // Nothing has moved: the ring keeps the events, and the next step tries again.
      this.#control.setDiskFull(Role.writer, true);
      return 0;
    }
  }

  #step(): number {
    const stopping = this.#control.stage >= Stage.writerStops;
    const lookMs = monotonicMs();
    this.#progress.look(lookMs, this.#control.appendedBlocks);
    if (this.#pendingSync === this.#handledSync) {
      if (this.#wantsSync()) this.#control.requestOwnSync();
      // The request first: what was appended before it is in the blocks up to the one that is loaded after it.
      this.#pendingSync = this.#control.syncRequested;
      this.#pendingBlock = this.#control.appendedBlocks;
      this.#pendingMs = lookMs;
    }
    let work = this.#writeFullBlocks(this.#control.appendedBlocks);
    if (this.#pendingSync !== this.#handledSync) {
      if (this.#writeThrough(this.#pendingBlock) && this.#orderSync()) {
        this.#handledSync = this.#pendingSync;
        this.#orderedEventId = this.#lastEventId;
        work++;
      }
    } else if (stopping) {
      if (this.#writeThrough(this.#control.appendedBlocks) && this.#finish()) work++;
    } else if (work === 0) {
      work = this.#writeIfQuiet(lookMs);
    }
    return work;
  }

  /** Whether the mode of durability wants a sync now, and there is something to sync. */
  #wantsSync(): boolean {
    const { syncRequested } = this.#control;
    if (syncRequested !== this.#handledSync) return false;
    // Something to sync first: a tick that finds nothing must not be used up.
    if (this.#orderedEventId === this.#lastEventId && this.#eventsInBlock() === this.#eventsInFile())
      return false;
    return this.#pace.due(this.#control.hasSynced(syncRequested), nowMs);
  }

  #eventsInFile(): number {
    return this.#writer?.tailEvents ?? 0;
  }

  /** Writes blocks up to `appended`, as far as there are segments. @returns how many */
  #writeFullBlocks(appended: number): number {
    let written = 0;
    for (let ahead = this.#behind(appended); ahead > 0; ahead = this.#behind(appended)) {
      const writer = this.#segmentWithRoom();
      if (writer === undefined) break;
      if (writer.tailEvents > 0) {
        this.#sealBlock(writer);
        written++;
        continue;
      }
      const count = Math.min(ahead, writer.roomBlocks, this.#tailBlocks - this.#slot, BATCH_BLOCKS);
      const start = performance.now();
      writer.writeBlocks(this.#slotBytes(), count);
      this.#wrote(writer, count, start);
      written += count;
    }
    return written;
  }

  /** Full blocks that are published and not written; -1 where a full block was found by its ids before it was. */
  #behind(appended: number): number {
    return (appended - this.#block) | 0;
  }

  /**
   * Writes everything up to and including what block `last` holds, unsealed or not.
   * @returns false where it has to wait for a segment
   */
  #writeThrough(last: number): boolean {
    for (;;) {
      const written = this.#writeFullBlocks(this.#control.appendedBlocks);
      if (this.#behind(last) < 0) return true;
      if (this.#behind(this.#control.appendedBlocks) > 0) {
        if (written === 0) return false;
        continue;
      }
      const count = this.#eventsInBlock();
      const inFile = this.#eventsInFile();
      if (count === inFile && count < BLOCK_EVENTS) return true;
      const writer = this.#segmentWithRoom();
      if (writer === undefined) return false;
      if (count < BLOCK_EVENTS) {
        this.#writePart(writer, count);
        return true;
      }
      this.#sealBlock(writer);
    }
  }

  /** Of the current block, which is full, what is not in the file yet, and its header. */
  #sealBlock(writer: SegmentWriter): void {
    const start = performance.now();
    writer.seal(this.#slotBytes(), BLOCK_EVENTS);
    this.#wrote(writer, 1, start);
  }

  #writeIfQuiet(lookMs: number): number {
    const count = this.#eventsInBlock();
    const inFile = this.#eventsInFile();
    // A block that is in the file whole but for its header is begun and not sealed: the disk was full.
    const unwritten = count > inFile || inFile === BLOCK_EVENTS;
    if (!unwritten) this.#caughtUp(lookMs);
    const quiet = unwritten && count === this.#quietEvents;
    this.#quietEvents = count;
    if (!quiet) return 0;
    this.#quietEvents = 0;
    return this.#writeThrough(this.#block) ? 1 : 0;
  }

  /** There is nothing that is not written. */
  #caughtUp(lookMs: number): void {
    this.#progress.wroteAll(lookMs);
    const isDurable =
      this.#orderedEventId === this.#lastEventId && this.#control.hasSynced(this.#handledSync);
    if (isDurable) this.#progress.allDurable(lookMs);
  }

  /** Events of the current block that are committed. */
  #eventsInBlock(): number {
    const inFile = this.#eventsInFile();
    const next = tailRingEventWord(this.#slot, inFile);
    const count = inFile + countGrowing(this.#words, next, BLOCK_EVENTS - inFile, this.#lastEventId);
    // Pairs with the store of the id in the appender: from here on the events are there, not only their ids.
    if (count > inFile) Atomics.load(this.#words, tailRingEventWord(this.#slot, count - 1));
    return count;
  }

  #writePart(writer: SegmentWriter, count: number): void {
    writer.writeEvents(this.#slotBytes(), count);
    this.#publish(writer);
  }

  /** After `count` blocks were sealed, since `startMs`: gives slots back and, at the segment's end, lets go of it. */
  #wrote(writer: SegmentWriter, count: number, startMs: number): void {
    this.#telemetry.writeBlock.record(nsSince(startMs));
    this.#telemetry.blocks.add(count);
    this.#block = (this.#block + count) | 0;
    this.#slot = (this.#slot + count) % this.#tailBlocks;
    this.#blockEvents += count * BLOCK_EVENTS;
    this.#publish(writer);
    this.#progress.wroteBlocks(this.#block);
    // One slot is kept back: recovery connects the ring to the segments by their last event.
    this.#control.publishReleased((this.#block - 1) | 0);
    if (writer.roomBlocks === 0) this.#retire();
  }

  #publish(writer: SegmentWriter): void {
    this.#lastEventId = writer.position.eventId;
    this.#control.publishWritten(writer.position);
    const events = this.#blockEvents + writer.tailEvents;
    this.#telemetry.events.add(events - this.#events);
    this.#events = events;
  }

  /** The segment to write on; the next prepared one where there is none. */
  #segmentWithRoom(): SegmentWriter | undefined {
    if (this.#writer !== undefined && this.#writer.roomBlocks === 0 && !this.#retire()) return undefined;
    if (this.#writer !== undefined) return this.#writer;
    this.#change.wanted();
    if (!this.#rings.prepared.pop(this.#preparedRecord)) return undefined;
    const start = performance.now();
    this.#control.wake(Role.preparer);
    const segment = decodePrepared(this.#preparedRecord, (name) => this.#files.path(name));
    this.#openSegments.setState(segment.segmentIndex, SegmentState.active);
    this.#announce(segment.segmentIndex, 'active');
    this.#writer = SegmentWriter.start(segment, this.#files, this.#link);
    this.#change.begun(start);
    return this.#writer;
  }

  /** Hands the segment to maintainer and coordinator. @returns false where their rings are full */
  #retire(): boolean {
    const writer = this.#writer;
    if (writer === undefined) return true;
    this.#change.closing();
    const { persist, durability } = this.#rings;
    if (durability.size === durability.capacity) return false;
    const { segmentIndex, fd } = writer.segment;
    // Before a maintainer can have it; where there is no room for the order, once more with the next try.
    this.#openSegments.setState(segmentIndex, SegmentState.persisting);
    this.#announce(segmentIndex, 'sealed');
    encodePersist({ fd, header: writer.closedHeader() }, this.#persistRecord);
    // Not by its size, which counts no record that a maintainer is taking: that one still lies in the ring.
    if (!persist.push(this.#persistRecord)) return false;
    this.#control.wake(Role.maintainer);
    this.#order('retired', 0);
    this.#link = writer.chained;
    this.#writer = undefined;
    this.#change.closed();
    return true;
  }

  /** What was asked for is written; the coordinator makes it durable. @returns false where its ring is full */
  #orderSync(): boolean {
    this.#progress.wroteAll(this.#pendingMs);
    return this.#order('sync', this.#pendingSync);
  }

  /** Tells the coordinator where writing stands. @returns false where its ring is full */
  #order(kind: DurabilityOrder['kind'], request: number): boolean {
    const prefixChecksum = this.#writer?.prefixChecksum(this.#slotBytes()) ?? 0n;
    const position = { ...this.#control.written, prefixChecksum };
    const syncFd = this.#writer?.segment.syncFd ?? -1;
    const counted = { events: this.#events, asOfMs: this.#progress.asOfMs };
    encodeDurability({ kind, position, syncFd, request, ...counted }, this.#durabilityRecord);
    if (!this.#rings.durability.push(this.#durabilityRecord)) return false;
    this.#control.wake(Role.coordinator);
    return true;
  }

  /** Seals the last block and retires the last segment. @returns false where that has to wait */
  #finish(): boolean {
    const writer = this.#writer;
    if (writer !== undefined && writer.tailEvents > 0) {
      writer.seal(this.#slotBytes(), writer.tailEvents);
      this.#control.publishWritten(writer.position);
    }
    this.#done = this.#retire();
    return this.#done;
  }

  /** The ring from the current slot on. */
  #slotBytes(): Uint8Array {
    return this.#bytes.subarray(TAIL_RING_HEADER_BYTES + this.#slot * BLOCK_BYTES);
  }
}

function nowMs(): number {
  return performance.now();
}
