import fs from 'node:fs';
import { type DurablePosition, segmentFileName, WalError } from '@fswal/format';
import type { SpscRing } from '@fswal/ring';
import type { Agent } from './agent.js';
import { type Control, Role, Stage } from './control.js';
import { type DurabilityOrder, decodeDurability, recordOf } from './handover.js';
import type { MetaStore } from './meta-store.js';
import type { OpenSegments } from './open-segments.js';
import { attempt, type SegmentFiles } from './segment-files.js';
import type { CoordinatorTelemetry } from './telemetry.js';

/**
 * Moves the durable position. For all orders that wait: one fdatasync of the active segment, one wal_meta.dat, then
 * the new position is published and the requests are answered. A failure publishes nothing.
 */
export class MetaCoordinator implements Agent {
  readonly role = Role.coordinator;
  readonly #control: Control;
  readonly #files: SegmentFiles;
  readonly #store: MetaStore;
  readonly #orders: SpscRing;
  readonly #openSegments: OpenSegments;
  readonly #telemetry: CoordinatorTelemetry;
  readonly #record: Int32Array;
  #durable: DurablePosition | undefined;
  /** Taken from the ring, but its segment was not persisted yet. */
  #waiting: DurabilityOrder | undefined;
  /** The last order whose position is to be made durable, and the last request that it answers. */
  #due: DurabilityOrder | undefined;
  #dueRequest: number | undefined;

  constructor(
    control: Control,
    files: SegmentFiles,
    store: MetaStore,
    orders: SpscRing,
    openSegments: OpenSegments,
    telemetry: CoordinatorTelemetry,
  ) {
    this.#control = control;
    this.#files = files;
    this.#store = store;
    this.#orders = orders;
    this.#openSegments = openSegments;
    this.#telemetry = telemetry;
    this.#record = recordOf(orders);
  }

  get done(): boolean {
    const idle = this.#orders.size === 0 && this.#waiting === undefined && this.#due === undefined;
    return this.#control.stage >= Stage.coordinatorStops && idle;
  }

  doWork(): number {
    const work = this.#takeOrders();
    if (this.#due === undefined) return work;
    try {
      this.#makeDurable(this.#due);
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
      if (error.code === 'DISK_FULL') {
        // The old wal_meta.dat is untouched; the next step tries again.
        this.#control.setDiskFull(Role.coordinator, true);
        return 0;
      }
      if (error.code === 'FSYNC_FAILED') throw error;
      throw new WalError('FSYNC_FAILED', 'the durable position could not be stored', {
        file: error.file,
        cause: error,
      });
    }
    this.#control.setDiskFull(Role.coordinator, false);
    this.#due = undefined;
    if (this.#dueRequest !== undefined) this.#control.publishSynced(this.#dueRequest);
    this.#dueRequest = undefined;
    return work + 1;
  }

  #takeOrders(): number {
    let work = 0;
    for (let order = this.#next(); order !== undefined; order = this.#next()) {
      if (!this.#segmentsBeforeArePersisted(order)) {
        this.#waiting = order;
        break;
      }
      if (order.kind === 'retired') this.#close(order);
      else this.#dueRequest = order.request;
      this.#due = order;
      work++;
    }
    return work;
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

  #makeDurable({ position, syncFd }: DurabilityOrder): void {
    const start = performance.now();
    const file = this.#files.path(segmentFileName(position.segmentIndex));
    const persisted = this.#control.persistedSegments > position.segmentIndex;
    if (this.#durable !== undefined && isSame(this.#durable, position)) return;
    if (!persisted && position.eventId !== 0n) {
      this.#files.sync(syncFd, file);
      this.#telemetry.fdatasync.record((performance.now() - start) * 1e6);
    }
    this.#store.store(position);
    this.#durable = position;
    this.#control.publishDurable(position);
    this.#telemetry.syncs.add(1);
    this.#telemetry.sync.record((performance.now() - start) * 1e6);
  }

  #close({ position, syncFd }: DurabilityOrder): void {
    const file = this.#files.path(segmentFileName(position.segmentIndex));
    this.#openSegments.forgetSyncFd(position.segmentIndex);
    attempt('CLOSE_FAILED', file, () => fs.closeSync(syncFd));
  }
}

function isSame(a: DurablePosition, b: DurablePosition): boolean {
  return a.segmentIndex === b.segmentIndex && a.offset === b.offset && a.eventId === b.eventId;
}
