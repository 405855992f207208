import { segmentFileName } from '@fswal/format';
import { closeFile } from '@fswal/format/files';
import type { DurabilityOrder } from './handover.js';
import type { OpenSegments } from './open-segments.js';
import type { SegmentFiles } from './segment-files.js';

/**
 * Full segments that are not on the device yet, oldest first, each with the descriptor that has been open since before
 * its first event: what goes wrong with writing it back is reported there.
 */
export class UnsyncedSegments {
  readonly #files: SegmentFiles;
  readonly #openSegments: OpenSegments;
  readonly #sync: (fd: number, file: string) => void;
  readonly #orders: DurabilityOrder[] = [];

  /** @param sync brings a file to the device; throws WalError FSYNC_FAILED */
  constructor(files: SegmentFiles, openSegments: OpenSegments, sync: (fd: number, file: string) => void) {
    this.#files = files;
    this.#openSegments = openSegments;
    this.#sync = sync;
  }

  get count(): number {
    return this.#orders.length;
  }
  get oldest(): DurabilityOrder | undefined {
    return this.#orders[0];
  }
  get newest(): DurabilityOrder | undefined {
    return this.#orders.at(-1);
  }

  add(order: DurabilityOrder): void {
    this.#orders.push(order);
  }

  /** Brings all up to segment `last` to the device. @throws WalError FSYNC_FAILED */
  syncThrough(last: number): void {
    while (this.oldest !== undefined && this.oldest.position.segmentIndex <= last) {
      const { syncFd, position } = this.oldest;
      this.#sync(syncFd, this.#files.path(segmentFileName(position.segmentIndex)));
      this.#close(this.oldest);
    }
  }

  /** Lets go of a segment that is not part of the log any more, or that another file holds durably. */
  drop(segmentIndex: number): void {
    const order = this.#orders.find(({ position }) => position.segmentIndex === segmentIndex);
    if (order !== undefined) this.#close(order);
  }

  #close(order: DurabilityOrder): void {
    const { segmentIndex } = order.position;
    this.#orders.splice(this.#orders.indexOf(order), 1);
    this.#openSegments.forgetSyncFd(segmentIndex);
    const file = this.#files.path(segmentFileName(segmentIndex));
    closeFile(order.syncFd, file);
  }
}
