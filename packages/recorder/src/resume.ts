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
  MAX_TAIL_BLOCKS,
  META_FILE,
  META_TEMP_FILE,
  readTailRing,
  SEGMENT_HEADER_BYTES,
  type SegmentFile,
  type SegmentVerdict,
  TAIL_RING_FILE,
  TAIL_RING_HEADER_BYTES,
  TAIL_RING_PLACE_FILE,
  type TailRingContent,
  tailRingBytes,
  WalError,
  WORD_BYTES,
  withoutRetired,
} from '@fswal/format';
import {
  closeFile,
  type KnownDurable,
  knownDurable,
  listLogDirectory,
  openRegularFile,
  readBootId,
  readDurablePosition,
  readFully,
  readSegmentFile,
  type TailRingPlace,
} from '@fswal/format/files';
import { syncDirectory } from '@fswal/mmap';
import { nsSince } from '@fswal/telemetry/clock';
import type { LogPosition } from './control.js';
import { Evidence } from './evidence.js';
import type { Folder } from './folder.js';
import { refuseForeign } from './foreign-files.js';
import type { MetaStore } from './meta-store.js';
import { releaseAll } from './release-all.js';
import { attempt, type OpenSegment, type SegmentFiles, TEMP_SUFFIX } from './segment-files.js';
import { chooseForms } from './segment-forms.js';
import { progressOf, type SegmentProgress, SegmentWriter } from './segment-writer.js';
import type { ResumeTelemetry } from './telemetry.js';

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
  readonly name: string;
  readonly compressed: boolean;
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
  readonly behind: readonly BehindSegment[];
  /** Last event of the log, in a segment or, where retention has taken all, before them. */
  readonly lastEventId: bigint;
}

/** A segment that is not part of the log. */
interface BehindSegment {
  readonly name: string;
  /** Whether it holds nothing but what older segments had: it was made ahead, of zeros or of a used file. */
  readonly unused: boolean;
}

/**
 * Brings a log to a state to go on from: reads its end, cuts a torn tail, seals what a killed recorder left unsealed,
 * writes the events of its tail ring into segments, and makes all of that durable. Only with the directory locked.
 *
 * Nothing is changed before everything has been read and judged. Being killed in the midst of it is harmless: the ring
 * stays until its events are durable in segments, and what is there already connects to it anew.
 */
export class LogResumer {
  readonly #folder: Folder;
  readonly #place: TailRingPlace;
  readonly #files: SegmentFiles;
  readonly #meta: MetaStore;
  readonly #evidence: Evidence;
  readonly #blocksPerSegment: number;
  readonly #formatVersion: FormatVersion;
  readonly #telemetry: ResumeTelemetry;
  readonly #notes: string[] = [];
  readonly #opened: OpenSegment[] = [];
  #tornTail: ResumeReport['tornTail'];
  #eventsSealed = 0;
  #nextSegmentIndex = 0;

