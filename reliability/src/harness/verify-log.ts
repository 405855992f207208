/*
 * What must hold of a log after a fault, as recovery and the next recorder see it. The logs here have the ids 1, 2, 3
 * ..., without a step, and the content that the formula says.
 */
import { WalError } from '@fswal/format';
import { RecorderManager, type RecorderOptions, type ResumeReport } from '@fswal/recorder';
import { RecoveryManager, type RecoveryReport } from '@fswal/recovery';
import { contentIsRight, fillContent } from './children/formula.js';
import { scanLog } from './scan-log.js';

/** Small, and quiet about tmpfs. */
export const SMALL_LOG = { blocksPerSegment: 16, tailBlocks: 8, volatilePlace: 'allow' } as const;

export interface Replayed {
  /** Events delivered. */
  readonly events: number;
  /** First and last id delivered; 0 = none. */
  readonly firstId: number;
  readonly lastId: number;
  /** Events out of order, with a step before them, or not what was appended; one line each. */
  readonly faults: readonly string[];
  readonly report: RecoveryReport | undefined;
  /** The error that ended it, always a WalError. */
  readonly error: WalError | undefined;
}

/** Replays a log with recovery. @throws what is not a WalError */
export async function replay(dir: string): Promise<Replayed> {
  const faults: string[] = [];
  let events = 0;
  let firstId = 0;
  let lastId = 0;
  let report: RecoveryReport | undefined;
  let error: WalError | undefined;
  try {
    const recovery = await RecoveryManager.open({ dir });
    try {
      while (recovery.next()) {
        const { event } = recovery;
        const id = event.eventId;
        if (events > 0 && id !== lastId + 1) faults.push(`recovery: event ${id} follows ${lastId}`);
        if (!contentIsRight(event.words, event.base, id))
          faults.push(`recovery: event ${id} was never appended`);
        if (events++ === 0) firstId = id;
        lastId = id;
        if (faults.length > 3) break;
      }
    } finally {
      report = recovery.report;
      await recovery.close();
    }
  } catch (caught) {
    error = walErrorOf(caught);
  }
  return { events, firstId, lastId, faults, report, error };
}

export interface Reopened {
  /** Last event of the log as the recorder found it. */
  readonly lastId: number;
  readonly resumed: ResumeReport | undefined;
  readonly error: WalError | undefined;
}

/** Opens a log with a recorder, appends `more` events, and closes it. @throws what is not a WalError */
export async function reopen(
  dir: string,
  more = 0,
  options: Omit<RecorderOptions, 'dir' | 'view'> = SMALL_LOG,
): Promise<Reopened> {
  try {
    const recorder = await RecorderManager.open({ dir, ...options });
    const lastId = Number(recorder.metaState.eventId);
    appendTo(recorder, more);
    await recorder.close();
    return { lastId, resumed: recorder.resumed, error: undefined };
  } catch (caught) {
    return { lastId: 0, resumed: undefined, error: walErrorOf(caught) };
  }
}

/** Appends the next `count` events. @returns the last id */
export function appendTo(recorder: RecorderManager, count: number): number {
  let id = Number(recorder.metaState.eventId);
  for (let n = 0; n < count; n++) {
    const { words, base } = recorder.claim();
    fillContent(words, base, ++id);
    recorder.commit(id);
  }
  return id;
}

export interface Expected {
  /** The event that must be there, with all before it: R after a kill, D after a power cut. */
  readonly atLeast: number;
  /** No event after this one was ever appended. */
  readonly atMost: number;
  /** First event; undefined where retention may have taken the oldest. Default 1. */
  readonly from?: number | undefined;
}

/** What was read of a log, by recovery or by a scan. */
type Read = Pick<Replayed, 'events' | 'firstId' | 'lastId' | 'faults' | 'error'>;

/** What is wrong with what was read, one line each. @param reader who read it, for the messages */
export function faultsOf(read: Read, expected: Expected, reader = 'recovery'): string[] {
  const { atLeast, atMost } = expected;
  const { events, firstId, lastId, error } = read;
  const from = 'from' in expected ? expected.from : 1;
  const faults = [...read.faults];
  if (error !== undefined) faults.push(`${reader}: ${error.message}`);
  if (lastId < atLeast) faults.push(`${reader} ends with event ${lastId}, but ${atLeast} must be there`);
  if (lastId > atMost) faults.push(`${reader} delivers event ${lastId}, but only ${atMost} were appended`);
  if (events > 0 && from !== undefined && firstId !== from)
    faults.push(`${reader} begins with event ${firstId}`);
  return faults;
}

/** What a log is found to be. */
export interface LogCheck {
  /** The last event; 0 = there is none. */
  readonly lastId: number;
  /** What is wrong, one line each. */
  readonly faults: readonly string[];
}

/** Reads a log as the decisions of @fswal/format see it: a hundredth of what `checkLog` costs. Changes nothing. */
export function checkScan(dir: string, expected: Expected): LogCheck {
  const scanned = scanLog(dir);
  return { lastId: scanned.lastId, faults: faultsOf(scanned, expected, 'the scan') };
}

/** As `checkScan`, by recovery, which reads by itself. */
export async function checkReplay(dir: string, expected: Expected): Promise<LogCheck> {
  const replayed = await replay(dir);
  return { lastId: replayed.lastId, faults: faultsOf(replayed, expected) };
}

/**
 * Replays a log, opens it with a recorder, which appends one event, and replays it again.
 * @returns the last event before that, and what is wrong, one line each
 */
export async function checkLog(dir: string, expected: Expected): Promise<LogCheck> {
  const { lastId, faults } = await checkReplay(dir, expected);
  if (faults.length > 0) return { lastId, faults };
  const reopened = await reopen(dir, 1);
  if (reopened.error !== undefined) return { lastId, faults: [`recorder: ${reopened.error.message}`] };
  if (reopened.lastId !== lastId) {
    return {
      lastId,
      faults: [`the recorder goes on after event ${reopened.lastId}, recovery ends with ${lastId}`],
    };
  }
  const after = await checkReplay(dir, { ...expected, atLeast: lastId + 1, atMost: lastId + 1 });
  return { lastId, faults: after.faults };
}

/** @throws anything that is not a WalError: an untyped error is a fault of its own */
function walErrorOf(error: unknown): WalError {
  if (error instanceof WalError) return error;
  throw error;
}
