import { WalError } from '@fswal/format';
import { recoverState } from '../log/recover-state.js';
import { Reference } from '../log/reference.js';
import type { Replay } from '../log/replay.js';
import { checkpointOf, sayBegin } from './begin.js';
import { ExitStatus, formatCount, formatRate, type Output } from './output.js';

export interface RecoverOptions {
  readonly dir: string;
  readonly seed?: number;
  readonly full?: boolean;
}

/** Rebuilds an engine from its log; with a seed, also says whether it is what that seed gives. */
export async function recover({ dir, seed, full }: RecoverOptions, output: Output): Promise<ExitStatus> {
  const onProgress = (events: number): void => {
    output.progress(() => `${formatCount(events)} events replayed`);
  };
  const recovered = await recoverState({ dir, seed, full, onProgress });
  sayBegin(recovered, output);
  const { replay, log, checkpoint, incomplete } = recovered;
  if (log instanceof WalError) throw log;
  const { seconds, report, damage } = log;
  if (damage === undefined && report.oldestSegmentIndex === null && report.tailRing === null) {
    throw new WalError('SEGMENT_NOT_FOUND', 'there is no log', { file: dir });
  }
  const stateHash = replay.venue.stateHash();
  const eventsPerSec = replay.events === 0 ? 0 : Math.round(replay.events / seconds);
  const hasEvents = replay.events > 0;
  const lastEventId = replay.lastEventId === 0n ? null : String(replay.lastEventId);
  const mismatch = seed === undefined ? undefined : findMismatch(replay, seed, stateHash);
  const problem = damage?.message ?? incomplete ?? mismatch;
  const result = {
    events: replay.events,
    firstEventId: hasEvents ? String(replay.firstEventId) : null,
    lastEventId,
    stateHash,
    eventsPerSec,
    report,
    ...checkpointOf(recovered),
    ...(seed === undefined ? {} : { stateHashMatches: problem === undefined }),
    ...(damage === undefined ? {} : { error: describe(damage) }),
  };
  const verdict =
    problem !== undefined
      ? { sound: false, text: problem }
      : seed === undefined
        ? undefined
        : { sound: true, text: `This is the state of a fresh engine fed the same requests of seed ${seed}.` };
  output.result(
    result,
    `Recovered ${formatCount(replay.events)} events from ${dir}`,
    [
      ['checkpoint', checkpoint === null ? '-' : `event ${formatCount(checkpoint.eventId)}`],
      ['first event', hasEvents ? formatCount(replay.firstEventId) : '-'],
      ['last event', lastEventId === null ? '-' : formatCount(replay.lastEventId)],
      ['replay into the engine', formatRate(replay.events / seconds)],
      ['trades', formatCount(replay.venue.trades)],
      ['resting orders', formatCount(replay.venue.restingOrders)],
      ['state hash', stateHash],
    ],
    verdict,
  );
  if (problem !== undefined) output.fail(problem);
  return problem === undefined ? ExitStatus.Sound : ExitStatus.Damaged;
}

function findMismatch(replay: Replay, seed: number, stateHash: string): string | undefined {
  if (replay.difference !== undefined) {
    return `the log was not recorded with seed ${seed}: ${replay.difference.reason}`;
  }
  const expected = new Reference(seed).stateHashAt(replay.venue.requests);
  return stateHash === expected ? undefined : `state ${stateHash}, and with seed ${seed} it is ${expected}`;
}

function describe({ code, message, file, block, offset, eventId }: WalError): object {
  return { code, message, file, block, offset, eventId };
}
