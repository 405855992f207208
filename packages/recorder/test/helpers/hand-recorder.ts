import fs from 'node:fs';
import { join } from 'node:path';
import {
  EventView,
  encodeTailRingHeader,
  type FormatVersion,
  META_TEMP_FILE,
  TAIL_RING_FILE,
  tailRingBytes,
} from '@fswal/format';
import { compressSegment, decompressSegment, readBootId } from '@fswal/format/files';
import { loadProvider } from '@fswal/mmap';
import type { Agent } from '../../src/agent.js';
import { Appender } from '../../src/appender.js';
import { ComputedMetrics } from '../../src/computed-metrics.js';
import { Control, Stage } from '../../src/control.js';
import { Folder } from '../../src/folder.js';
import { createRings, type Rings } from '../../src/handover.js';
import { listKeptSegments } from '../../src/kept-segments.js';
import { MaintenanceBoard } from '../../src/maintenance-board.js';
import { MetaCoordinator } from '../../src/meta-coordinator.js';
import { MetaStore } from '../../src/meta-store.js';
import { OpenSegments, SegmentState } from '../../src/open-segments.js';
import type { Durability } from '../../src/options.js';
import { LogResumer, type ResumedLog } from '../../src/resume.js';
import type { RetentionLimits } from '../../src/retention.js';
import { RetentionKeeper } from '../../src/retention-keeper.js';
import { freedFileName, SegmentFiles } from '../../src/segment-files.js';
import { type SegmentCodec, SegmentFreezer } from '../../src/segment-freezer.js';
import { SegmentMaintainer } from '../../src/segment-maintainer.js';
import { type AnnounceSegment, announceSegments } from '../../src/segment-news.js';
import { SegmentPreparer } from '../../src/segment-preparer.js';
import { SegmentWriter } from '../../src/segment-writer.js';
import { syncPaceOf } from '../../src/sync-pace.js';
import { TailWriter } from '../../src/tail-writer.js';
import { type RecorderSnapshot, RecorderTelemetry } from '../../src/telemetry.js';
import { fillContent } from './formula.js';

/** Far more than any test needs: agents that never rest end a test instead of filling the disk. */
const MOST_STEPS = 20_000;

export interface HandOptions {
  dir: string;
  blocksPerSegment?: number;
  formatVersion?: FormatVersion;
  tailBlocks?: number;
  preparedSegments?: number;
  files?: SegmentFiles;
  /** Default `interval`, with an interval that never ends: full segments are synced, and nothing else by itself. */
  durability?: Durability;
  limits?: Partial<RetentionLimits>;
  codec?: SegmentCodec;
}

export const UNLIMITED: RetentionLimits = {
  maxSegments: Number.POSITIVE_INFINITY,
  maxCompressedSegments: 0,
  maxBytes: Number.POSITIVE_INFINITY,
  maxAgeMs: Number.POSITIVE_INFINITY,
};

/** The files of a directory, which is made. Its descriptor lives as long as the process. */
export function filesOf(dir: string): SegmentFiles {
  return new SegmentFiles(Folder.open(dir, true), loadProvider());
}

/** Opens a log without a recorder. */
export function resume(options: HandOptions): ResumedLog {
  const { dir, blocksPerSegment = 16, formatVersion = 2 } = options;
  const files = options.files ?? filesOf(dir);
  return new LogResumer(
    { file: join(dir, TAIL_RING_FILE), note: undefined },
    files,
    new MetaStore(files),
    {
      blocksPerSegment,
      formatVersion,
    },
    RecorderTelemetry.create(1).resume,
  ).resume();
}

/** Opens a log, closes its files and says what was found and done. */
export function resumeAndStop(options: HandOptions) {
  const { active, report, position } = resume(options);
  if (active !== undefined) {
    fs.closeSync(active.segment.fd);
    fs.closeSync(active.segment.syncFd);
  }
  return { ...report, position };
}

/**
 * A recorder without threads: its agents do a step when they are told to, and it can be killed between any two. The
 * tail ring is plain memory that becomes a file when the recorder dies.
 */
