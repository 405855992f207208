/* How much of the fault catalogue is run. */

/** Whether the Full column of the catalogue is to run instead of the Gate column. */
export const FULL = process.env.FSWAL_FULL === '1';

/** How often a fault is made: with each change, or by an explicit command (FSWAL_FULL=1). */
export function count({ gate, full }: { gate: number; full: number }): number {
  return FULL ? full : gate;
}

/** For a test that takes `gateMs` in the gate: as long as it may take in either column. */
export function patience(gateMs: number): number {
  return FULL ? 24 * 3_600_000 : gateMs;
}
