import type { FormatVersion } from '@fswal/format';
import type { ProviderName, SharedMapping } from '@fswal/mmap';
import type { Role } from './control.js';
import type { RingBuffers } from './handover.js';
import type { OpenSegment } from './segment-files.js';
import type { SegmentProgress } from './segment-writer.js';

/** What a worker thread is started with. */
export interface WorkerData {
  readonly role: Role;
  readonly dir: string;
  readonly mmap: ProviderName;
  readonly control: SharedArrayBuffer;
  readonly rings: RingBuffers;
  readonly openSegments: SharedArrayBuffer;
  readonly telemetry: SharedArrayBuffer;
  readonly tailRing: SharedMapping;
  readonly tailBlocks: number;
  readonly blocksPerSegment: number;
  readonly formatVersion: FormatVersion;
  readonly nextSegmentIndex: number;
  readonly active: { readonly segment: OpenSegment; readonly progress: SegmentProgress } | undefined;
  readonly link: bigint;
  readonly lastEventId: bigint;
}

/** What a worker says once it is up. */
export const WORKER_READY = 'ready';