  constructor(
    place: TailRingPlace,
    files: SegmentFiles,
    meta: MetaStore,
    options: { blocksPerSegment: number; formatVersion: FormatVersion },
    telemetry: ResumeTelemetry,
  ) {
    this.#telemetry = telemetry;
    this.#folder = files.folder;
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
    const start = performance.now();
    try {
      const resumed = this.#resume();
      this.#telemetry.initActiveSegment.record(nsSince(start));
      return resumed;
    } catch (error) {
      releaseAll(this.#opened.flatMap(closings));
      throw error;
    }
  }

  #resume(): ResumedLog {
    const image = this.#readTailRing();
    const listed = this.#listSegments();
    const durable = this.#durablePosition(listed);
    const forms = chooseForms(this.#folder, withoutRetired(listed, durable.position));
    const end = this.#scan(forms.chosen, durable);
    const content = this.#judgeTailRing(image, end);

    this.#checkWritable();
    this.#removeTempFiles();
    this.#removeRetired(listed, durable.position);
    for (const name of forms.superfluous) this.#files.remove(name);
    for (const name of forms.damaged) this.#evidence.moveAside(this.#folder.at(name));
    // The newest first: being killed in between, or losing the power, leaves no gap.
    for (const segment of end.behind.toReversed()) this.#removeOrMoveAside(segment);
    if (end.last !== undefined) this.#clearBehindEnd(end.last, end.lastBytes);
    for (const segment of end.unclosed) this.#closeFull(segment);
    let writer =
      end.last === undefined || end.last.compressed ? undefined : this.#writeOn(end.last, end.lastBytes);
    let link = writer?.chained ?? end.last?.progress.chained ?? 0n;
    for (const run of content.runs) {
      writer = this.#writeRun(image as Uint8Array, run, writer, link);
      link = writer.chained;
    }
    const position = this.#storePosition(writer, end, durable);
    this.#finishTailRing(image, content);
    const active = writer === undefined || writer.roomBlocks === 0 ? undefined : writer;
    return {
      active: active === undefined ? undefined : { segment: active.segment, progress: active.progress },
      link,
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
      closeFile(fd, file);
    }
  }

  /** The segments, without a gap, and none of them a link or anything else that is not ours. */
  #listSegments(): readonly SegmentFile[] {
    const { segments } = listLogDirectory(this.#folder.base);
    refuseForeign(this.#folder, [
      ...segments.map(({ name }) => name),
      META_FILE,
      TAIL_RING_FILE,
      TAIL_RING_PLACE_FILE,
    ]);
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
    const known = knownDurable(this.#folder.base, readDurablePosition(this.#folder.base), segments);
    const missing = durableSegmentMissing(known.position, segments[0]?.segmentIndex, this.#folder.path);
    if (missing !== undefined) throw missing;
    return known;
  }

  /**
   * Judges the segments from the one before the durable position on: what lies before it was judged, and durable, when it
   * was last. Where that position is only derived nobody knows what a recorder in mode none has left to the page cache.
   */
  #scan(segments: readonly SegmentFile[], { position, report }: KnownDurable): LogEnd {
    const scan = new LogScan(position);
    const oldest = segments[0]?.segmentIndex ?? position.segmentIndex;
    const readAll = position.eventId === 0n || report.source === 'derived';
    const from = readAll ? oldest : position.segmentIndex - 1;
    let last: ScannedSegment | undefined;
    let lastBytes: Uint8Array = new Uint8Array(0);
    const unclosed: ScannedSegment[] = [];
    /** Closed without an event: part of the log if a segment with events follows. */
    let empty: BehindSegment[] = [];
    const behind: BehindSegment[] = [];
    for (const segment of segments) {
      const { name, segmentIndex, compressed } = segment;
      if (segmentIndex < from) continue;
      const bytes = this.#readSegment(segment);
      const file = this.#files.path(name);
      const ended = scan.ended;
      const verdict = scan.judge(segmentIndex, bytes, file);
      const { verification } = verdict;
      const unused = verification.status === 'OK' && verification.events === 0;
      if (ended) {
        behind.push({ name, unused });
        continue;
      }
      if (verdict.error !== undefined) this.#telemetry.failures.count(verdict.error.code);
      if (verdict.decision === 'refuse' || (compressed && verdict.error !== undefined)) throw verdict.error;
      if (verdict.unreachableBlocks > 0) {
        this.#notes.push(
          `${file}: ${verdict.unreachableBlocks} sound blocks behind the damage are out of reach`,
        );
      }
      if (verdict.events === 0) {
        const closed = verification.state === 'sealed' && verdict.error === undefined;
        (closed ? empty : behind).push({ name, unused });
        if (verdict.error !== undefined) this.#noteTornTail(file, 0, verdict.error.message);
        continue;
      }
      empty = [];
      // Only a segment without a gap at its end gets a successor, so nothing but its header is missing.
      if (last !== undefined && last.verdict.verification.state !== 'sealed') unclosed.push(last);
      const { blocks, tailEvents } = verdict;
      const chained = verification.chainedChecksum;
      const progress = progressOf(bytes, {
        blocks,
        tailEvents,
        events: verdict.events - tailEvents,
        chained,
      });
      last = { name, compressed, segmentIndex, verdict, progress };
      lastBytes = bytes;
    }
    const lost = scan.finish();
    if (lost !== undefined) throw lost;
    this.#nextSegmentIndex = last === undefined ? oldest : last.segmentIndex + 1;
    const { lastEventId } = scan;
    return { last, lastBytes, unclosed, behind: [...empty, ...behind], lastEventId };
  }

