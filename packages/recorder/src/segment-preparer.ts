import { type FormatVersion, WalError } from '@fswal/format';
import { nsSince } from '@fswal/telemetry/clock';
import type { Agent } from './agent.js';
import { type Control, Role, Stage } from './control.js';
import { encodePrepared, type Rings, recordOf } from './handover.js';
import { type OpenSegments, SegmentState } from './open-segments.js';
import type { OpenSegment, SegmentFiles } from './segment-files.js';
import type { AnnounceSegment } from './segment-news.js';
import type { PreparerTelemetry } from './telemetry.js';

const NONE = -1;

/**
 * Makes the next segment files ahead: of files that retention has freed, whose blocks are allocated and whose pages are
 * warm, or new ones.
 */
export class SegmentPreparer implements Agent {
  readonly role = Role.preparer;
  readonly #control: Control;
  readonly #files: SegmentFiles;
  readonly #rings: Pick<Rings, 'prepared' | 'freed'>;
  readonly #openSegments: OpenSegments;
  readonly #blocksPerSegment: number;
  readonly #formatVersion: FormatVersion;
  readonly #telemetry: PreparerTelemetry;
  readonly #announce: AnnounceSegment;
  readonly #record: Int32Array;
  readonly #freedRecord: Int32Array;
  #nextSegmentIndex: number;
  /** A freed segment taken from the ring and not used yet. */
  #freed = NONE;

  constructor(
    control: Control,
    files: SegmentFiles,
    rings: Pick<Rings, 'prepared' | 'freed'>,
    openSegments: OpenSegments,
    options: { blocksPerSegment: number; formatVersion: FormatVersion; nextSegmentIndex: number },
    telemetry: PreparerTelemetry,
    announce: AnnounceSegment,
  ) {
    this.#control = control;
    this.#files = files;
    this.#rings = rings;
    this.#openSegments = openSegments;
    this.#blocksPerSegment = options.blocksPerSegment;
    this.#formatVersion = options.formatVersion;
    this.#nextSegmentIndex = options.nextSegmentIndex;
    this.#telemetry = telemetry;
    this.#announce = announce;
    this.#record = recordOf(rings.prepared);
    this.#freedRecord = recordOf(rings.freed);
  }

  get done(): boolean {
    return this.#control.stage >= Stage.draining;
  }

  doWork(): number {
    const { prepared, freed } = this.#rings;
    if (prepared.size === prepared.capacity) return 0;
    if (this.#freed === NONE && freed.pop(this.#freedRecord)) this.#freed = this.#freedRecord[0];
    // The next freed segment is on its way, and the writer is not waiting for it yet.
    if (this.#freed === NONE && prepared.size > 0 && this.#control.sparesExpected) return 0;
    // New files would go beyond the log's limits: the engine waits, as it does for the device.
    if (this.#freed === NONE && this.#control.retentionBehind) return 0;
    const start = performance.now();
    let segment: OpenSegment;
    try {
      segment = this.#prepare();
      encodePrepared(segment, this.#record);
    } catch (error) {
      if (!(error instanceof WalError) || error.code !== 'DISK_FULL') throw error;
      // The ring goes on taking events meanwhile; the next step tries again.
      this.#telemetry.prepareSegment.fail();
      this.#control.setDiskFull(Role.preparer, true);
      return 0;
    }
    this.#control.setDiskFull(Role.preparer, false);
    this.#nextSegmentIndex++;
    this.#announce(segment.segmentIndex, 'prepared');
    prepared.push(this.#record);
    this.#control.wake(Role.writer);
    this.#telemetry.prepareSegment.record(nsSince(start));
    return 1;
  }

  #prepare(): OpenSegment {
    const wanted = [this.#nextSegmentIndex, this.#blocksPerSegment, this.#formatVersion] as const;
    const recycled = this.#freed === NONE ? undefined : this.#files.recycle(this.#freed, ...wanted);
    this.#freed = NONE;
    const segment = recycled ?? this.#files.create(...wanted);
    this.#openSegments.add(segment.segmentIndex, SegmentState.prepared, segment.fd, segment.syncFd);
    if (recycled !== undefined) this.#telemetry.recycled.add(1);
    else this.#files.warm(segment);
    return segment;
  }
}
