import fs from 'node:fs';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { type EventView, type RequestEvent, TAIL_RING_FILE, WalError } from '@fswal/format';
import { readTailRingPlace } from '@fswal/format/files';
import {
  asWalError,
  type DirectoryLock,
  loadProvider,
  type MappedFile,
  type MmapProvider,
  syncDirectory,
} from '@fswal/mmap';
import { Appender } from './appender.js';
import { claimedView } from './claimed-view.js';
import { Control, type LogPosition, ROLES, Role, Stage } from './control.js';
import { createRings, decodePrepared, type Rings, recordOf, ringBuffers } from './handover.js';
import { MetaStore } from './meta-store.js';
import { OpenSegments, SegmentState } from './open-segments.js';
import { type CheckedOptions, checkOptions, type RecorderOptions } from './options.js';
import { LogResumer, type ResumedLog, type ResumeReport } from './resume.js';
import { attempt, SegmentFiles } from './segment-files.js';
import { createTailRing, removeTailRingPlace } from './tail-ring-file.js';
import { type RecorderSnapshot, RecorderTelemetry } from './telemetry.js';
import { WORKER_READY, type WorkerData } from './worker-data.js';

const SIGNAL_TIMEOUT_MS = 100;
/** How long a system call of a worker may take before its thread is terminated. */
const STOP_TIMEOUT_MS = 5_000;
const DIR_MODE = 0o700;

/**
 * The appending side of a log, for one engine: one directory, one recorder at a time, one appending thread.
 *
 *   const recorder = await RecorderManager.open({ dir });
 *   recorder.append(event);          // memory only: what returned survives the death of the process
 *   await recorder.sync();           // what was appended survives the loss of power
 *   await recorder.close();
 */
export class RecorderManager<View extends EventView = RequestEvent> {
  readonly #options: CheckedOptions<View>;
  readonly #lock: DirectoryLock;
  readonly #control: Control;
  readonly #appender: Appender<View>;
  readonly #rings: Rings;
  readonly #openSegments: OpenSegments;
  readonly #files: SegmentFiles;
  readonly #telemetry: RecorderTelemetry;
  readonly #workers: readonly Worker[];
  readonly #resumed: ResumeReport;
  #closing: Promise<void> | undefined;
  #pending = 0;
  #alive: NodeJS.Timeout | undefined;

  private constructor(parts: {
    options: CheckedOptions<View>;
    lock: DirectoryLock;
    control: Control;
    appender: Appender<View>;
    rings: Rings;
    openSegments: OpenSegments;
    files: SegmentFiles;
    telemetry: RecorderTelemetry;
    workers: readonly Worker[];
    resumed: ResumeReport;
  }) {
    this.#options = parts.options;
    this.#lock = parts.lock;
    this.#control = parts.control;
    this.#appender = parts.appender;
    this.#rings = parts.rings;
    this.#openSegments = parts.openSegments;
    this.#files = parts.files;
    this.#telemetry = parts.telemetry;
    this.#workers = parts.workers;
    this.#resumed = parts.resumed;
    for (const [role, worker] of parts.workers.entries()) this.#watch(worker, ROLES[role]);
    // One may have ended while the others still started.
    if (parts.workers.some((worker) => worker.threadId === -1)) this.#ended('a');
  }

