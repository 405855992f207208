import { isDamage, type RequestEvent, WalError } from '@fswal/format';
import { RecoveryManager } from '@fswal/recovery';
import { type Checkpoint, UnusableCheckpoint } from '../checkpoint/checkpoint.js';
import {
  type CheckpointFile,
  checkpointDirectory,
  listCheckpoints,
  readCheckpoint,
} from '../checkpoint/checkpoint-files.js';
import type { Flow } from '../flow/flow.js';
import { type FlowSpec, instrumentsOf, openFlow } from '../flow/flow-spec.js';
import { isNoLog } from './no-log.js';
import { passOver } from './pass-over.js';
import { Replay } from './replay.js';
import { type LogReplay, replayFrom, replayLog } from './replay-log.js';

export interface RecoverStateOptions {
  readonly dir: string;
  /** That the log is held against. */
  readonly flow?: FlowSpec | undefined;
  /** Replay the whole log, whatever checkpoints there are. */
  readonly full?: boolean | undefined;
  /** Called every few milliseconds, with the events replayed so far. */
  readonly onProgress?: ((events: number) => void) | undefined;
}

export interface SkippedCheckpoint {
  readonly file: string;
  readonly reason: string;
}

/** What a log and its checkpoints say of the engine. */
export interface RecoveredState {
  /** Of the whole log, or of what comes after the checkpoint. */
  readonly replay: Replay;
  /** Or the error that says that there is none. */
  readonly log: LogReplay | WalError;
  /** What the replay began with, null = nothing: an engine without orders. */
  readonly checkpoint: CheckpointFile | null;
  /** Newer ones, which could not be used. They are as they were. */
  readonly skipped: readonly SkippedCheckpoint[];
  /** Why this is not the engine's state although all of the log was replayed; undefined where it is. */
  readonly incomplete: string | undefined;
}

/**
 * Rebuilds the engine's state: from the newest checkpoint that is sound and whose event the log has, and the events after
 * it; where there is none, from the whole log. What the log holds before that event is not read. Writes nothing.
 *
 * @throws WalError where the log cannot be read; damage is a result
 * @throws FlowFileError where the flow cannot be read
 */
export async function recoverState(options: RecoverStateOptions): Promise<RecoveredState> {
  const { dir, full = false, onProgress } = options;
  const skipped: SkippedCheckpoint[] = [];
  for (const found of full ? [] : listOrSkip(checkpointDirectory(dir), skipped)) {
    const tail = await openTail(dir, found);
    if (typeof tail === 'string') {
      skipped.push({ file: found.file, reason: tail });
      continue;
    }
    const { recovery, checkpoint } = tail;
    try {
      const flow = options.flow && (await flowBefore(checkpoint.event, options.flow));
      const replay = new Replay({ flow, checkpoint });
      const log = await replayFrom(recovery, replay, onProgress);
      return { replay, log, checkpoint: found, skipped, incomplete: undefined };
    } finally {
      await recovery.close();
    }
  }
  const replay = new Replay({
    flow: options.flow && openFlow(options.flow),
    instruments: options.flow && instrumentsOf(options.flow),
  });
  const log = await replayOrNoLog(dir, replay, onProgress);
  return { replay, log, checkpoint: null, skipped, incomplete: incompleteness(replay, log) };
}

function listOrSkip(dir: string, skipped: SkippedCheckpoint[]): CheckpointFile[] {
  try {
    return listCheckpoints(dir);
  } catch (error) {
    if (!(error instanceof WalError)) throw error;
    skipped.push({ file: dir, reason: error.reason });
    return [];
  }
}

/** A checkpoint and a recovery that stands behind its event. */
interface Tail {
  readonly checkpoint: Checkpoint;
  readonly recovery: RecoveryManager;
}

/** @returns why there is none, where the checkpoint cannot be gone on from @throws WalError where the log cannot be read */
async function openTail(dir: string, found: CheckpointFile): Promise<Tail | string> {
  let recovery: RecoveryManager | undefined;
  try {
    const checkpoint = readCheckpoint(found);
    recovery = await RecoveryManager.open({ dir, fromEventId: found.eventId });
    const difference = parting(recovery, checkpoint.event);
    if (difference === undefined) return { checkpoint, recovery };
    await recovery.close();
    return difference;
  } catch (error) {
    await recovery?.close();
    if (error instanceof UnusableCheckpoint) return error.message;
    // Then the whole log says what there is of it.
    if (isNoLog(error) || (error instanceof WalError && isDamage(error.code))) return error.message;
    throw error;
  }
}

/**
 * Takes the checkpoint's event from a recovery that begins there: it ties the checkpoint to the log.
 * @returns why it is not that log's, undefined where it is
 */
function parting(recovery: RecoveryManager, expected: RequestEvent): string | undefined {
  const { eventIdBig: eventId } = expected;
  if (!recovery.next())
    return `the log ends before event ${eventId}, with event ${recovery.report.endEventId}`;
  const { event } = recovery;
  if (event.eventIdBig !== eventId) {
    return `the log no longer has event ${eventId}: from there on, event ${event.eventIdBig} is the first`;
  }
  return Buffer.compare(event.bytes, expected.bytes) === 0
    ? undefined
    : `event ${eventId} is another one in the log`;
}

/** At its end where it is not that long. */
async function flowBefore(event: RequestEvent, spec: FlowSpec): Promise<Flow> {
  const flow = openFlow(spec);
  await passOver(flow, Math.min(event.eventId - 1, flow.length), () => true);
  return flow;
}

async function replayOrNoLog(
  dir: string,
  replay: Replay,
  onProgress: RecoverStateOptions['onProgress'],
): Promise<LogReplay | WalError> {
  try {
    return await replayLog(dir, replay, onProgress);
  } catch (error) {
    if (isNoLog(error)) return error;
    throw error;
  }
}

/** Retention deletes the oldest segments: the first one has the index 0. */
function incompleteness(replay: Replay, log: LogReplay | WalError): string | undefined {
  if (log instanceof WalError || !((log.report.oldestSegmentIndex ?? 0) > 0)) return undefined;
  return (
    `the log begins with event ${replay.firstEventId}: retention has taken what was before it, ` +
    'and without a checkpoint from there on nothing gives the state'
  );
}
