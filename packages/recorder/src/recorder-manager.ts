import {
  compressedSegmentFileName,
  type EventView,
  META_TEMP_FILE,
  type RequestEvent,
  segmentFileName,
  WalError,
} from '@fswal/format';
import { closeFile, listLogDirectory, lowestSegmentInUse, readTailRingPlace } from '@fswal/format/files';
import { asWalError, loadProvider, type MmapProvider } from '@fswal/mmap';
import type { Collector, Labels } from '@fswal/telemetry';
import { Appender, type AppenderWatch } from './appender.js';
import { claimedView } from './claimed-view.js';
import { ComputedMetrics } from './computed-metrics.js';
import { Control, type LogPosition, Role, SIGNAL_TIMEOUT_MS, Stage } from './control.js';
import { type Directories, openDirectories } from './directories.js';
import { DurableWaiters } from './durable-waiters.js';
import { createRings, decodePrepared, type Rings, recordOf } from './handover.js';
import { listKeptSegments } from './kept-segments.js';
import { MetaStore } from './meta-store.js';
import { OpenSegments, SegmentState } from './open-segments.js';
import { type CheckedOptions, checkOptions, type RecorderOptions } from './options.js';
import { Patience } from './patience.js';
import { checkPlace, type LogPlace } from './place.js';
import { RecorderNews } from './recorder-news.js';
import { releaseAll } from './release-all.js';
import { LogResumer, type ResumeReport } from './resume.js';
import { planRetention, type RetentionStep } from './retention.js';
import { isFreedFileName, SegmentFiles } from './segment-files.js';
import { createTailRing, removeTailRing, removeTailRingPlace } from './tail-ring-file.js';
import {
  collectRecorder,
  dumpRecorder,
  type EngineTelemetry,
  type RecorderSnapshot,
  RecorderTelemetry,
} from './telemetry.js';
import { Watermarks, type WatermarkValues } from './watermarks.js';
import { commonWorkerData } from './worker-data.js';
import { Workers } from './workers.js';

/** One segment that retention wants to compress or to delete. */
export interface RetentionPlanStep extends RetentionStep {
  readonly file: string;
}

/**
 * The appending side of a log, for one engine: one directory, one recorder at a time, one appending thread.
 *
 *   const recorder = await RecorderManager.open({ dir });
 *   recorder.append(event);          // memory only: what returned survives the death of the process
 *   await recorder.sync();           // what was appended survives the loss of power
 *   await recorder.close();
 */
export class RecorderManager<View extends EventView = RequestEvent> {
  readonly #news: RecorderNews;
  readonly #options: CheckedOptions<View>;
  readonly #directories: Directories;
  readonly #control: Control;
  readonly #appender: Appender<View>;
  readonly #rings: Rings;
  readonly #openSegments: OpenSegments;
  readonly #files: SegmentFiles;
  readonly #telemetry: RecorderTelemetry;
  readonly #computed: ComputedMetrics;
  readonly #workers: Workers;
  readonly #waiters: DurableWaiters;
  readonly #watermarks: Watermarks;
  readonly #resumed: ResumeReport & { readonly place: LogPlace };
  #closing: Promise<void> | undefined;
  /** The last event for which a sync was asked, and whether one is about to be. */
  #requestedId = 0n;
  #requesting = false;
  #pending = 0;
  #alive: NodeJS.Timeout | undefined;

  private constructor(parts: {
    news: RecorderNews;
    options: CheckedOptions<View>;
    directories: Directories;
    control: Control;
    appender: Appender<View>;
    rings: Rings;
    openSegments: OpenSegments;
    files: SegmentFiles;
    telemetry: RecorderTelemetry;
    workers: Workers;
    resumed: ResumeReport & { readonly place: LogPlace };
  }) {
    this.#news = parts.news;
    this.#options = parts.options;
    this.#directories = parts.directories;
    this.#control = parts.control;
    this.#appender = parts.appender;
    this.#rings = parts.rings;
    this.#openSegments = parts.openSegments;
    this.#files = parts.files;
    this.#telemetry = parts.telemetry;
    this.#workers = parts.workers;
    this.#resumed = parts.resumed;
    this.#computed = new ComputedMetrics(
      parts.control,
      parts.appender,
      parts.rings.prepared,
      parts.options.tailBlocks,
    );
    this.#waiters = new DurableWaiters(parts.control);
    this.#watermarks = new Watermarks(parts.control, () => parts.appender.lastEventId);
    parts.workers.watch((name, exitCode, cause) => this.#ended(name, exitCode, cause));
  }

