import fs from 'node:fs';
import path from 'node:path';
import {
  asWords,
  BLOCK_EVENTS,
  BLOCK_HEADER_BYTES,
  blockOffset,
  type DurablePosition,
  durableSegmentMissing,
  EVENT_BYTES,
  eventOffset,
  type FormatVersion,
  LogScan,
  MAX_BLOCKS_PER_SEGMENT,
  MAX_TAIL_BLOCKS,
  META_TEMP_FILE,
  readTailRing,
  SEGMENT_HEADER_BYTES,
  type SegmentFile,
  type SegmentVerdict,
  segmentBytes,
  TAIL_RING_HEADER_BYTES,
  TAIL_RING_PLACE_FILE,
  type TailRingContent,
  tailRingBytes,
  WalError,
  WORD_BYTES,
} from '@fswal/format';
import {
  type KnownDurable,
  knownDurable,
  listLogDirectory,
  oneFormEach,
  openRegularFile,
  readBootId,
  readDurablePosition,
  readFully,
  readRegularFile,
  type TailRingPlace,
} from '@fswal/format/files';
import { syncDirectory } from '@fswal/mmap';
import type { LogPosition } from './control.js';
import { Evidence } from './evidence.js';
import type { MetaStore } from './meta-store.js';
import { attempt, type OpenSegment, type SegmentFiles, TEMP_SUFFIX } from './segment-files.js';
import { progressOf, type SegmentProgress, SegmentWriter } from './segment-writer.js';

/** What opening found and did. */
export interface ResumeReport {
  /** Last event of the log; 0 = the log is empty. */
  readonly lastEventId: bigint;
  /** Where the durable position came from: `wal_meta.dat`, or why it had to be derived from the segments. */
  readonly durableSource: string;
  /** Events that a killed recorder had left in the tail ring and that are in segments now. */
  readonly eventsFromTailRing: number;
  /** Events of an unsealed block that was sealed. */
  readonly eventsSealed: number;
  /** What was cut off behind the last sound event, beyond the durable position. */
  readonly tornTail: { readonly file: string; readonly offset: number; readonly reason: string } | undefined;
  /** Files with damaged or unreachable data, by their new names. Nothing was deleted. */
  readonly movedAside: readonly string[];
  readonly notes: readonly string[];
}

/** Where a log goes on. */
export interface ResumedLog {
  /** The segment to go on with, or undefined where the next one begins. */
  readonly active: { readonly segment: OpenSegment; readonly progress: SegmentProgress } | undefined;
  /** Chained checksum that the next segment goes on from. */
  readonly link: bigint;
  readonly nextSegmentIndex: number;
  /** The end of the log, which is durable. */
  readonly position: LogPosition;
  readonly report: ResumeReport;
}

/** A segment of the log's end, after its verdict. */
interface ScannedSegment {
  readonly file: string;
  readonly segmentIndex: number;
  readonly verdict: SegmentVerdict;
  /** Its sealed blocks. */
  readonly progress: SegmentProgress;
}

/** The end of the log as it lies on the disk. */
interface LogEnd {
  /** The last segment with events. */
  readonly last: ScannedSegment | undefined;
  /** Its content. There may be many segments before it: theirs is not kept. */
  readonly lastBytes: Uint8Array;
  /** Segments before it that no one closed: all of their blocks are full. */
  readonly unclosed: readonly ScannedSegment[];
  /** Segments behind it: without events, or behind a torn tail. */
  readonly behind: readonly string[];
}

/**
 * Brings a log to a state to go on from: reads its end, cuts a torn tail, seals what a killed recorder left unsealed,
 * writes the events of its tail ring into segments, and makes all of that durable. Only with the directory locked.
 *
 * Nothing is changed before everything has been read and judged. Being killed in the midst of it is harmless: the ring
 * stays until its events are durable in segments, and what is there already connects to it anew.
 */
export class LogResumer {
  readonly #dir: string;
  readonly #place: TailRingPlace;
  readonly #files: SegmentFiles;
  readonly #meta: MetaStore;
  readonly #evidence: Evidence;
  readonly #blocksPerSegment: number;
  readonly #formatVersion: FormatVersion;
  readonly #notes: string[] = [];
  readonly #opened: OpenSegment[] = [];
  #tornTail: ResumeReport['tornTail'];
  #eventsSealed = 0;
  #nextSegmentIndex = 0;

  constructor(
    dir: string,
    place: TailRingPlace,
    files: SegmentFiles,
    meta: MetaStore,
    options: { blocksPerSegment: number; formatVersion: FormatVersion },
  ) {
    this.#dir = dir;
    this.#place = place;
    this.#files = files;
    this.#meta = meta;
    this.#evidence = new Evidence(files);
    this.#blocksPerSegment = options.blocksPerSegment;
    this.#formatVersion = options.formatVersion;
  }

