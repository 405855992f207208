/* What must hold of a log after a fault, seen by recovery and by the next recorder. */
import fs from 'node:fs';
import { join } from 'node:path';
import { RecorderManager } from '@fswal/recorder';
import { RecoveryManager } from '@fswal/recovery';
import { contentIsRight, fillContent } from '../harness/children/formula.js';

export interface LogCheck {
  /** Last event that recovery delivered; 0 = none. */
  readonly lastEventId: number;
  /** What is wrong, one line each; none = all holds. */
  readonly faults: readonly string[];
}

export interface Expected {
  /** The event that must be there with all before it: R after a kill, D after a power cut. */
  readonly atLeast: number;
  /** No event after this one was ever appended. */
  readonly atMost: number;
  /** Whether retention may have taken the oldest events. Default false. */
  readonly retained?: boolean;
}

/** Reads a log of ids 1, 2, 3 ... with recovery. */
export async function replayLog(
  dir: string,
  { atLeast, atMost, retained = false }: Expected,
): Promise<LogCheck> {
  const faults: string[] = [];
  const last = await replay(dir, retained, faults);
  if (last < atLeast) faults.push(`recovery ends with event ${last}, ${atLeast} must be there`);
  if (last > atMost) faults.push(`recovery delivers event ${last}, only ${atMost} were appended`);
  return { lastEventId: last, faults };
}

/** As `replayLog`; then a recorder opens the log, appends one event and closes, and it is read once more. */
export async function checkLog(dir: string, expected: Expected): Promise<LogCheck> {
  const { lastEventId: last, faults: found } = await replayLog(dir, expected);
  const faults = [...found];
  const resumed = await reopen(dir, faults);
  if (resumed !== undefined && resumed !== last && faults.length === 0) {
    faults.push(`the recorder goes on after event ${resumed}, recovery ended with ${last}`);
  }
  if (resumed !== undefined && faults.length === 0) {
    const after = await replay(dir, expected.retained ?? false, faults);
    if (after !== last + 1)
      faults.push(`one event was appended after ${last}, and recovery then ends with ${after}`);
  }
  return { lastEventId: last, faults };
}

/** The event id in wal_meta.dat; 0 where there is none yet. */
export function storedEventId(dir: string): number {
  const file = join(dir, 'wal_meta.dat');
  return fs.existsSync(file) ? Number(fs.readFileSync(file).readBigUInt64LE(8)) : 0;
}

async function replay(dir: string, retained: boolean, faults: string[]): Promise<number> {
  let last = 0;
  try {
    const recovery = await RecoveryManager.open({ dir });
    try {
      while (recovery.next()) {
        const { event } = recovery;
        const id = event.eventId;
        if (last === 0 ? id !== 1 && !retained : id !== last + 1) {
          faults.push(`event ${id} follows ${last}`);
        }
        if (!contentIsRight(event.words, event.base, id)) faults.push(`event ${id} is not what was appended`);
        last = id;
        if (faults.length > 3) break;
      }
    } finally {
      await recovery.close();
    }
  } catch (error) {
    faults.push(`recovery: ${String(error)}`);
  }
  return last;
}

async function reopen(dir: string, faults: string[]): Promise<number | undefined> {
  try {
    const recorder = await RecorderManager.open({ dir, blocksPerSegment: 16, tailBlocks: 8 });
    const last = Number(recorder.metaState.eventId);
    const { words, base } = recorder.claim();
    fillContent(words, base, last + 1);
    recorder.commit(last + 1);
    await recorder.close();
    return last;
  } catch (error) {
    faults.push(`recorder: ${String(error)}`);
    return undefined;
  }
}
