import { type EventView, type FormatVersion, TAIL_RING_FILE } from '@fswal/format';
import type { MappedFile, MmapProvider, ProviderName, SharedMapping } from '@fswal/mmap';
import type { Control, Role } from './control.js';
import type { FileIdentity, Folder, FolderHandle } from './folder.js';
import { type RingBuffers, type Rings, ringBuffers } from './handover.js';
import { MaintenanceBoard } from './maintenance-board.js';
import type { OpenSegments } from './open-segments.js';
import type { CheckedOptions, Durability } from './options.js';
import type { ResumedLog } from './resume.js';
import type { RetentionLimits } from './retention.js';
import type { OpenSegment } from './segment-files.js';
import type { OrderedNews } from './segment-news.js';
import type { SegmentProgress } from './segment-writer.js';
import type { RecorderTelemetry, RecorderTelemetryBuffers } from './telemetry.js';

/** What all worker threads of a recorder are started with. */
export interface CommonWorkerData {
  readonly folder: FolderHandle;
  readonly mmap: ProviderName;
  readonly control: SharedArrayBuffer;
  readonly rings: RingBuffers;
  readonly board: SharedArrayBuffer;
  readonly openSegments: SharedArrayBuffer;
  readonly telemetry: RecorderTelemetryBuffers;
  /** Counts what is told of segments; undefined where nobody wants to hear of them. */
  readonly newsOrders: SharedArrayBuffer | undefined;
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

/** That of a recorder about to start its threads. @throws WalError OPEN_FAILED where the ring's file is gone again */
export function commonWorkerData(
  options: CheckedOptions<EventView>,
  provider: MmapProvider,
  parts: {
    folder: Folder;
    ringFolder: Folder;
    control: Control;
    rings: Rings;
    openSegments: OpenSegments;
    telemetry: RecorderTelemetry;
    news: OrderedNews | undefined;
    ring: MappedFile;
    resumed: ResumedLog;
  },
): CommonWorkerData {
  return {
    folder: { path: parts.folder.path, fd: parts.folder.fd },
    ringFolder: { path: parts.ringFolder.path, fd: parts.ringFolder.fd },
    ringFile: parts.ringFolder.identify(TAIL_RING_FILE),
    mmap: provider.name,
    control: parts.control.buffer,
    rings: ringBuffers(parts.rings),
    board: new MaintenanceBoard().buffer,
    openSegments: parts.openSegments.buffer,
    telemetry: parts.telemetry.buffers,
    newsOrders: parts.news?.orders,
    tailRing: parts.ring.share(),
    tailBlocks: options.tailBlocks,
    durability: options.durability,
    syncIntervalMs: options.syncIntervalMs,
    limits: options.limits,
    maintainers: options.maintainers,
    blocksPerSegment: options.blocksPerSegment,
    formatVersion: options.formatVersion,
    nextSegmentIndex: parts.resumed.nextSegmentIndex,
    active: parts.resumed.active,
    link: parts.resumed.link,
    lastEventId: parts.resumed.position.eventId,
  };
}
