import type { DurableReport } from '@fswal/format/files';
import type { Gap, TailRingReport } from '../recovery-report.js';

/** What a repair has done, or would do. Plain data; ids are u64 as bigint. */
export interface RepairReport {
  readonly dir: string;
  /** Nothing was changed: this is what would be. */
  readonly dryRun: boolean;
  /** Whether anything had to be changed. */
  readonly repaired: boolean;
  /** Room on the disk that it takes, at most at a time, in bytes; with `dryRun`, what there has to be. 0 = none. */
  readonly roomBytes: number;
  /** What was wrong, in the order of the log: what could not be kept, and what was only out of place (0 bytes). */
  readonly gaps: readonly Gap[];
  /** Files that were changed, in the order of the log. */
  readonly files: readonly RepairedFile[];
  /** Events in the segments now. */
  readonly events: number;
  /** First and last of them; 0 = none. */
  readonly firstEventId: bigint;
  readonly lastEventId: bigint;
  /** The durable position as it was. Where anything was changed, the last event in the segments is durable now. */
  readonly durableBefore: DurableReport;
  /** What a killed recorder's tail ring adds, null = there is none. */
  readonly tailRing: TailRingReport | null;
}

/** One file that a repair has changed. */
export interface RepairedFile {
  readonly file: string;
  /**
   * - `rewritten`: it holds what verified of it.
   * - `relinked`: it holds the same events as before, chained to those that come before them now.
   * - `moved aside`: nothing of it is part of the log.
   * - `added`: it stands, empty, for a segment that is missing.
   */
  readonly change: 'rewritten' | 'relinked' | 'moved aside' | 'added';
  /** Where the file lies now as it was, null where nothing of it was dropped. */
  readonly keptAs: string | null;
  /** Bytes and blocks that were dropped. */
  readonly droppedBytes: number;
  readonly droppedBlocks: number;
  /** What was wrong with it. */
  readonly gaps: readonly Gap[];
}