  /**
   * @throws WalError the status of damage at or before the durable position, DURABLE_LOST, SEGMENT_GAP, OPEN_FAILED,
   * READ_FAILED: then nothing was changed. DISK_FULL, WRITE_FAILED, FSYNC_FAILED: nothing is lost, and opening again
   * begins anew
   */
  resume(): ResumedLog {
    try {
      return this.#resume();
    } catch (error) {
      for (const { fd, syncFd } of this.#opened) {
        fs.closeSync(fd);
        fs.closeSync(syncFd);
      }
      throw error;
    }
  }

  #resume(): ResumedLog {
    const image = this.#readTailRing();
    const segments = this.#listSegments();
    const durable = this.#durablePosition(segments);
    const end = this.#scan(segments, durable.position);
    const content = this.#judgeTailRing(image, end);

    this.#removeTempFiles();
    // The newest first: being killed in between, or losing the power, leaves no gap.
    for (const file of end.behind.toReversed()) this.#removeOrMoveAside(file);
    if (end.last !== undefined) this.#clearBehindEnd(end.last, end.lastBytes);
    for (const segment of end.unclosed) this.#closeFull(segment);
    let writer = end.last === undefined ? undefined : this.#writeOn(end.last, end.lastBytes);
    for (const run of content.runs) writer = this.#writeRun(image as Uint8Array, run, writer);