  /**
   * Opens the log for appending; makes the directory where there is none, goes on where a log is, and brings what a
   * killed recorder left into segments first.
   *
   * @throws WalError DIRECTORY_LOCKED where another recorder has it; the status of damage at or before the durable
   * position, DURABLE_LOST, SEGMENT_GAP: then nothing was changed; DISK_FULL, OPEN_FAILED, READ_FAILED, WRITE_FAILED,
   * WRITE_HEADER_FAILED, FSYNC_FAILED, FILE_ALREADY_EXISTS, FILE_NOT_DELETED, CLOSE_FAILED, WORKER_FAILED
   * @throws TypeError, RangeError for options that cannot be
   */
  static async open<View extends EventView = RequestEvent>(
    options: RecorderOptions<View>,
  ): Promise<RecorderManager<View>> {
    const checked = checkOptions(options);
    const news = new RecorderNews(checked.dir);
    try {
      return await RecorderManager.#openChecked(checked, news);
    } catch (error) {
      news.failed(error as Error);
      throw error;
    }
  }

  static async #openChecked<View extends EventView>(
    checked: CheckedOptions<View>,
    news: RecorderNews,
  ): Promise<RecorderManager<View>> {
    const place = checkPlace(checked);
    const provider = loadProvider(checked.mmap);
    const directories = await openDirectories(provider, checked);
    try {
      return await RecorderManager.#openLocked(checked, provider, directories, place, news);
    } catch (error) {
      directories.release();
      throw directories.ring.named(directories.log.named(error));
    }
  }

  static async #openLocked<View extends EventView>(
    options: CheckedOptions<View>,
    provider: MmapProvider,
    directories: Directories,
    logPlace: LogPlace,
    news: RecorderNews,
  ): Promise<RecorderManager<View>> {
    const { tailBlocks } = options;
    const folder = directories.log;
    folder.sync();
    const files = new SegmentFiles(folder, provider);
    // The ring of the recorder before, wherever this one is to have its own.
    const telemetry = RecorderTelemetry.create(options.maintainers);
    const place = readTailRingPlace(folder.base);
    const resumer = new LogResumer(place, files, new MetaStore(files), options, telemetry.resume);
    const resumed = resumer.resume();
    const openSegments = new OpenSegments();
    try {
      if (resumed.active !== undefined) {
        const { segmentIndex, fd, syncFd } = resumed.active.segment;
        openSegments.add(segmentIndex, SegmentState.active, fd, syncFd);
      }
      const control = new Control();
      control.startPersistedAt(resumed.active?.segment.segmentIndex ?? resumed.nextSegmentIndex);
      control.publishWritten(resumed.position);
      control.publishDurable(resumed.position);
      const rings = createRings(options.preparedSegments);
      const end = { afterEventId: resumed.position.eventId, link: resumed.link };
      const ring = createTailRing(provider, files, directories.ring, tailBlocks, end);
      if (resumed.active !== undefined) news.announce(resumed.active.segment.segmentIndex, 'active');
      let workers: Workers | undefined;
      const appender = new Appender(
        ring.buffer,
        tailBlocks,
        resumed.position.eventId,
        control,
        new (claimedView(options.view))(),
        options,
        { ...recordAppends(telemetry.engine), checkThreads: () => checkThreads(control, workers) },
      );
      const parts = {
        folder,
        ringFolder: directories.ring,
        control,
        rings,
        openSegments,
        telemetry,
        ring,
        resumed,
        news: news.ofSegments,
      };
      workers = await Workers.start(commonWorkerData(options, provider, parts), options.maintainers, (told) =>
        news.told(told),
      );
      const warnings = logPlace.warning === undefined ? [] : [logPlace.warning];
      const report = { ...resumed.report, place: logPlace, notes: [...resumed.report.notes, ...warnings] };
      news.opened(resumed.position.eventId);
      return new RecorderManager({
        news,
        options,
        directories,
        control,
        appender,
        rings,
        openSegments,
        files,
        telemetry,
        workers,
        resumed: report,
      });
    } catch (error) {
      releaseAll(closings(openSegments, options.dir));
      throw error;
    }
  }

  /** What opening found and did, and what the place of the log guarantees. */
  get resumed(): ResumeReport & { readonly place: LogPlace } {
    return this.#resumed;
  }

  /**
   * Appends an event, copying its 64 bytes; when it returns, the event survives the death of the process. No system
   * call, no lock, no allocation, unless the tail ring is full.
   *
   * @throws WalError EVENT_OUT_OF_ORDER for an id that is not above the last one; BACKPRESSURE, DISK_FULL when the
   * ring stayed full (the next append may succeed); FSYNC_FAILED, WRITE_FAILED, WORKER_FAILED after a failure;
   * NOT_OPEN after close(). Nothing is written then
   */
  append(event: EventView): void {
    this.#appender.append(event);
  }

  /**
   * The place of the next event in the ring, to be filled there: all of its fields but the id, which `commit` stores
   * (what is assigned to `eventId` before is ignored). One view, reused, to be written between claim and commit only; what
   * it shows before it is filled is older data. Claiming again without a commit gives the same
   * place.
   * @throws WalError BACKPRESSURE, DISK_FULL and the others of `append`
   */
  claim(): View {
    return this.#appender.claim();
  }

  /**
   * Appends the claimed event under `eventId`.
   * @throws WalError EVENT_OUT_OF_ORDER, NOT_OPEN and failures as in `append`; the claim stands after
   * EVENT_OUT_OF_ORDER. RangeError for what is not an id; Error without a claim
   */
  commit(eventId: number | bigint): void {
    this.#appender.commit(eventId);
  }

  /**
   * Resolves when everything appended so far is on the device and `wal_meta.dat` says so.
   * @returns the durable event id, 0 where nothing was ever appended
   * @throws WalError FSYNC_FAILED, WRITE_FAILED, WORKER_FAILED; DISK_FULL when the disk stayed full (the next sync may
   * succeed); NOT_OPEN after close()
   */
  async sync(): Promise<bigint> {
    if (this.#closing !== undefined) throw notOpen();
    const upTo = this.#appender.lastEventId;
    const request = this.#control.requestSync();
    await this.#whileWaiting(async () => {
      const patience = this.#patience();
      while (!this.#control.hasSynced(request)) {
        const seen = this.#control.signalCount;
        const failure = this.#control.failure();
        if (failure !== undefined) throw failure;
        patience.check(upTo);
        if (!this.#control.hasSynced(request)) await this.#control.nextSignal(seen, SIGNAL_TIMEOUT_MS);
      }
    });
    return this.durableEventId;
  }

  /**
   * Resolves when an event is durable. Many may wait: one fdatasync serves all that are there when it begins. With
   * durability `interval` it waits for the next tick; with the others it asks for a sync.
   *
   * @param eventId an event that was appended
   * @returns the durable event id, not below `eventId`
   * @throws RangeError for an event that was not appended; WalError as `sync`
   */
  async waitDurable(eventId: number | bigint): Promise<bigint> {
    if (this.#closing !== undefined) throw notOpen();
    const id = BigInt(eventId);
    if (id > this.#appender.lastEventId)
      throw new RangeError(`event ${id} was not appended: nothing to wait for`);
    const durable = this.durableEventId;
    if (durable >= id) return durable;
    if (this.#options.durability !== 'interval') this.#requestSyncFor(id);
    const patience = this.#patience();
    return this.#whileWaiting(() => this.#waiters.wait(id, (lowest) => patience.check(lowest)));
  }

  /** One request serves all that wait in the same turn of the event loop. */
  #requestSyncFor(eventId: bigint): void {
    if (eventId <= this.#requestedId || this.#requesting) return;
    this.#requesting = true;
    queueMicrotask(() => {
      this.#requesting = false;
      this.#requestedId = this.#appender.lastEventId;
      this.#control.requestSync();
    });
  }

  /**
   * How far the log has come: appended >= sealed >= durable, as they are now. The buffer is for another thread:
   * `Watermarks.attach(buffer)` reads them there, without a lock.
   */
  get watermarks(): WatermarkValues & { readonly buffer: SharedArrayBuffer } {
    return { ...this.#watermarks.read(), buffer: this.#watermarks.buffer };
  }

  /**
   * What retention would take next, oldest first, and why; `blockedBy` says what it waits for. Empty where the log is
   * within its limits. Reads the directory.
   * @throws WalError READ_FAILED; NOT_OPEN after close()
   */
  retentionPlan(): readonly RetentionPlanStep[] {
    if (this.#closing !== undefined) throw notOpen();
    const folder = this.#directories.log;
    const { segmentIndex, offset, eventId } = this.#control.written;
    const { limits, durability } = this.#options;
    const segments = listKeptSegments(folder, segmentIndex);
    const steps = planRetention(segments, limits, {
      nowMs: performance.timeOrigin + performance.now(),
      activeBytes: eventId > 0n ? offset : undefined,
      safeBelow: durability === 'none' ? segmentIndex : this.#control.durable.segmentIndex,
      inUseFrom: lowestSegmentInUse(folder.base),
    });
    return steps.map((step) => {
      const name = step.compressed ? compressedSegmentFileName : segmentFileName;
      return { ...step, file: folder.label(name(step.segmentIndex)) };
    });
  }

  /** Where the writer stands, and the last event appended. */
  get metaState(): LogPosition {
    const { segmentIndex, offset } = this.#control.written;
    return { segmentIndex, offset, eventId: this.#appender.lastEventId };
  }

  /** The last event that is on the device for certain; 0 = none. */
  get durableEventId(): bigint {
    return this.#control.durable.eventId;
  }

  /** The recorder's metrics as plain data, by component: see `RECORDER_METRICS`. */
  get telemetry(): RecorderSnapshot {
    return this.#telemetry.snapshot((progress) => this.#computed.read(progress, this.#pending));
  }

  /**
   * Feeds a collector with them, each as `PREFIX_COMPONENT_NAME`: a recorder is a source for the exporters of
   * `@fswal/telemetry`, such as `openMetricsText(recorder, { prefix: 'fswal_recorder' })`.
   * @param labels of all samples
   */
  collect(prefix: string, collector: Collector, labels?: Labels): void {
    collectRecorder(this.telemetry, prefix, collector, labels);
  }

  /** They as tables for people. */
  dumpTelemetry(): string {
    return dumpRecorder(this.telemetry);
  }

  /**
   * Seals and syncs everything appended, stops the workers, removes the tail ring and unused prepared segments, frees
   * the directory. Calling it again gives the same promise.
   *
   * @throws WalError the failure, where there was one; DISK_FULL where what is in the ring found no room;
   * FILE_NOT_DELETED, CLOSE_FAILED: all is released then too, and the ring stays for the next recorder to take its events
   * from
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await this.#closeAll();
    } catch (error) {
      this.#news.failed(error as Error);
      throw error;
    } finally {
      this.#news.closed(this.durableEventId);
    }
  }

  async #closeAll(): Promise<void> {
    this.#appender.refuse(notOpen());
    this.#workers.ref();
    try {
      await this.#stopInOrder();
      this.#removeUnused();
    } catch (error) {
      const named = this.#directories.log.named(error);
      this.#giveUp(named);
      throw named;
    } finally {
      await this.#workers.stop();
      this.#release();
    }
  }

  /** Whatever one of the closings says, all are made, and the lock goes last. @throws WalError CLOSE_FAILED */
  #release(): void {
    releaseAll([...closings(this.#openSegments, this.#options.dir), () => this.#directories.release()]);
  }

  async #stopInOrder(): Promise<void> {
    this.#control.enter(Stage.writerStops);
    await this.#exitOf(Role.writer);
    this.#control.enter(Stage.draining);
    await this.#exitOf(Role.preparer);
    // What it found no room for is not needed any more.
    this.#control.setDiskFull(Role.preparer, false);
    await this.#exitOf(Role.coordinator);
    this.#control.enter(Stage.maintainersStop);
    await this.#exitOf(Role.maintainer);
    const failure = this.#control.failure();
    if (failure !== undefined) throw failure;
    // The ring must not go before its events are durable elsewhere, whatever made the workers end.
    if (this.durableEventId !== this.#appender.lastEventId) {
      throw new WalError('WORKER_FAILED', 'the workers ended before everything was durable', {
        eventId: this.durableEventId,
      });
    }
  }

  /** Each worker ends after the step it is at: one that is terminated in the midst of it may leave a descriptor open. */
  #giveUp(cause: unknown): void {
    const failure = asWalError('WORKER_FAILED', 'the recorder was closed', cause);
    this.#control.fail(failure);
    this.#waiters.rejectAll(failure);
  }

  /** Resolves when the threads of a role have exited. @throws WalError on a failure, or when the disk stays full */
  async #exitOf(role: Role): Promise<void> {
    const patience = this.#patience();
    while (!this.#workers.haveExited(role)) {
      const failure = this.#control.failure();
      if (failure !== undefined) throw failure;
      patience.check(this.#appender.lastEventId);
      await this.#workers.exitOrTimeout(role, SIGNAL_TIMEOUT_MS);
    }
  }

  #patience(): Patience {
    return new Patience(this.#control, this.#options.dir, this.#options.backpressureTimeoutMs);
  }

  /** Files made ahead that nothing went to, those that were freed, and the ring, whose events are all in segments. */
  #removeUnused(): void {
    const { prepared } = this.#rings;
    const unused: number[] = [];
    const record = recordOf(prepared);
    while (prepared.pop(record)) unused.push(decodePrepared(record, (name) => name).segmentIndex);
    // The newest first: being killed in between, or losing the power, leaves no gap.
    for (const segmentIndex of unused.reverse()) {
      this.#files.remove(segmentFileName(segmentIndex));
      this.#news.announce(segmentIndex, 'deleted');
    }
    for (const name of listLogDirectory(this.#directories.log.base).others) {
      if (isFreedFileName(name) || name === META_TEMP_FILE) this.#files.remove(name);
    }
    removeTailRing(this.#directories.ring);
    removeTailRingPlace(this.#files);
  }

  /** A worker that dies poisons the recorder at once: from then on appends and waiters throw. */
  #ended(name: string, exitCode: number, cause?: Error): void {
    if (cause !== undefined) {
      this.#poison(new WalError('WORKER_FAILED', `the ${name} thread failed: ${cause.message}`, { cause }));
    } else if (this.#control.failed || this.#control.stage === Stage.running || exitCode !== 0) {
      this.#poison(this.#control.failure() ?? endedEarly(name));
    }
  }

  #poison(error: WalError): void {
    this.#control.fail(error);
    this.#appender.refuse(error);
    this.#news.failed(error);
  }

  /** Who hears of a failure here must not be able to append after it. */
  async #whileWaiting<T>(wait: () => Promise<T>): Promise<T> {
    try {
      return await this.#whileAlive(wait);
    } catch (error) {
      const failure = this.#control.failure();
      if (failure !== undefined) this.#poison(failure);
      throw error;
    }
  }

  /**
   * Keeps the process alive while something is awaited; an idle recorder does not. A timer does it, since the workers
   * may all have ended before the engine's thread hears of a failure.
   */
  async #whileAlive<T>(wait: () => Promise<T>): Promise<T> {
    if (this.#pending++ === 0) this.#alive = setInterval(() => {}, SIGNAL_TIMEOUT_MS);
    try {
      return await wait();
    } finally {
      if (--this.#pending === 0) clearInterval(this.#alive);
    }
  }
}

/** What an appender tells of itself. */
function recordAppends(telemetry: EngineTelemetry): Omit<AppenderWatch, 'checkThreads'> {
  const { appendEvent, appendHistogram, appendClock, backpressureWaits } = telemetry;
  return {
    waited: (ns, gotRoom) => (gotRoom ? backpressureWaits.record(ns) : backpressureWaits.fail()),
    refused: () => appendEvent.fail(),
    sampled: (ns, clockNs) => {
      appendEvent.record(ns);
      appendHistogram.record(ns);
      appendClock.record(clockNs);
    },
  };
}

/** Publishes that a thread is gone, where it could not itself. */
function checkThreads(control: Control, workers: Workers | undefined): void {
  const gone = workers?.findGone();
  if (gone !== undefined) control.fail(endedEarly(gone));
}

function endedEarly(name: string): WalError {
  return new WalError('WORKER_FAILED', `the ${name} thread ended before its time`);
}

/** What closes the descriptors of the segments that are open. */
function closings(openSegments: OpenSegments, dir: string): (() => void)[] {
  return Array.from(openSegments.descriptors(), (fd) => () => closeFile(fd, dir));
}

function notOpen(): WalError {
  return new WalError('NOT_OPEN', 'the recorder is closed');
}
