/* Which events recovery delivers of a log that may be damaged. */
import { type Gap, RecoveryManager } from '@fswal/recovery';
import { contentIsRight } from './children/formula.js';

export interface Delivered {
  /** First and last of each run of ids without a step. Past 2^53, where only garbage has ids, they are rounded. */
  readonly runs: readonly (readonly [number, number])[];
  readonly faults: readonly string[];
  readonly gaps: readonly Gap[];
}

/**
 * Every event by itself: its content, and that its id is above the one before.
 * @param certified the last event whose content something certifies, a checksum or the durable position. Default: all
 */
export async function deliver(
  dir: string,
  mode: 'strict' | 'diagnostic',
  certified = Number.POSITIVE_INFINITY,
): Promise<Delivered> {
  const recovery = await RecoveryManager.open({ dir, mode });
  const runs: [number, number][] = [];
  const faults: string[] = [];
  while (recovery.next()) {
    const { words, base, eventIdBig } = recovery.event;
    const eventId = Number(eventIdBig);
    const run = runs.at(-1);
    if (run !== undefined && eventId <= run[1]) faults.push(`event ${eventId} follows ${run[1]}`);
    if (eventId <= certified && !contentIsRight(words, base, eventId))
      faults.push(`event ${eventId} was never appended`);
    if (run !== undefined && eventId === run[1] + 1) run[1]++;
    else runs.push([eventId, eventId]);
  }
  const { gaps } = recovery.report;
  await recovery.close();
  return { runs, faults, gaps };
}
