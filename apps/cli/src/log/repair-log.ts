/* What `repair` uses of @fswal/recovery. */

/** What is missing from a file after its repair, or would be. */
export interface RepairedFile {
  readonly file: string;
  readonly reason: string;
  readonly message: string;
  /** What was dropped. */
  readonly bytes: number;
  readonly blocks: number;
  /** The lost events lie between these two; 0 = there is none. */
  readonly afterEventId: bigint;
  readonly beforeEventId: bigint;
  /** Where the original lies now; null = nowhere. */
  readonly movedTo: string | null;
}

export interface RepairReport {
  readonly repaired: boolean;
  readonly files: readonly RepairedFile[];
}

export interface RepairOptions {
  readonly dir: string;
  /** Only say what would be done. */
  readonly dryRun?: boolean;
  readonly onProgress?: (done: number, total: number) => void | Promise<void>;
}

type RepairLog = (options: RepairOptions) => Promise<RepairReport>;

/** Repairs a log that no recorder has open. */
export async function repairLog(options: RepairOptions): Promise<RepairReport> {
  const recovery = (await import('@fswal/recovery')) as unknown as { readonly repairLog: RepairLog };
  return recovery.repairLog(options);
}
