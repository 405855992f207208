import { segmentFileName, WalError } from '@fswal/format';
import { closeFile } from '@fswal/format/files';
import { nsSince } from '@fswal/telemetry/clock';
import type { Agent } from './agent.js';
import { type Control, Role, Stage } from './control.js';
import {
  decodeMaintenance,
  decodePersist,
  type MaintenanceOrder,
  type PersistOrder,
  type Rings,
  recordOf,
} from './handover.js';
import type { MaintenanceBoard, Outcome } from './maintenance-board.js';
import { type MaintenanceFailure, type MaintenanceWork, maintenanceFailure } from './maintenance-failure.js';
import { type OpenSegments, SegmentState } from './open-segments.js';
import type { SegmentFiles } from './segment-files.js';
import type { SegmentFreezer } from './segment-freezer.js';
import type { AnnounceSegment } from './segment-news.js';
import type { MaintainerTelemetry } from './telemetry.js';

/** Whom a maintainer tells of what it does. */
export interface MaintainerNews {
  readonly announce: AnnounceSegment;
  readonly failed: (failure: MaintenanceFailure) => void;
}

/**
 * The work on full segments: persists them (data to the device, then the final header), compresses them, takes them out
 * of the log. One of several, which share the orders.
 */
export class SegmentMaintainer implements Agent {
  readonly role = Role.maintainer;
  leftNativeMemory = false;
  readonly #control: Control;
  readonly #files: SegmentFiles;
  readonly #rings: Pick<Rings, 'persist' | 'freeze' | 'free'>;
  readonly #board: MaintenanceBoard;
  readonly #freezer: SegmentFreezer;
  readonly #openSegments: OpenSegments;
  /** Whether a segment goes to the device as soon as it is full; else with the next sync. */
  readonly #syncsSegments: boolean;
  readonly #telemetry: MaintainerTelemetry;
  readonly #news: MaintainerNews;
  readonly #persistRecord: Int32Array;
  readonly #maintenanceRecord: Int32Array;
  /** Taken from the ring, not persisted yet. */
  #order: PersistOrder | undefined;

  constructor(
    control: Control,
    files: SegmentFiles,
    rings: Pick<Rings, 'persist' | 'freeze' | 'free'>,
    board: MaintenanceBoard,
    freezer: SegmentFreezer,
    openSegments: OpenSegments,
    syncsSegments: boolean,
    telemetry: MaintainerTelemetry,
    news: MaintainerNews,
  ) {
    this.#control = control;
    this.#files = files;
    this.#rings = rings;
    this.#board = board;
    this.#freezer = freezer;
    this.#openSegments = openSegments;
    this.#syncsSegments = syncsSegments;
    this.#telemetry = telemetry;
    this.#news = news;
    this.#persistRecord = recordOf(rings.persist);
    this.#maintenanceRecord = recordOf(rings.free);
  }

  get done(): boolean {
    const { persist, freeze, free } = this.#rings;
    const idle = persist.size + freeze.size + free.size === 0 && this.#order === undefined;
    return this.#control.stage >= Stage.maintainersStop && idle;
  }

  doWork(): number {
    this.leftNativeMemory = false;
    const { persist, freeze, free } = this.#rings;
    if (this.#order === undefined && persist.pop(this.#persistRecord))
      this.#order = decodePersist(this.#persistRecord);
    // A segment that is not persisted holds up the durable position; to compress one takes long, and can wait.
    if (this.#order !== undefined) return this.#tryPersist(this.#order);
    if (free.pop(this.#maintenanceRecord)) return this.#free(decodeMaintenance(this.#maintenanceRecord));
    if (freeze.pop(this.#maintenanceRecord)) return this.#freeze(decodeMaintenance(this.#maintenanceRecord));
    return 0;
  }

  #tryPersist(order: PersistOrder): number {
    try {
      this.#persistSegment(order);
    } catch (error) {
      if (!(error instanceof WalError) || error.code !== 'DISK_FULL') throw error;
      this.#telemetry.persistSegment.fail();
      // Where overwriting takes new blocks the header may find none; the next step tries again.
      this.#control.setDiskFull(Role.maintainer, true);
      return 0;
    }
    this.#control.setDiskFull(Role.maintainer, false);
    this.#order = undefined;
    return 1;
  }

  #persistSegment({ fd, header }: PersistOrder): void {
    const start = performance.now();
    const { segmentIndex } = header;
    const file = this.#files.path(segmentFileName(segmentIndex));
    // Data first: a final header on the device says that the blocks it counts are there.
    if (this.#syncsSegments) this.#files.sync(fd, file);
    this.#files.writeHeader({ fd, file }, header);
    if (this.#syncsSegments) this.#files.sync(fd, file);
    this.#openSegments.forgetFd(segmentIndex);
    closeFile(fd, file);
    this.#news.announce(segmentIndex, 'persisted');
    this.#openSegments.setState(segmentIndex, SegmentState.persisted);
    this.#advance();
    this.#telemetry.persistSegment.record(nsSince(start));
  }

  /** Segments are persisted in any order; the shared count moves over those that are, without a gap. */
  #advance(): void {
    for (;;) {
      const next = this.#control.persistedSegments;
      if (!this.#openSegments.isPersisted(next)) return;
      this.#control.advancePersisted(next);
    }
  }

  #free({ slot, segmentIndex, compressed, recycle }: MaintenanceOrder): number {
    return this.#carryOut(slot, segmentIndex, 'deletion', () => {
      this.#files.free(segmentIndex, compressed, recycle);
      this.#news.announce(segmentIndex, 'deleted');
      return 0;
    });
  }

  #freeze({ slot, segmentIndex, recycle }: MaintenanceOrder): number {
    return this.#carryOut(slot, segmentIndex, 'compression', () => {
      this.leftNativeMemory = true;
      const { bytesBefore, bytesAfter } = this.#freezer.freeze(segmentIndex);
      this.#files.freePlain(segmentIndex, recycle);
      this.#news.announce(segmentIndex, 'compressed');
      this.#telemetry.compressionIn.add(bytesBefore);
      this.#telemetry.compressionOut.add(bytesAfter);
      return bytesAfter;
    });
  }

  /** Only a device that failed is a failure of the recorder; of anything else the segment stays as it was. */
  #carryOut(slot: number, segmentIndex: number, work: MaintenanceWork, carryOut: () => number): number {
    const operation = this.#telemetry[work];
    const start = performance.now();
    let outcome: Outcome;
    try {
      outcome = { done: true, bytes: carryOut() };
      operation.record(nsSince(start));
    } catch (error) {
      operation.fail();
      if (!(error instanceof WalError) || error.code === 'FSYNC_FAILED') throw error;
      const named = this.#files.folder.named(error) as WalError;
      this.#news.failed(maintenanceFailure(segmentIndex, work, named));
      outcome = { done: false, bytes: 0 };
    }
    this.#board.report(slot, outcome);
    this.#control.wake(Role.coordinator);
    return 1;
  }
}
