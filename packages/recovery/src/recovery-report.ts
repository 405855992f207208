import type { WalErrorCode } from '@fswal/format';
import type { DurableReport } from '@fswal/format/files';

/** What a recovery has delivered, and what it has not and why. Plain data; ids are u64 as bigint. */
export interface RecoveryReport {
  readonly dir: string;
  /** Whether the replay has come to its end, or to damage. Until then the report speaks of what was replayed so far. */
  readonly complete: boolean;
  /** Segment files read and verified. Those that `fromEventId` skips are not. */
  readonly segments: number;
  /** Bytes of those segments, unpacked; what lies behind the last block of a closed one is not read. */
  readonly bytes: number;
  /** Where the replay was to begin; 0 = at the oldest event. */
  readonly fromEventId: bigint;
  /** The last event of the log, delivered or not: below `fromEventId`, there was nothing to deliver. 0 until complete. */
  readonly endEventId: bigint;
  /** Events delivered. */
  readonly events: number;
  /** First event delivered; 0 = none. */
  readonly firstEventId: bigint;
  /** Last event delivered; 0 = none. */
  readonly lastEventId: bigint;
  /** The oldest segment of the directory, null where there is none. Above 0, older ones are no longer kept. */
  readonly oldestSegmentIndex: number | null;
  readonly durable: DurableReport;
  /** What was cut behind the durable position, null = nothing. */
  readonly tail: TornTail | null;
  /** What the tail ring of a killed recorder added, null = there is no ring, or the replay has not come to it. */
  readonly tailRing: TailRingReport | null;
  /** What a diagnostic recovery passed over, in the order of the log. Complete when the report is. */
  readonly gaps: readonly Gap[];
}

/**
 * A range of a log that a diagnostic recovery passed over: part of a file, a whole one, or one that is missing. With
 * SEGMENT_NOT_FOUND for a reason it is no damage: retention took what was to be read next.
 */
export interface Gap {
  readonly file: string;
  /** Status that verification gave. */
  readonly reason: WalErrorCode;
  readonly message: string;
  /** Bytes of the (unpacked) file that were passed over: from `offset` up to `endOffset`. */
  readonly offset: number;
  readonly endOffset: number;
  /** The first block that was passed over, and how many. */
  readonly block: number;
  readonly blocks: number;
  /** The last event delivered before it and the first one after it; 0 = there is none. */
  readonly afterEventId: bigint;
  readonly beforeEventId: bigint;
}

/** A torn tail: events that were being written when the machine stopped, and never became durable. */
export interface TornTail {
  readonly file: string;
  /** Byte in the file from which it is cut: the one after the last event delivered from it. */
  readonly offset: number;
  readonly block: number;
  /** Bytes from there to the last one in the file that is not zero. */
  readonly cutBytes: number;
  /** Status that verification gave. */
  readonly reason: string;
  readonly message: string;
  /** Blocks behind the cut that verify by themselves. They cannot be reached: something before them is missing. */
  readonly unreachableBlocks: number;
  /** Names of the segment files that follow, which cannot be reached either. */
  readonly segmentsBeyond: readonly string[];
}

export interface TailRingReport {
  /** Events in the ring beyond the segments. */
  readonly events: number;
  /** What was not taken, and why. */
  readonly note: string | null;
}

/** What a reader knows before it reads the first segment. */
export interface LogSummary {
  readonly oldestSegmentIndex: number | null;
  readonly durable: DurableReport;
}
