import type { SegmentVerdict } from '@fswal/format';
import { GapList } from './gap-list.js';
import type { Gap } from './recovery-report.js';
import { type SalvageOptions, SegmentSalvage, type UnsealedEvents } from './segment-salvage.js';

/** What verifies of one segment, wherever it is damaged, and what does not. */
export interface SalvagedSegment {
  /** Sealed blocks that verify. */
  readonly soundBlocks: number;
  /** What lies between them, and behind the last one. */
  readonly gaps: readonly Gap[];
  /** The last event that verifies, here or before; 0 = none. */
  readonly lastEventId: bigint;
  /** What the next segment is chained to, undefined where nobody knows. */
  readonly chainedChecksum: bigint | undefined;
}

/** Looks at every block of a segment, and goes on behind damage as a diagnostic recovery does. Pure. */
export function salvageSegment(bytes: Uint8Array, options: SalvageOptions): SalvagedSegment {
  const list = new GapList();
  const { runs, tail, lastEventId, chainedChecksum } = new SegmentSalvage(bytes, options, list);
  const soundBlocks = runs.reduce((sum, { count }) => sum + count, 0);
  const gaps = tail === undefined ? list.gaps : [...list.gaps, { ...tail, beforeEventId: 0n }];
  return { soundBlocks, gaps, lastEventId, chainedChecksum };
}

/** Events without a header of a refused segment that are sound: where the log merely ends too early. */
export function soundUnsealed({ blocks, tailEvents, error }: SegmentVerdict): UnsealedEvents | undefined {
  return error?.code === 'DURABLE_LOST' && tailEvents > 0 ? { block: blocks, events: tailEvents } : undefined;
}
