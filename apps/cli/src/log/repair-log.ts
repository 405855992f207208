/* What `repair` uses of @fswal/recovery, as plain data; ids are u64 as bigint. */
import type { DurableReport } from '@fswal/format/files';
import type { Gap } from '@fswal/recovery';

export interface RepairedFile {
  readonly file: string;
  readonly change: 'rewritten' | 'relinked' | 'moved aside' | 'added';
  /** Where the file lies now as it was; null where nothing of it was dropped. */
  readonly keptAs: string | null;
  readonly droppedBytes: number;
  readonly droppedBlocks: number;
  /** What was wrong with it. */
  readonly gaps: readonly Gap[];
}

export interface RepairReport {
  /** Whether anything had to be changed. */
  readonly repaired: boolean;
  readonly files: readonly RepairedFile[];
  /** Events in the segments afterwards; first and last of them, 0 = none. */
  readonly events: number;
  readonly firstEventId: bigint;
  readonly lastEventId: bigint;
  /** The durable position as it was. */
  readonly durableBefore: DurableReport;
}

export interface RepairOptions {
  readonly dir: string;
  /** Only say what would be done. */
  readonly dryRun: boolean;
  readonly onProgress: (done: number, total: number) => void;
}

type RepairLog = (options: RepairOptions) => Promise<RepairReport>;

/** Repairs a log that no recorder has open. */
export async function repairLog(options: RepairOptions): Promise<RepairReport> {
  const recovery = (await import('@fswal/recovery')) as unknown as { readonly repairLog: RepairLog };
  return recovery.repairLog(options);
}
