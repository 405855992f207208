import { GapList } from './gap-list.js';
import type { Gap } from './recovery-report.js';
import { type SalvageOptions, SegmentSalvage } from './segment-salvage.js';

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
