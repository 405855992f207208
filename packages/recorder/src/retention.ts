/* What goes next, and why. Pure: the coordinator acts on it, `recorder.retentionPlan()` shows it. */

/** How much of a log is kept; Infinity = no limit. They hold together: what any of them says goes. */
export interface RetentionLimits {
  /** `.wal` files with events, the active one included. */
  readonly maxSegments: number;
  /** `.wal.lz4` files beyond those; 0 = nothing is compressed. */
  readonly maxCompressedSegments: number;
  /** Bytes of both kinds. */
  readonly maxBytes: number;
  /** Milliseconds since a segment was closed. */
  readonly maxAgeMs: number;
}

/** A segment with events that nothing is added to any more. */
export interface KeptSegment {
  readonly segmentIndex: number;
  readonly compressed: boolean;
  readonly bytes: number;
  /** When it was closed, milliseconds since 1970. */
  readonly closedMs: number;
}

/** What decides whether a segment may go now. */
export interface RetentionState {
  readonly nowMs: number;
  /** Bytes of the segment being written; undefined where none has events. */
  readonly activeBytes: number | undefined;
  /** Segments below this index hold nothing that must stay. */
  readonly safeBelow: number;
  /** Lowest segment that a reader of this process may still read. */
  readonly inUseFrom: number | undefined;
}

/** One segment that retention wants to compress or to delete. */
export interface RetentionStep {
  readonly segmentIndex: number;
  readonly compressed: boolean;
  readonly action: 'compress' | 'delete';
  /** The limit that says so. */
  readonly reason: keyof RetentionLimits;
  /** Why it has to wait; nothing newer is deleted before it. */
  readonly blockedBy?: 'not durable' | 'being read';
}

/** @param segments oldest first, without the active one @returns what goes, oldest first */
export function planRetention(
  segments: readonly KeptSegment[],
  limits: RetentionLimits,
  state: RetentionState,
): RetentionStep[] {
  const active = state.activeBytes === undefined ? 0 : 1;
  const steps: RetentionStep[] = [];
  let bytes = segments.reduce((sum, segment) => sum + segment.bytes, state.activeBytes ?? 0);
  for (const [i, segment] of segments.entries()) {
    // Of all segments with events, how many are as new as this one or newer.
    const rank = segments.length - i + active;
    // The newest segment with events stays: where the log goes on is known from it.
    const reason = rank === 1 ? undefined : reasonToDelete(segment, rank, bytes, limits, state.nowMs);
    const compress =
      limits.maxCompressedSegments > 0 && rank > limits.maxSegments && !segment.compressed && rank > 1;
    const { segmentIndex, compressed } = segment;
    const blockedBy = obstacle(segmentIndex, state);
    const blocked = blockedBy === undefined ? {} : { blockedBy };
    if (reason !== undefined) {
      bytes -= segment.bytes;
      steps.push({ segmentIndex, compressed, action: 'delete', reason, ...blocked });
    } else if (compress) {
      steps.push({ segmentIndex, compressed, action: 'compress', reason: 'maxSegments', ...blocked });
    }
  }
  return steps;
}

function reasonToDelete(
  segment: KeptSegment,
  rank: number,
  bytes: number,
  limits: RetentionLimits,
  nowMs: number,
): keyof RetentionLimits | undefined {
  const { maxSegments, maxCompressedSegments, maxBytes, maxAgeMs } = limits;
  if (rank > maxSegments + maxCompressedSegments) {
    return maxCompressedSegments > 0 ? 'maxCompressedSegments' : 'maxSegments';
  }
  if (bytes > maxBytes) return 'maxBytes';
  if (nowMs - segment.closedMs > maxAgeMs) return 'maxAgeMs';
  return undefined;
}

function obstacle(segmentIndex: number, state: RetentionState): RetentionStep['blockedBy'] {
  if (segmentIndex >= state.safeBelow) return 'not durable';
  return state.inUseFrom !== undefined && segmentIndex >= state.inUseFrom ? 'being read' : undefined;
}