  /**
   * Opens the log for appending; makes the directory where there is none, goes on where a log is, and brings what a
   * killed recorder left into segments first.
   *
   * @throws WalError DIRECTORY_LOCKED where another recorder has it; the status of damage at or before the durable
   * position, DURABLE_LOST, SEGMENT_GAP: then nothing was changed; DISK_FULL, OPEN_FAILED, READ_FAILED, WRITE_FAILED,
   * FSYNC_FAILED, WORKER_FAILED
   * @throws TypeError, RangeError for options that cannot be
   */
  static async open<View extends EventView = RequestEvent>(
    options: RecorderOptions<View>,
  ): Promise<RecorderManager<View>> {
    const checked = checkOptions(options);
    const provider = loadProvider(checked.mmap);
    makeDirectory(checked.dir);
    const lock = await lockDirectories(provider, checked);
    try {
      return await RecorderManager.#openLocked(checked, provider, lock);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  static async #openLocked<View extends EventView>(
    options: CheckedOptions<View>,
    provider: MmapProvider,
    lock: DirectoryLock,
  ): Promise<RecorderManager<View>> {
    const { dir, tailBlocks } = options;
    syncDirectory(dir);
    const files = new SegmentFiles(dir, provider);
    // The ring of the recorder before, wherever this one is to have its own.
    const resumer = new LogResumer(dir, readTailRingPlace(dir), files, new MetaStore(files), options);
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
      const telemetry = new RecorderTelemetry();
      const rings = createRings(options.preparedSegments);
      const ring = createTailRing(provider, files, options, resumed.position.eventId);
      const waits = telemetry.backpressureWaits;
      const appender = new Appender(
        ring.buffer,
        tailBlocks,
        resumed.position.eventId,
        control,
        new (claimedView(options.view))(),
        options.backpressureTimeoutMs,
        () => waits.add(1),
      );
      const data = workerData(options, provider, { control, rings, openSegments, telemetry, ring, resumed });
      const workers = await startWorkers(data);
      const ignored = options.withoutEffect.map((name) => `option ${name} has no effect in this version`);
      const report = { ...resumed.report, notes: [...resumed.report.notes, ...ignored] };
      return new RecorderManager({
        options,
        lock,
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
      for (const fd of openSegments.descriptors()) fs.closeSync(fd);
      throw error;
    }
  }

  /** What opening found and did. */
  get resumed(): ResumeReport {
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
    const request = this.#control.requestSync();
    await this.#whileAlive(async () => {
      const patience = new Patience(this.#control, this.#options);
      while (!this.#control.hasSynced(request)) {
        const seen = this.#control.signalCount;
        const failure = this.#control.failure();
        if (failure !== undefined) throw failure;
        patience.check();
        if (!this.#control.hasSynced(request)) await this.#control.nextSignal(seen, SIGNAL_TIMEOUT_MS);
      }
    });
    return this.durableEventId;
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

  /** The recorder's metrics as plain data. */
  get telemetry(): RecorderSnapshot {
    return this.#telemetry.snapshot();
  }

  /**
   * Seals and syncs everything appended, stops the workers, removes the tail ring and unused prepared segments, frees
   * the directory. Calling it again gives the same promise.
   *
   * @throws WalError the failure, where there was one, or DISK_FULL where what is in the ring found no room: all is
   * released then too, and the ring stays for the next recorder to take its events from
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#appender.refuse(notOpen());
    for (const worker of this.#workers) worker.ref();
    try {
      await this.#stopInOrder();
      this.#removeUnused();
    } catch (error) {
      await this.#stopAtOnce(error);
      throw error;
    } finally {
      await Promise.all(this.#workers.map((worker) => worker.terminate()));
      for (const fd of this.#openSegments.descriptors()) fs.closeSync(fd);
      this.#lock.release();
    }
  }

  async #stopInOrder(): Promise<void> {
    this.#control.enter(Stage.writerStops);
    await this.#exitOf(Role.writer);
    this.#control.enter(Stage.maintainersStop);
    await this.#exitOf(Role.preparer);
    // What it found no room for is not needed any more.
    this.#control.setDiskFull(Role.preparer, false);
    await this.#exitOf(Role.maintainer);
    this.#control.enter(Stage.coordinatorStops);
    await this.#exitOf(Role.coordinator);
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
  async #stopAtOnce(cause: unknown): Promise<void> {
    this.#control.fail(asWalError('WORKER_FAILED', 'the recorder was closed', cause));
    await Promise.all(
      this.#workers.map((worker) => worker.threadId === -1 || exitOrTimeout(worker, STOP_TIMEOUT_MS)),
    );
  }

  /** Resolves when a worker has exited. @throws WalError on a failure, or when the disk stays full */
  async #exitOf(role: Role): Promise<void> {
    const worker = this.#workers[role];
    const patience = new Patience(this.#control, this.#options);
    while (worker.threadId !== -1) {
      const failure = this.#control.failure();
      if (failure !== undefined) throw failure;
      patience.check();
      await exitOrTimeout(worker, SIGNAL_TIMEOUT_MS);
    }
  }

  /** Prepared segments that no event went to, and the ring, whose events are all in segments. */
  #removeUnused(): void {
    const record = recordOf(this.#rings.prepared);
    const unused: string[] = [];
    while (this.#rings.prepared.pop(record)) {
      unused.push(decodePrepared(record, (name) => this.#files.path(name)).file);
    }
    // The newest first: being killed in between, or losing the power, leaves no gap.
    for (const file of unused.reverse()) this.#files.remove(file);
    const ring = path.join(this.#options.tailRingDir, TAIL_RING_FILE);
    attempt('FILE_NOT_DELETED', ring, () => fs.unlinkSync(ring));
    syncDirectory(this.#options.tailRingDir);
    removeTailRingPlace(this.#files);
  }

  /** A worker that dies poisons the recorder at once: from then on appends and waiters throw. */
  #watch(worker: Worker, name: string): void {
    worker.on('error', (cause) => {
      this.#poison(new WalError('WORKER_FAILED', `the ${name} thread failed: ${cause.message}`, { cause }));
    });
    worker.on('exit', (exitCode) => {
      if (this.#control.failed || this.#control.stage === Stage.running || exitCode !== 0) {
        this.#ended(`the ${name}`);
      }
    });
  }

  #ended(thread: string): void {
    const early = () => new WalError('WORKER_FAILED', `${thread} thread ended before its time`);
    this.#poison(this.#control.failure() ?? early());
  }

  #poison(error: WalError): void {
    this.#control.fail(error);
    this.#appender.refuse(error);
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

function notOpen(): WalError {
  return new WalError('NOT_OPEN', 'the recorder is closed');
}

/** Tells how long the disk has been full while something waits. */
class Patience {
  readonly #control: Control;
  readonly #options: { dir: string; backpressureTimeoutMs: number };
  #fullSince: number | undefined;

  constructor(control: Control, options: { dir: string; backpressureTimeoutMs: number }) {
    this.#control = control;
    this.#options = options;
  }

  /** @throws WalError DISK_FULL when it has been full for longer than an append would wait */
  check(): void {
    const { dir, backpressureTimeoutMs } = this.#options;
    if (!this.#control.diskFull) this.#fullSince = undefined;
    else this.#fullSince ??= performance.now();
    if (this.#fullSince === undefined || performance.now() - this.#fullSince <= backpressureTimeoutMs) return;
    throw new WalError('DISK_FULL', 'what could not be written stays in the tail ring', { file: dir });
  }
}

/** Makes a directory and what is missing above it, every name on the device. @throws WalError OPEN_FAILED, DISK_FULL */
function makeDirectory(dir: string): void {
  let first: string | undefined;
  try {
    first = fs.mkdirSync(dir, { recursive: true, mode: DIR_MODE });
  } catch (cause) {
    throw asWalError('OPEN_FAILED', 'the log directory cannot be made', cause, dir);
  }
  if (first === undefined) return;
  for (let made = dir; made.length >= first.length; made = path.dirname(made))
    syncDirectory(path.dirname(made));
}

/** Locks the log's directory and, where that is another one, the ring's: no two logs can share a ring. */
async function lockDirectories(
  provider: MmapProvider,
  { dir, tailRingDir }: { dir: string; tailRingDir: string },
): Promise<DirectoryLock> {
  const lock = await provider.lockDirectory(dir);
  try {
    makeDirectory(tailRingDir);
    if (fs.realpathSync(tailRingDir) === fs.realpathSync(dir)) return lock;
    const ringLock = await provider.lockDirectory(tailRingDir);
    return {
      release: () => {
        ringLock.release();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

function workerData(
  options: CheckedOptions<EventView>,
  provider: MmapProvider,
  parts: {
    control: Control;
    rings: Rings;
    openSegments: OpenSegments;
    telemetry: RecorderTelemetry;
    ring: MappedFile;
    resumed: ResumedLog;
  },
): Omit<WorkerData, 'role'> {
  return {
    dir: options.dir,
    mmap: provider.name,
    control: parts.control.buffer,
    rings: ringBuffers(parts.rings),
    openSegments: parts.openSegments.buffer,
    telemetry: parts.telemetry.buffer,
    tailRing: parts.ring.share(),
    tailBlocks: options.tailBlocks,
    blocksPerSegment: options.blocksPerSegment,
    formatVersion: options.formatVersion,
    nextSegmentIndex: parts.resumed.nextSegmentIndex,
    active: parts.resumed.active,
    link: parts.resumed.link,
    lastEventId: parts.resumed.position.eventId,
  };
}

/** Starts a thread for each role and waits until all are up. */
async function startWorkers(data: Omit<WorkerData, 'role'>): Promise<Worker[]> {
  const file = new URL('./worker.js', import.meta.url);
  const workers = ROLES.map((name) => {
    // Descriptors are handed from thread to thread: none may be closed because the thread that opened it exits.
    const options = {
      workerData: { ...data, role: Role[name] },
      // The process's own flags may be such that no thread starts with them (--input-type).
      execArgv: [],
      trackUnmanagedFds: false,
      name: `fswal ${name}`,
    };
    return new Worker(file, options);
  });
  try {
    await Promise.all(workers.map((worker, role) => ready(worker, ROLES[role])));
  } catch (error) {
    await Promise.all(workers.map((worker) => worker.terminate()));
    throw error;
  }
  for (const worker of workers) worker.unref();
  return workers;
}

function ready(worker: Worker, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) => {
      reject(new WalError('WORKER_FAILED', `the ${name} thread did not start: ${cause.message}`, { cause }));
    };
    const exit = (exitCode: number) => fail(new Error(`it ended with exit code ${exitCode}`));
    worker.once('message', (message) => {
      worker.off('exit', exit);
      if (message === WORKER_READY) resolve();
    });
    // These stay until the recorder listens itself: an error that nobody hears would end the process.
    worker.once('error', fail);
    worker.once('exit', exit);
  });
}

function exitOrTimeout(worker: Worker, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      worker.off('exit', done);
      resolve();
    };
    const timer = setTimeout(done, timeoutMs);
    worker.once('exit', done);
  });
}
