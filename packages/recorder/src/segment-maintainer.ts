import fs from 'node:fs';
import { segmentFileName, WalError } from '@fswal/format';
import type { SpmcRing } from '@fswal/ring';
import type { Agent } from './agent.js';
import { type Control, Role, Stage } from './control.js';
import { decodePersist, type PersistOrder, recordOf } from './handover.js';
import { type OpenSegments, SegmentState } from './open-segments.js';
import { attempt, type SegmentFiles } from './segment-files.js';
import type { MaintainerTelemetry } from './telemetry.js';

/** Persists full segments: data to the device, then the final header, then close. */
export class SegmentMaintainer implements Agent {
  readonly role = Role.maintainer;
  readonly #control: Control;
  readonly #files: SegmentFiles;
  readonly #persist: SpmcRing;
  readonly #openSegments: OpenSegments;
  readonly #telemetry: MaintainerTelemetry;
  readonly #record: Int32Array;
  /** Taken from the ring, not persisted yet. */
  #order: PersistOrder | undefined;

  constructor(
    control: Control,
    files: SegmentFiles,
    persist: SpmcRing,
    openSegments: OpenSegments,
    telemetry: MaintainerTelemetry,
  ) {
    this.#control = control;
    this.#files = files;
    this.#persist = persist;
    this.#openSegments = openSegments;
    this.#telemetry = telemetry;
    this.#record = recordOf(persist);
  }

  get done(): boolean {
    const idle = this.#persist.size === 0 && this.#order === undefined;
    return this.#control.stage >= Stage.maintainersStop && idle;
  }

  doWork(): number {
    if (this.#order === undefined && this.#persist.pop(this.#record))
      this.#order = decodePersist(this.#record);
    if (this.#order === undefined) return 0;
    try {
      this.#persistSegment(this.#order);
    } catch (error) {
      if (!(error instanceof WalError) || error.code !== 'DISK_FULL') throw error;
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
    this.#files.sync(fd, file);
    this.#files.writeHeader({ fd, file }, header);
    this.#files.sync(fd, file);
    this.#openSegments.forgetFd(segmentIndex);
    attempt('CLOSE_FAILED', file, () => fs.closeSync(fd));
    this.#openSegments.setState(segmentIndex, SegmentState.persisted);
    this.#advance();
    this.#telemetry.persistSegment.record((performance.now() - start) * 1e6);
  }

  /** Segments are persisted in any order; the shared count moves over those that are, without a gap. */
  #advance(): void {
    for (;;) {
      const next = this.#control.persistedSegments;
      if (!this.#openSegments.isPersisted(next)) return;
      this.#control.advancePersisted(next);
    }
  }
}