  /** Reads a segment as the device has it: what only the page cache has would be lost to the next power cut. */
  #readSegment({ name, compressed }: SegmentFile): Uint8Array {
    const { fd } = this.#folder.openOwn(name, fs.constants.O_RDWR);
    try {
      this.#files.sync(fd, this.#files.path(name));
    } finally {
      closeFile(fd, this.#files.path(name));
    }
    return readSegmentFile(this.#folder.at(name), compressed);
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

  /**
   * What cannot be written to is found before anything is changed.
   * @throws WalError OPEN_FAILED, DISK_FULL
   */
  #checkWritable(): void {
    refuseForeign(this.#folder, this.#tempFiles());
    for (const name of [META_FILE, TAIL_RING_FILE]) {
      if (!exists(this.#folder.at(name))) continue;
      closeFile(this.#folder.openOwn(name, fs.constants.O_WRONLY).fd, this.#files.path(name));
    }
    closeFile(this.#files.createTemp(META_TEMP_FILE), this.#files.path(META_TEMP_FILE));
  }

  /** Of files that were being made. */
  #tempFiles(): string[] {
    const { others } = listLogDirectory(this.#folder.base);
    return others.filter(
      (name) =>
        name === META_TEMP_FILE ||
        name === `${TAIL_RING_PLACE_FILE}${TEMP_SUFFIX}` ||
        /^FS\.\d{8}\.wal(\.lz4)?\.(at-[\d.]+\.broken\.)?tmp$/.test(name),
    );
  }

  #removeTempFiles(): void {
    for (const name of this.#tempFiles()) {
      attempt('FILE_NOT_DELETED', this.#files.path(name), () => fs.unlinkSync(this.#folder.at(name)));
    }
  }

  /** What retention was about to take when it was interrupted, oldest first. */
  #removeRetired(listed: readonly SegmentFile[], durable: DurablePosition): void {
    const part = new Set(withoutRetired(listed, durable));
    for (const segment of listed) if (!part.has(segment)) this.#files.remove(segment.name);
  }

  /** A segment without events of its own: prepared and never used, or not to be used any more. */
  #removeOrMoveAside({ name, unused }: BehindSegment): void {
    if (unused) this.#files.remove(name);
    else this.#evidence.moveAside(this.#folder.at(name));
  }

  /**
   * Zeros what lies behind a torn end, so that it can never come back; what it was is kept beside it. Behind a sound
   * end there is nothing that could: all ids are smaller, as in a file that was used before.
   */
  #clearBehindEnd({ name, verdict }: ScannedSegment, bytes: Uint8Array): void {
    const { endOffset, error } = verdict;
    const behind = bytes.subarray(endOffset);
    if (error === undefined || isUnused(behind)) return;
    const file = this.#files.path(name);
    this.#noteTornTail(file, endOffset, error.message);
    this.#evidence.keepBytes(`${this.#folder.at(name)}.at-${endOffset}`, behind);
    const { fd } = this.#folder.openOwn(name, fs.constants.O_RDWR);
    try {
      this.#files.write({ fd, file }, new Uint8Array(behind.length), endOffset);
      this.#files.sync(fd, file);
    } finally {
      closeFile(fd, file);
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

  #writerFor({ verdict, progress, name }: ScannedSegment): SegmentWriter {
    const { header, capacityBlocks } = verdict.verification;
    if (header === undefined) throw new Error(`${name} was kept without a header`);
    const start = performance.now();
    const segment = this.#files.reopen(header, capacityBlocks);
    this.#telemetry.openExistingSegment.record(nsSince(start));
    this.#opened.push(segment);
    return new SegmentWriter(segment, this.#files, progress);
  }

  /** Writes a run of the ring as a block of its own. */
  #writeRun(
    image: Uint8Array,
    run: TailRingContent['runs'][number],
    before: SegmentWriter | undefined,
    link: bigint,
  ): SegmentWriter {
    let writer = before;
    if (writer === undefined || writer.roomBlocks === 0) {
      if (writer !== undefined) this.#close(writer);
      const segment = this.#files.create(this.#nextSegmentIndex, this.#blocksPerSegment, this.#formatVersion);
      this.#nextSegmentIndex++;
      this.#opened.push(segment);
      writer = SegmentWriter.start(segment, this.#files, link);
    }
    const from = run.wordIndex * WORD_BYTES;
    const block = new Uint8Array(eventOffset(run.count));
    block.set(image.subarray(from, from + run.count * EVENT_BYTES), BLOCK_HEADER_BYTES);
    writer.seal(block, run.count);
    return writer;
  }

  /** Makes the end of the log durable. @returns it */
  #storePosition(writer: SegmentWriter | undefined, end: LogEnd, durable: KnownDurable): LogPosition {
    if (writer !== undefined) {
      const prefixChecksum = writer.sealedPrefix;
      const { position } = writer;
      if (writer.roomBlocks === 0) this.#close(writer);
      else this.#files.sync(writer.segment.fd, writer.segment.file);
      this.#files.syncDirectory();
      this.#meta.store({ ...position, prefixChecksum });
      return position;
    }
    if (end.last !== undefined) {
      const { segmentIndex, verdict, progress } = end.last;
      const position = { segmentIndex, offset: verdict.endOffset, eventId: end.lastEventId };
      this.#files.syncDirectory();
      this.#meta.store({ ...position, prefixChecksum: progress.prefixChecksum });
      return position;
    }
    const start = {
      segmentIndex: this.#nextSegmentIndex,
      offset: SEGMENT_HEADER_BYTES,
      eventId: end.lastEventId,
    };
    // With the file there, nothing has to be derived after a power cut from headers that got to the device by chance.
    if (durable.report.source === 'derived') this.#meta.store({ ...start, prefixChecksum: 0n });
    return start;
  }

  /** Data to the device, then the final header, then close. */
  #close(writer: SegmentWriter): void {
    const { segment } = writer;
    this.#files.sync(segment.fd, segment.file);
    this.#files.writeHeader(segment, writer.closedHeader());
    this.#files.sync(segment.fd, segment.file);
    this.#opened.splice(this.#opened.indexOf(segment), 1);
    releaseAll(closings(segment));
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

function closings({ fd, syncFd, file }: OpenSegment): (() => void)[] {
  return [() => closeFile(fd, file), () => closeFile(syncFd, file)];
}

/** The last event of the segments, for the tail ring to connect to. */
function segmentsEnd({ last, lastBytes, lastEventId: before }: LogEnd) {
  if (last === undefined)
    return { lastEventId: before, words: new Int32Array(0), lastEventWord: 0, eventsInBlock: 0 };
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
