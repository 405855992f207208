import { WalError } from '@fswal/format';
import { Reference } from '../log/reference.js';
import { Replay } from '../log/replay.js';
import { replayLog } from '../log/replay-log.js';
import { ExitStatus, formatCount, formatRate, type Output } from './output.js';

export interface RecoverOptions {
  readonly dir: string;
  readonly seed?: number;
}

/** Replays a log into a fresh engine; with a seed, also says whether it is what that seed gives. */
export async function recover({ dir, seed }: RecoverOptions, output: Output): Promise<ExitStatus> {
  const replay = new Replay({ seed });
  const { seconds, report, damage } = await replayLog(dir, replay, (events) => {
    output.progress(() => `${formatCount(events)} events replayed`);
  });
  if (damage === undefined && report.oldestSegmentIndex === null && report.tailRing === null) {
    throw new WalError('SEGMENT_NOT_FOUND', 'there is no log', { file: dir });
  }
  const stateHash = replay.venue.stateHash();
  const eventsPerSec = replay.events === 0 ? 0 : Math.round(replay.events / seconds);
  const hasEvents = replay.events > 0;
  const mismatch = seed === undefined ? undefined : findMismatch(replay, seed, stateHash);
  const result = {
    events: replay.events,
    firstEventId: hasEvents ? String(replay.firstEventId) : null,
    lastEventId: hasEvents ? String(replay.lastEventId) : null,
    stateHash,
    eventsPerSec,
    report,
    ...(seed === undefined ? {} : { stateHashMatches: damage === undefined && mismatch === undefined }),
    ...(damage === undefined ? {} : { error: describe(damage) }),
  };
  const problem = damage?.message ?? mismatch;
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
      ['first event', hasEvents ? formatCount(replay.firstEventId) : '-'],
      ['last event', hasEvents ? formatCount(replay.lastEventId) : '-'],
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
  const expected = new Reference(seed).stateHashAt(replay.events);
  return stateHash === expected ? undefined : `state ${stateHash}, and with seed ${seed} it is ${expected}`;
}

function describe({ code, message, file, block, offset, eventId }: WalError): object {
  return { code, message, file, block, offset, eventId };
}
