import { isDamage, WalError } from '@fswal/format';
import { RecoveryManager, type RecoveryReport } from '@fswal/recovery';
import { isNoLog } from './no-log.js';
import { breathe } from './pause.js';
import type { EventSource, Replay } from './replay.js';

/** Events between two breaths: some milliseconds. */
const SLICE_EVENTS = 65_536;

export interface LogReplay {
  /** From the first event to the last, opening not included. */
  readonly seconds: number;
  readonly report: RecoveryReport;
  /** What ended the replay, where that was not the end of the log. */
  readonly damage: WalError | undefined;
}

/**
 * Replays the log in `dir` into `replay`.
 * @param onProgress called every few milliseconds, with the events so far
 * @throws WalError where the log cannot be read; damage is a result
 */
export async function replayLog(
  dir: string,
  replay: Pick<Replay, 'take'>,
  onProgress?: (events: number) => void,
): Promise<LogReplay> {
  const recovery = await RecoveryManager.open({ dir });
  try {
    return await replayFrom(recovery, replay, onProgress);
  } finally {
    await recovery.close();
  }
}

/** The same from where an open recovery stands. It stays open. */
export async function replayFrom(
  recovery: RecoveryManager,
  replay: Pick<Replay, 'take'>,
  onProgress?: (events: number) => void,
): Promise<LogReplay> {
  const start = performance.now();
  const damage = await takeAll(recovery, replay, onProgress);
  return { seconds: (performance.now() - start) / 1000, report: recovery.report, damage };
}

/** The same where there may be no log yet: undefined then. */
export async function replayLogIfAny(
  dir: string,
  replay: Pick<Replay, 'take'>,
  onProgress?: (events: number) => void,
): Promise<LogReplay | undefined> {
  try {
    return await replayLog(dir, replay, onProgress);
  } catch (error) {
    if (isNoLog(error)) return undefined;
    throw error;
  }
}

async function takeAll(
  source: EventSource,
  replay: Pick<Replay, 'take'>,
  onProgress?: (events: number) => void,
): Promise<WalError | undefined> {
  try {
    for (
      let events = SLICE_EVENTS;
      replay.take(source, SLICE_EVENTS) === SLICE_EVENTS;
      events += SLICE_EVENTS
    ) {
      onProgress?.(events);
      await breathe();
    }
    return undefined;
  } catch (error) {
    if (error instanceof WalError && isDamage(error.code)) return error;
    throw error;
  }
}
