/* What must hold when a recording process is dead: D <= W <= what is there, and R <= what is there. */
import type { Recording } from './recording.js';
import { type ScannedLog, scanLog } from './scan-log.js';
import { storedEventId } from './stored-position.js';

export interface Aftermath {
  /** What is wrong, one line each. */
  readonly faults: readonly string[];
  /** The first and the last event of the log now; 0 = there is none. */
  readonly firstId: number;
  readonly lastId: number;
}

/**
 * Judges a log that keeps all its events, or what retention has left of it.
 * @param before the last event before this process; the process must have gone on from it
 */
export function aftermath(dir: string, { marks, opened }: Recording, before: number): Aftermath {
  const faults: string[] = [];
  const returned = opened ? marks.returned : before;
  const durable = opened ? marks.durable : 0;
  if (opened && marks.base !== before) {
    faults.push(`the recorder went on after event ${marks.base}, the log had ended with ${before}`);
  }
  const stored = storedEventId(dir);
  if (stored < durable) faults.push(`event ${durable} was said to be durable, wal_meta.dat has ${stored}`);
  const scanned: ScannedLog = scanLog(dir);
  faults.push(...scanned.faults);
  if (scanned.error !== undefined) faults.push(scanned.error.message);
  // One event more may be there: it was stored, and its append had not returned yet.
  const atMost = opened ? returned + 1 : returned;
  if (scanned.lastId < returned || scanned.lastId > atMost) {
    faults.push(`the log ends with event ${scanned.lastId}, append had returned for ${returned}`);
  }
  return { faults, firstId: scanned.firstId, lastId: scanned.lastId };
}
