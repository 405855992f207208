import { isDamage, WalError } from '@fswal/format';
import { RecoveryManager } from '@fswal/recovery';
import { type FlowSpec, openFlow } from '../flow/flow-spec.js';
import { passOver } from '../log/pass-over.js';
import { Replay } from '../log/replay.js';
import { replayLog } from '../log/replay-log.js';

/** What is left of a log that retention has shortened, and whether it is what it should be. Ids are decimal strings. */
export interface KeptLog {
  readonly events: number;
  readonly firstEventId: string;
  readonly lastEventId: string;
  readonly segments: number;
  /** Every event is the flow's, byte for byte, and none is missing from the first one kept to the last one appended. */
  readonly sound: boolean;
  /** What is wrong, null = nothing. */
  readonly problem: string | null;
}

export interface KeptLogOptions {
  readonly dir: string;
  /** The flow that was recorded. */
  readonly flow: FlowSpec;
  /** The id with which the log should end, above 0. */
  readonly lastEventId: number;
  /** So many events more may be there: of a killed process, one whose append was complete and had not returned. */
  readonly unreturned?: number;
  readonly signal: AbortSignal;
  readonly onProgress: (line: () => string) => void;
}

/**
 * Replays what is left of a log from wherever it begins, and holds it against the flow.
 * @returns undefined when aborted
 * @throws WalError where the log cannot be read; damage is a result
 */
export async function checkKeptLog(options: KeptLogOptions): Promise<KeptLog | undefined> {
  const { dir, lastEventId, unreturned = 0, signal, onProgress } = options;
  const begin = await findBegin(dir);
  if (begin instanceof Error) return unsound(begin.message);
  if (begin === 0 || begin > lastEventId) {
    return unsound(begin === 0 ? 'the log is empty' : `the log begins with event ${begin}`);
  }
  const flow = openFlow(options.flow);
  const passed = await passOver(flow, begin - 1, () => {
    onProgress(() => `${percent(flow.count, begin)} of the requests before the log's first event made again`);
    return !signal.aborted;
  });
  if (!passed) return undefined;
  const replay = new Replay({ flow });
  const { damage, report } = await replayLog(dir, replay, (events) => {
    onProgress(() => `${events.toLocaleString('en-US')} events replayed`);
  });
  const { lastEventId: end } = replay;
  const isAsItShould = end >= BigInt(lastEventId) && end <= BigInt(lastEventId + unreturned);
  const wrongEnd = isAsItShould
    ? undefined
    : `the log ends with event ${end}, the last one appended was ${lastEventId}`;
  const problem = damage?.message ?? replay.difference?.reason ?? wrongEnd ?? null;
  return {
    events: replay.events,
    firstEventId: String(replay.firstEventId),
    lastEventId: String(replay.lastEventId),
    segments: report.segments,
    sound: problem === null,
    problem,
  };
}

/** The id of the first event that the log still has, 0 = none, or what is wrong before it. */
async function findBegin(dir: string): Promise<number | Error> {
  const recovery = await RecoveryManager.open({ dir });
  try {
    return recovery.next() ? recovery.event.eventId : 0;
  } catch (error) {
    if (error instanceof WalError && isDamage(error.code)) return error;
    throw error;
  } finally {
    await recovery.close();
  }
}

function unsound(problem: string): KeptLog {
  return { events: 0, firstEventId: '0', lastEventId: '0', segments: 0, sound: false, problem };
}

function percent(part: number, whole: number): string {
  return `${Math.floor((100 * part) / whole)} %`;
}
