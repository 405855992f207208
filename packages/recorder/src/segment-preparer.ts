import { type FormatVersion, WalError } from '@fswal/format';
import type { SpscRing } from '@fswal/ring';
import type { Agent } from './agent.js';
import { type Control, Role, Stage } from './control.js';
import { encodePrepared, recordOf } from './handover.js';
import { type OpenSegments, SegmentState } from './open-segments.js';
import type { SegmentFiles } from './segment-files.js';
import type { PreparerTelemetry } from './telemetry.js';

/** Makes the next segment files ahead: allocated, with a header, their pages in the cache. */
export class SegmentPreparer implements Agent {
  readonly role = Role.preparer;
  readonly #control: Control;
  readonly #files: SegmentFiles;
  readonly #prepared: SpscRing;
  readonly #openSegments: OpenSegments;
  readonly #blocksPerSegment: number;
  readonly #formatVersion: FormatVersion;
  readonly #telemetry: PreparerTelemetry;
  readonly #record: Int32Array;
  #nextSegmentIndex: number;

  constructor(
    control: Control,
    files: SegmentFiles,
    prepared: SpscRing,
    openSegments: OpenSegments,
    options: { blocksPerSegment: number; formatVersion: FormatVersion; nextSegmentIndex: number },
    telemetry: PreparerTelemetry,
  ) {
    this.#control = control;
    this.#files = files;
    this.#prepared = prepared;
    this.#openSegments = openSegments;
    this.#blocksPerSegment = options.blocksPerSegment;
    this.#formatVersion = options.formatVersion;
    this.#nextSegmentIndex = options.nextSegmentIndex;
    this.#telemetry = telemetry;
    this.#record = recordOf(prepared);
  }

  get done(): boolean {
    return this.#control.stage >= Stage.maintainersStop;
  }

  doWork(): number {
    if (this.#prepared.size === this.#prepared.capacity) return 0;
    const start = performance.now();
    try {
      const segment = this.#files.create(this.#nextSegmentIndex, this.#blocksPerSegment, this.#formatVersion);
      this.#openSegments.add(segment.segmentIndex, SegmentState.prepared, segment.fd, segment.syncFd);
      this.#files.warm(segment);
      encodePrepared(segment, this.#record);
    } catch (error) {
      if (!(error instanceof WalError) || error.code !== 'DISK_FULL') throw error;
      // The ring goes on taking events meanwhile; the next step tries again.
      this.#control.setDiskFull(Role.preparer, true);
      return 0;
    }
    this.#control.setDiskFull(Role.preparer, false);
    this.#nextSegmentIndex++;
    this.#prepared.push(this.#record);
    this.#control.wake(Role.writer);
    this.#telemetry.prepareSegment.record((performance.now() - start) * 1e6);
    return 1;
  }
}
