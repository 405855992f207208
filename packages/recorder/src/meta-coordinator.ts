import fs from 'node:fs';
import { type DurablePosition, isAnchor, segmentFileName, WalError } from '@fswal/format';
import { closeFile } from '@fswal/format/files';
import type { SpscRing } from '@fswal/ring';
import { nsSince, timed } from '@fswal/telemetry/clock';
import type { Agent } from './agent.js';
import { type Control, Role, Stage } from './control.js';
import { type DurabilityOrder, decodeDurability, recordOf } from './handover.js';
import type { MetaStore } from './meta-store.js';
import type { OpenSegments } from './open-segments.js';
import type { RetentionGate, RetentionKeeper } from './retention-keeper.js';
import type { SegmentFiles } from './segment-files.js';
import type { CoordinatorTelemetry } from './telemetry.js';
import { UnsyncedSegments } from './unsynced-segments.js';

/**
 * Full segments whose bytes only the page cache has, at most: each costs a descriptor, and a log that was killed reads
 * them. An engine that is faster than its device for longer is held back to the device's pace.
 */
const MAX_UNSYNCED = 64;

/**
 * Moves the durable position, and keeps the log within its limits, since what may go depends on it. For all orders that
 * wait: one fdatasync of the active segment, one wal_meta.dat, then the new position is published and the requests are
 * answered. A failure publishes nothing.
 */
export class MetaCoordinator implements Agent {
  readonly role = Role.coordinator;
  readonly #control: Control;
  readonly #files: SegmentFiles;
  readonly #store: MetaStore;
  readonly #orders: SpscRing;
  readonly #openSegments: OpenSegments;
  readonly #retention: RetentionKeeper;
  /** Whether maintainers bring full segments to the device; else the next sync does. */
  readonly #segmentsAreSynced: boolean;
  readonly #verifyRing: () => void;
  readonly #unsynced: UnsyncedSegments;
  readonly #telemetry: CoordinatorTelemetry;
  readonly #record: Int32Array;
  /** What wal_meta.dat holds. */
  #stored: DurablePosition;
  /**
   * Segments below are on the device or in #unsynced. Not control.persistedSegments: a maintainer may move that between two
   * looks, before the order that hands the segment's descriptor over has been taken.
   */
  #closedBelow: number;
  /** Taken from the ring, but its segment was not persisted yet. */
  #waiting: DurabilityOrder | undefined;
  /** The last order whose position is to be made durable, and the last request that it answers. */
  #due: DurabilityOrder | undefined;
  #dueRequest: number | undefined;