    const position = writer?.position ?? {
      segmentIndex: this.#nextSegmentIndex,
      offset: SEGMENT_HEADER_BYTES,
      eventId: 0n,
    };
    if (writer !== undefined) this.#makeDurable(writer);
    this.#finishTailRing(image, content);
    const active = writer === undefined || writer.roomBlocks === 0 ? undefined : writer;
    return {
      active: active === undefined ? undefined : { segment: active.segment, progress: active.progress },
      link: writer?.chained ?? 0n,
      nextSegmentIndex: this.#nextSegmentIndex,
      position,
      report: {
        lastEventId: position.eventId,
        durableSource: durable.report.note ?? durable.report.source,
        eventsFromTailRing: content.events,
        eventsSealed: this.#eventsSealed,
        tornTail: this.#tornTail,
        movedAside: this.#evidence.movedAside,
        notes: this.#notes,
      },
    };
  }

  // Reading

  #readTailRing(): Uint8Array | undefined {
    const { file, note } = this.#place;
    if (note !== undefined) this.#notes.push(note);
    if (file === undefined || !exists(file)) return undefined;
    const { fd, bytes } = openRegularFile(file);
    try {
      // What is larger than any ring is none: an image without a header, that is not unused either.
      if (bytes > tailRingBytes(MAX_TAIL_BLOCKS)) return new Uint8Array(TAIL_RING_HEADER_BYTES).fill(0xff);
      const image = new Uint8Array(bytes);
      return image.subarray(0, readFully(fd, image, file));
    } finally {
      fs.closeSync(fd);
    }
  }

  /** The segments, without a gap. */
  #listSegments(): readonly SegmentFile[] {
    const { segments } = listLogDirectory(this.#dir);
    for (let i = 1; i < segments.length; i++) {
      const before = segments[i - 1].segmentIndex;
      const { name, segmentIndex } = segments[i];
      if (segmentIndex <= before + 1) continue;
      const message = `segment ${before + 1} is missing before segment ${segmentIndex}`;
      throw new WalError('SEGMENT_GAP', message, { file: this.#files.path(name) });
    }
    return segments;
  }

  /** @throws WalError DURABLE_LOST where the segment that holds it is missing */
  #durablePosition(segments: readonly SegmentFile[]): KnownDurable {
    const known = knownDurable(this.#dir, readDurablePosition(this.#dir), segments);
    const missing = durableSegmentMissing(known.position, segments[0]?.segmentIndex, this.#dir);
    if (missing !== undefined) throw missing;
    return known;
  }

  /** Judges the segments from the one before the durable position on: what lies before it was judged when it was last. */
  #scan(segments: readonly SegmentFile[], durable: DurablePosition): LogEnd {
    const scan = new LogScan(durable);
    const oldest = segments[0]?.segmentIndex ?? 0;
    const from = durable.eventId === 0n ? oldest : durable.segmentIndex - 1;
    let last: ScannedSegment | undefined;
    let lastBytes: Uint8Array = new Uint8Array(0);
    const unclosed: ScannedSegment[] = [];
    /** Closed without an event: part of the log if a segment with events follows. */
    let empty: string[] = [];
    const behind: string[] = [];
    for (const { name, segmentIndex, compressed } of oneFormEach(segments)) {
      if (segmentIndex < from) continue;
      const file = this.#files.path(name);
      if (compressed)
        throw new WalError('READ_FAILED', 'this version reads no compressed segments', { file });
      if (scan.ended) {
        behind.push(file);
        continue;
      }
      const bytes = this.#readSegment(file);
      const verdict = scan.judge(segmentIndex, bytes, file);
      if (verdict.decision === 'refuse') throw verdict.error;
      if (verdict.unreachableBlocks > 0) {
        this.#notes.push(
          `${file}: ${verdict.unreachableBlocks} sound blocks behind the damage are out of reach`,
        );
      }
      if (verdict.events === 0) {
        const closed = verdict.verification.state === 'sealed' && verdict.error === undefined;
        (closed ? empty : behind).push(file);
        if (verdict.error !== undefined) this.#noteTornTail(file, 0, verdict.error.message);
        continue;
      }
      empty = [];
      // Only a segment without a gap at its end gets a successor, so nothing but its header is missing.
      if (last !== undefined && last.verdict.verification.state !== 'sealed') unclosed.push(last);
      const { blocks, tailEvents } = verdict;
      const chained = verdict.verification.chainedChecksum;
      const progress = progressOf(bytes, {
        blocks,
        tailEvents,
        events: verdict.events - tailEvents,
        chained,
      });
      last = { file, segmentIndex, verdict, progress };
      lastBytes = bytes;
    }
    const lost = scan.finish();
    if (lost !== undefined) throw lost;
    this.#nextSegmentIndex = last === undefined ? oldest : last.segmentIndex + 1;
    return { last, lastBytes, unclosed, behind: [...empty, ...behind] };
  }

  /** Reads a segment as the device has it: what only the page cache has would be lost to the next power cut. */
  #readSegment(file: string): Uint8Array {
    const { fd } = openRegularFile(file, fs.constants.O_RDWR);
    try {
      this.#files.sync(fd, file);
    } finally {
      fs.closeSync(fd);
    }
    return readRegularFile(file, segmentBytes(MAX_BLOCKS_PER_SEGMENT));
  }

  #judgeTailRing(image: Uint8Array | undefined, end: LogEnd): TailRingContent {
    const nothing: TailRingContent = {
      state: 'nothing',
      runs: [],
      events: 0,
      lastEventId: 0n,
      note: undefined,
    };
    // A recorder that was killed before it had written the header had appended nothing.
    if (image === undefined || isUnused(image)) return nothing;
    const content = readTailRing(image, segmentsEnd(end), readBootId());
    if (content.note !== undefined) this.#notes.push(`tail ring: ${content.note}`);
    return content;
  }

  // Changing

  #removeTempFiles(): void {
    for (const name of listLogDirectory(this.#dir).others) {
      const isTemp =
        name === META_TEMP_FILE ||
        name === `${TAIL_RING_PLACE_FILE}${TEMP_SUFFIX}` ||
        /^FS\.\d{8}\.wal\.(at-[\d.]+\.broken\.)?tmp$/.test(name);
      if (isTemp) attempt('FILE_NOT_DELETED', name, () => fs.unlinkSync(this.#files.path(name)));
    }
  }

  /** A segment without events of its own: prepared and never used, or not to be used any more. */
  #removeOrMoveAside(file: string): void {
    const bytes = readRegularFile(file, segmentBytes(MAX_BLOCKS_PER_SEGMENT));
    if (isUnused(bytes.subarray(SEGMENT_HEADER_BYTES))) this.#files.remove(file);
    else this.#evidence.moveAside(file);
  }

  /** Zeros what lies behind the last sound event, so that it can never come back; what it was is kept beside it. */
  #clearBehindEnd({ file, verdict }: ScannedSegment, bytes: Uint8Array): void {
    const { endOffset, error } = verdict;
    const behind = bytes.subarray(endOffset);
    if (isUnused(behind)) return;
    this.#noteTornTail(file, endOffset, error?.message ?? 'data behind the last event whose id grows');
    this.#evidence.keepBytes(`${file}.at-${endOffset}`, behind);
    const { fd } = openRegularFile(file, fs.constants.O_RDWR);
    try {
      this.#files.write({ fd, file }, new Uint8Array(behind.length), endOffset);
      this.#files.sync(fd, file);
    } finally {
      fs.closeSync(fd);
    }
    behind.fill(0);
  }

  #closeFull(segment: ScannedSegment): void {
    this.#close(this.#writerFor(segment));
  }

  /** The writer for the last segment, its unsealed block sealed, its header an open one. */
  #writeOn(last: ScannedSegment, bytes: Uint8Array): SegmentWriter {
    const { verdict } = last;
    const writer = this.#writerFor(last);
    if (verdict.tailEvents > 0) {
      const start = blockOffset(verdict.blocks);
      writer.seal(bytes.subarray(start, start + eventOffset(verdict.tailEvents)), verdict.tailEvents);
      this.#eventsSealed = verdict.tailEvents;
    }
    if (writer.roomBlocks > 0) this.#files.writeHeader(writer.segment, writer.openHeader());
    return writer;
  }

  #writerFor({ verdict, progress, file }: ScannedSegment): SegmentWriter {
    const { header, capacityBlocks } = verdict.verification;
    if (header === undefined) throw new Error(`${file} was kept without a header`);
    const segment = this.#files.reopen(header, capacityBlocks);
    this.#opened.push(segment);
    return new SegmentWriter(segment, this.#files, progress);
  }

  /** Writes a run of the ring as a block of its own. */
  #writeRun(
    image: Uint8Array,
    run: TailRingContent['runs'][number],
    before: SegmentWriter | undefined,
  ): SegmentWriter {
    let writer = before;
    if (writer === undefined || writer.roomBlocks === 0) {
      if (writer !== undefined) this.#close(writer);
      const segment = this.#files.create(this.#nextSegmentIndex, this.#blocksPerSegment, this.#formatVersion);
      this.#nextSegmentIndex++;
      this.#opened.push(segment);
      writer = SegmentWriter.start(segment, this.#files, writer?.chained ?? 0n);
    }
    const from = run.wordIndex * WORD_BYTES;
    const block = new Uint8Array(eventOffset(run.count));
    block.set(image.subarray(from, from + run.count * EVENT_BYTES), BLOCK_HEADER_BYTES);
    writer.seal(block, run.count);
    return writer;
  }

  #makeDurable(writer: SegmentWriter): void {
    const prefixChecksum = writer.sealedPrefix;
    const { position } = writer;
    if (writer.roomBlocks === 0) this.#close(writer);
    else this.#files.sync(writer.segment.fd, writer.segment.file);
    this.#files.syncDirectory();
    this.#meta.store({ ...position, prefixChecksum });
  }

  /** Data to the device, then the final header, then close. */
  #close(writer: SegmentWriter): void {
    const { segment } = writer;
    this.#files.sync(segment.fd, segment.file);
    this.#files.writeHeader(segment, writer.closedHeader());
    this.#files.sync(segment.fd, segment.file);
    this.#opened.splice(this.#opened.indexOf(segment), 1);
    fs.closeSync(segment.fd);
    fs.closeSync(segment.syncFd);
  }

  /** The ring's events are durable in segments now. What could not be used of it is kept. */
  #finishTailRing(image: Uint8Array | undefined, content: TailRingContent): void {
    const { file } = this.#place;
    if (image === undefined || file === undefined) return;
    if (content.note !== undefined) {
      this.#evidence.moveAside(file);
      return;
    }
    attempt('FILE_NOT_DELETED', file, () => fs.unlinkSync(file));
    syncDirectory(path.dirname(file));
  }

  #noteTornTail(file: string, offset: number, reason: string): void {
    this.#tornTail ??= { file, offset, reason };
  }
}

/** The last event of the segments, for the tail ring to connect to. */
function segmentsEnd({ last, lastBytes }: LogEnd) {
  if (last === undefined)
    return { lastEventId: 0n, words: new Int32Array(0), lastEventWord: 0, eventsInBlock: 0 };
  const { endOffset, lastEventId } = last.verdict;
  const inBlock =
    ((endOffset - SEGMENT_HEADER_BYTES - 1) % (BLOCK_HEADER_BYTES + BLOCK_EVENTS * EVENT_BYTES)) + 1;
  return {
    lastEventId,
    words: asWords(lastBytes),
    lastEventWord: (endOffset - EVENT_BYTES) / WORD_BYTES,
    eventsInBlock: (inBlock - BLOCK_HEADER_BYTES) / EVENT_BYTES - 1,
  };
}

const ZEROS = Buffer.alloc(1 << 20);

function exists(file: string): boolean {
  return fs.lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}

/** Whether `bytes` are all zero. */
function isUnused(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const chunk = bytes.subarray(at, at + ZEROS.length);
    if (ZEROS.compare(chunk, 0, chunk.length, 0, chunk.length) !== 0) return false;
  }
  return true;
}