export class HandRecorder {
  readonly dir: string;
  readonly control = new Control();
  readonly telemetry = RecorderTelemetry.create(1);
  readonly board = new MaintenanceBoard();
  readonly openSegments = new OpenSegments();
  readonly tailBlocks: number;
  readonly ring: ArrayBuffer;
  readonly rings: Rings;
  readonly resumed: ResumedLog;
  readonly appender: Appender<EventView>;
  readonly writer: TailWriter;
  readonly preparer: SegmentPreparer;
  readonly maintainer: SegmentMaintainer;
  readonly coordinator: MetaCoordinator;
  /** What was told of segments, `INDEX STATE`. */
  readonly news: string[] = [];
  readonly #announce: AnnounceSegment = announceSegments(
    new SharedArrayBuffer(4),
    ({ segmentIndex, state }) => this.news.push(`${segmentIndex} ${state}`),
  );
  readonly #event = new EventView();

  constructor(options: HandOptions) {
    const { dir, blocksPerSegment = 16, formatVersion = 2, tailBlocks = 8, preparedSegments = 2 } = options;
    this.dir = dir;
    this.tailBlocks = tailBlocks;
    const files = options.files ?? filesOf(dir);
    const { durability = 'interval', codec = { compress: compressSegment, decompress: decompressSegment } } =
      options;
    const segmentsAreSynced = durability !== 'none';
    const resumed = resume({ ...options, files });
    this.resumed = resumed;
    const { active, link, nextSegmentIndex, position } = resumed;
    const { control, openSegments, telemetry } = this;
    if (active !== undefined) {
      const { segmentIndex, fd, syncFd } = active.segment;
      openSegments.add(segmentIndex, SegmentState.active, fd, syncFd);
    }
    control.startPersistedAt(active?.segment.segmentIndex ?? nextSegmentIndex);
    control.publishWritten(position);
    control.publishDurable(position);
    this.ring = new ArrayBuffer(tailRingBytes(tailBlocks));
    const header = { tailBlocks, afterEventId: position.eventId, link, bootId: readBootId() };
    encodeTailRingHeader(header, new Uint8Array(this.ring));
    this.rings = createRings(preparedSegments);
    this.appender = new Appender(
      this.ring,
      tailBlocks,
      position.eventId,
      control,
      new EventView(),
      { backpressureTimeoutMs: 0, sampleAppends: 0 },
      {
        waited: () => {},
        refused: () => {},
        sampled: () => {},
        checkThreads: () => {},
      },
    );
    const writer = active && new SegmentWriter(active.segment, files, active.progress);
    this.writer = new TailWriter(
      control,
      { buffer: this.ring, tailBlocks },
      files,
      this.rings,
      openSegments,
      { writer, link, lastEventId: position.eventId },
      durability === 'interval' ? syncPaceOf('none', 0) : syncPaceOf(durability, 0),
      telemetry.writer,
      this.#announce,
    );
    this.preparer = new SegmentPreparer(
      control,
      files,
      this.rings,
      openSegments,
      { blocksPerSegment, formatVersion, nextSegmentIndex },
      telemetry.preparer,
      this.#announce,
    );
    this.maintainer = new SegmentMaintainer(
      control,
      files,
      this.rings,
      this.board,
      new SegmentFreezer(files, codec, (status) => telemetry.maintainer(0).failures.count(status)),
      openSegments,
      segmentsAreSynced,
      telemetry.maintainer(0),
      { announce: this.#announce, failed: () => {} },
    );
    const limits = { ...UNLIMITED, ...options.limits };
    const keeperOptions = { dir, limits, blocksPerSegment, formatVersion, maintainers: 1 };
    const kept = listKeptSegments(files.folder, active?.segment.segmentIndex ?? nextSegmentIndex);
    this.coordinator = new MetaCoordinator(
      control,
      files,
      new MetaStore(files),
      this.rings.durability,
      openSegments,
      (gate) =>
        new RetentionKeeper(
          control,
          this.rings,
          this.board,
          gate,
          keeperOptions,
          kept,
          position.eventId,
          telemetry.retention,
        ),
      segmentsAreSynced,
      () => {},
      telemetry.coordinator,
    );
  }

  /** The recorder's metrics. */
  get measured(): RecorderSnapshot {
    const computed = new ComputedMetrics(this.control, this.appender, this.rings.prepared, this.tailBlocks);
    return this.telemetry.snapshot((progress) => computed.read(progress, 0));
  }

  get lastId(): number {
    return Number(this.appender.lastEventId);
  }
  get durableId(): number {
    return Number(this.control.durable.eventId);
  }

  /** Appends the next ids up to `id`, without any agent working. */
  appendTo(id: number): void {
    for (let next = this.lastId + 1; next <= id; next++) this.append(next);
  }

  append(id: number): void {
    this.#event.eventId = id;
    fillContent(this.#event.words, 0, id);
    this.appender.append(this.#event);
  }

  /** Appends the next ids up to `id`, the agents working whenever a quarter of the ring is full. */
  record(id: number): void {
    while (this.lastId < id) {
      this.appendTo(Math.min(id, this.lastId + 512));
      this.settle();
    }
  }

  /** Lets agents work until none has anything to do. */
  settle(agents: readonly Agent[] = [this.preparer, this.writer, this.maintainer, this.coordinator]): void {
    let idle = 0;
    for (let steps = 0; idle < 3; steps++) {
      if (steps > MOST_STEPS) throw new Error('the agents never come to rest');
      let work = 0;
      for (const agent of agents) if (!agent.done) work += agent.doWork();
      idle = work === 0 ? idle + 1 : 0;
    }
  }

  /** A sync() with all agents working. */
  sync(): number {
    const request = this.control.requestSync();
    this.settle();
    if (!this.control.hasSynced(request)) throw new Error('the sync was not answered');
    return this.durableId;
  }

  /** The file that the tail ring is. */
  get ringImage(): Uint8Array {
    return new Uint8Array(this.ring);
  }

  /** Dies as by SIGKILL: files stay as they are, the ring too, descriptors go. */
  kill(): void {
    fs.writeFileSync(join(this.dir, TAIL_RING_FILE), this.ringImage);
    this.#closeDescriptors();
  }

  /** Closes cleanly. */
  close(): void {
    this.control.enter(Stage.writerStops);
    this.settle();
    this.control.enter(Stage.draining);
    this.settle();
    this.control.enter(Stage.maintainersStop);
    this.settle();
    for (const agent of [this.writer, this.maintainer, this.coordinator]) {
      if (!agent.done) throw new Error('an agent is not done');
    }
    const record = new Int32Array(this.rings.prepared.recordWords);
    const unused: string[] = [];
    while (this.rings.prepared.pop(record)) unused.push(`FS.${String(record[0]).padStart(8, '0')}.wal`);
    const freed = new Int32Array(this.rings.freed.recordWords);
    while (this.rings.freed.pop(freed)) unused.push(freedFileName(freed[0]));
    for (const name of unused.reverse()) fs.unlinkSync(join(this.dir, name));
    fs.rmSync(join(this.dir, META_TEMP_FILE), { force: true });
    this.#closeDescriptors();
  }

  #closeDescriptors(): void {
    for (const fd of this.openSegments.descriptors()) fs.closeSync(fd);
  }
}
