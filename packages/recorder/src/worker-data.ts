import type { FormatVersion } from '@fswal/format';
import type { ProviderName, SharedMapping } from '@fswal/mmap';
import type { Role } from './control.js';
import type { FileIdentity, FolderHandle } from './folder.js';
import type { RingBuffers } from './handover.js';
import type { Durability } from './options.js';
import type { RetentionLimits } from './retention.js';
import type { OpenSegment } from './segment-files.js';
import type { SegmentProgress } from './segment-writer.js';
import type { RecorderTelemetryBuffers } from './telemetry.js';

/** What all worker threads of a recorder are started with. */
export interface CommonWorkerData {
  readonly folder: FolderHandle;
  readonly mmap: ProviderName;
  readonly control: SharedArrayBuffer;
  readonly rings: RingBuffers;
  readonly board: SharedArrayBuffer;
  readonly openSegments: SharedArrayBuffer;
  readonly telemetry: RecorderTelemetryBuffers;
  readonly tailRing: SharedMapping;
  /** Where the ring's file is, and which one. */
  readonly ringFolder: FolderHandle;
  readonly ringFile: FileIdentity;
  readonly tailBlocks: number;
  readonly durability: Durability;
  readonly syncIntervalMs: number;
  readonly limits: RetentionLimits;
  readonly maintainers: number;
  readonly blocksPerSegment: number;
  readonly formatVersion: FormatVersion;
  readonly nextSegmentIndex: number;
  readonly active: { readonly segment: OpenSegment; readonly progress: SegmentProgress } | undefined;
  readonly link: bigint;
  readonly lastEventId: bigint;
}

/** What a worker thread is started with. */
export interface WorkerData extends CommonWorkerData {
  readonly role: Role;
  /** Which of the threads of its role. */
  readonly index: number;
}

/** What a worker says once it is up. */
export interface WorkerReady {
  /** The system's number of its thread; undefined where it tells none. */
  readonly systemId: number | undefined;
}
