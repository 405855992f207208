import { WalError } from '@fswal/format';
import {
  checkpointDirectory,
  isUnfinished,
  listCheckpoints,
  namesIn,
} from '../checkpoint/checkpoint-files.js';
import type { CheckpointPace } from '../checkpoint/checkpointer.js';
import type { FlowSpec } from '../flow/flow-spec.js';
import type { Xoshiro128 } from '../flow/xoshiro128.js';
import type { Pace } from '../log/paced-flow.js';
import { recoverState } from '../log/recover-state.js';
import type { Replay } from '../log/replay.js';

/** A life takes a checkpoint each so many events, or more often: from this many on. */
const MOST_OF_A_LIFE = 1 / 8;
const LEAST_EVENTS = 100;
/** Requests per second: at full speed a life is over, or near its end, before the device has a single checkpoint. */
const RATES = [100_000, 300_000, undefined];

/** What a crash run found out about checkpoints. */
export interface CheckpointProofs {
  /** Recoveries that began from one. */
  recoveries: number;
  /** Kills that fell into the writing of one. */
  cutShort: number;
}

/** How a life takes checkpoints. */
export interface CheckpointHabit {
  readonly checkpoints: CheckpointPace;
  readonly pace: Pace;
}

/** Draws one for a life of so many events. */
export function drawHabit(random: Xoshiro128, events: number): CheckpointHabit {
  return {
    checkpoints: { events: LEAST_EVENTS + random.below(Math.ceil(MOST_OF_A_LIFE * events)) },
    pace: { rate: RATES[random.below(RATES.length)] },
  };
}

/**
 * Recovers once more, as the next life is going to, and compares that with the replay of the whole log.
 * @returns why it is not the same, undefined where it is
 * @throws WalError where the log cannot be read
 */
export async function proveCheckpoints(
  dir: string,
  flow: FlowSpec,
  whole: Replay,
  proofs: CheckpointProofs,
): Promise<string | undefined> {
  const checkpoints = checkpointDirectory(dir);
  proofs.cutShort += namesIn(checkpoints).filter(isUnfinished).length;
  const { replay, log, checkpoint, skipped } = await recoverState({ dir, flow });
  if (checkpoint !== null) proofs.recoveries++;
  const durable = log instanceof WalError ? 0n : log.report.durable.eventId;
  const ahead = listCheckpoints(checkpoints).find(({ eventId }) => eventId > durable);
  // A power cut instead of the kill could have left the checkpoint without the events.
  if (ahead !== undefined) return `checkpoint ${ahead.file} is ahead of what is durable: event ${durable}`;
  // A kill takes nothing from a checkpoint that is there.
  if (skipped.length > 0) return `checkpoint ${skipped[0].file} cannot be used: ${skipped[0].reason}`;
  if (replay.difference !== undefined) return `behind a checkpoint, ${replay.difference.reason}`;
  const [found, expected] = [replay.venue.stateHash(), whole.venue.stateHash()];
  return found === expected && replay.lastEventId === whole.lastEventId
    ? undefined
    : `from checkpoint ${checkpoint?.file}: state ${found} after event ${replay.lastEventId}, not ${expected} after ${whole.lastEventId}`;
}