  /**
   * @param createKeeper makes the keeper of the log's limits, which asks this gate
   * @param verifyRing throws WalError FSYNC_FAILED where the tail ring's file is not where it was made
   */
  constructor(
    control: Control,
    files: SegmentFiles,
    store: MetaStore,
    orders: SpscRing,
    openSegments: OpenSegments,
    createKeeper: (gate: RetentionGate) => RetentionKeeper,
    segmentsAreSynced: boolean,
    verifyRing: () => void,
    telemetry: CoordinatorTelemetry,
  ) {
    this.#control = control;
    this.#files = files;
    this.#store = store;
    this.#orders = orders;
    this.#openSegments = openSegments;
    this.#segmentsAreSynced = segmentsAreSynced;
    this.#verifyRing = verifyRing;
    this.#unsynced = new UnsyncedSegments(files, openSegments, (fd, file) => this.#sync(fd, file));
    this.#stored = { ...control.durable, prefixChecksum: 0n };
    this.#closedBelow = control.persistedSegments;
    this.#telemetry = telemetry;
    this.#record = recordOf(orders);
    this.#retention = createKeeper({
      safeBelow: () => this.#safeBelow(),
      release: (segmentIndex, lastEventId) => this.#release(segmentIndex, lastEventId),
      forget: (segmentIndex) => this.#unsynced.drop(segmentIndex),
    });
  }

  get done(): boolean {
    const idle = this.#orders.size === 0 && this.#waiting === undefined && this.#due === undefined;
    const durable = this.#unsynced.count === 0;
    return this.#control.stage >= Stage.draining && idle && durable && this.#retention.idle;
  }

  doWork(): number {
    const work = this.#takeOrders();
    const { segmentIndex } = this.#stored;
    if (this.#due === undefined) return work + this.#keepLimits();
    if (!this.#tryMakeDurable(this.#due)) {
      // What is durable already may go all the same, and make the room that is missing.
      this.#keepLimits();
      return 0;
    }
    this.#due = undefined;
    if (this.#dueRequest !== undefined) this.#control.publishSynced(this.#dueRequest);
    this.#dueRequest = undefined;
    if (this.#stored.segmentIndex !== segmentIndex) this.#retention.look();
    return work + 1;
  }

  /** @returns false where the disk is full: the old wal_meta.dat is untouched, and the next step tries again */
  #tryMakeDurable(order: DurabilityOrder): boolean {
    const done = withRoom(() => this.#makeDurable(order));
    this.#control.setDiskFull(Role.coordinator, !done);
    return done;
  }

  #takeOrders(): number {
    let work = 0;
    for (let order = this.#next(); order !== undefined; order = this.#next()) {
      if (!this.#segmentsBeforeArePersisted(order) || (order.kind === 'retired' && this.#hasManyUnsynced())) {
        this.#waiting = order;
        break;
      }
      work++;
      if (order.kind === 'retired') {
        this.#retire(order);
      } else {
        this.#dueRequest = order.request;
        this.#due = order;
      }
    }
    const drained = this.#control.stage >= Stage.draining && this.#waiting === undefined;
    if (drained) this.#due ??= this.#unsynced.newest;
    else if (this.#hasManyUnsynced()) this.#due ??= this.#unsynced.oldest;
    return work;
  }

  #hasManyUnsynced(): boolean {
    return this.#unsynced.count >= MAX_UNSYNCED;
  }

  #next(): DurabilityOrder | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) return waiting;
    return this.#orders.pop(this.#record) ? decodeDurability(this.#record) : undefined;
  }

  /** The position may only move over segments whose maintainer is done. */
  #segmentsBeforeArePersisted({ kind, position }: DurabilityOrder): boolean {
    const needed = kind === 'retired' ? position.segmentIndex + 1 : position.segmentIndex;
    return this.#control.persistedSegments >= needed;
  }

  #retire(order: DurabilityOrder): void {
    const { segmentIndex, eventId } = order.position;
    this.#verifyPlace();
    this.#files.folder.verifyFile(segmentFileName(segmentIndex), order.syncFd);
    this.#retention.closed(segmentIndex, fs.fstatSync(order.syncFd).size, eventId);
    this.#closedBelow = segmentIndex + 1;
    if (!this.#segmentsAreSynced) {
      this.#unsynced.add(order);
      // To sync a part of the segment syncs it whole, after which nothing else asks for its end to become durable.
      if (this.#due !== undefined) this.#due = order;
      return;
    }
    const file = this.#files.path(segmentFileName(segmentIndex));
    this.#openSegments.forgetSyncFd(segmentIndex);
    closeFile(order.syncFd, file);
    this.#due = order;
  }

  #makeDurable({ position, syncFd, events, asOfMs }: DurabilityOrder): void {
    const start = performance.now();
    const { segmentIndex } = position;
    this.#verifyPlace();
    const name = segmentFileName(segmentIndex);
    // Not where nothing has been written yet: the position is then the beginning of a segment that is not there.
    const isOpen = syncFd >= 0 && segmentIndex >= this.#closedBelow;
    if (isOpen) this.#files.folder.verifyFile(name, syncFd);
    this.#unsynced.syncThrough(segmentIndex);
    if (isSame(this.#stored, position)) return;
    if (isOpen) this.#sync(syncFd, this.#files.path(name));
    this.#storePosition(position);
    this.#control.publishDurable(position);
    this.#telemetry.durableEvents.set(events);
    this.#telemetry.durableAsOf.set(asOfMs);
    this.#telemetry.moves.record(nsSince(start));
    this.#store.reserve();
  }

  #sync(fd: number, file: string): void {
    const { fdatasync, fdatasyncHistogram } = this.#telemetry;
    const record = (ns: number) => {
      fdatasync.record(ns);
      fdatasyncHistogram.record(ns);
    };
    timed({ record, fail: () => fdatasync.fail() }, () => this.#files.sync(fd, file));
  }

  #storePosition(position: DurablePosition): void {
    timed(this.#telemetry.metaFlush, () => this.#store.store(position));
    this.#stored = position;
  }

  /** What is appended to a ring that nobody finds would not survive the process. */
  #verifyPlace(): void {
    this.#files.folder.verify();
    this.#verifyRing();
  }

  // Retention

  #keepLimits(): number {
    let work = 0;
    withRoom(() => {
      work = this.#retention.doWork();
    });
    return work;
  }

  /**
   * What is not durable is never taken out of the log. Where nothing becomes durable by itself, what is full and has a
   * successor with events counts instead: its place in the page cache is all that was ever promised.
   */
  #safeBelow(): number {
    return this.#segmentsAreSynced ? this.#stored.segmentIndex : this.#control.written.segmentIndex;
  }

  /** The durable position must not lie in a segment that goes. It then says that the log begins with the next one. */
  #release(segmentIndex: number, lastEventId: bigint): boolean {
    const { segmentIndex: stored } = this.#stored;
    if (stored > segmentIndex) return true;
    // What waits for room on the disk to be stored comes first: stored after the anchor, it would name a segment that is gone.
    if (this.#due !== undefined && this.#due.position.segmentIndex <= segmentIndex) return false;
    const anchor = { segmentIndex: segmentIndex + 1, offset: 0, eventId: lastEventId, prefixChecksum: 0n };
    if (!isAnchor(anchor)) return false;
    this.#storePosition(anchor);
    this.#store.reserve();
    return true;
  }
}

/** Does what changes wal_meta.dat. @returns false where the disk is full. @throws WalError FSYNC_FAILED for all else */
function withRoom(work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (!(error instanceof WalError) || error.code === 'FSYNC_FAILED') throw error;
    if (error.code === 'DISK_FULL') return false;
    const { file } = error;
    throw new WalError('FSYNC_FAILED', 'the durable position could not be stored', { file, cause: error });
  }
}

function isSame(a: DurablePosition, b: DurablePosition): boolean {
  return a.segmentIndex === b.segmentIndex && a.offset === b.offset && a.eventId === b.eventId;
}
