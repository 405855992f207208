import { WalError } from '@fswal/format';
import { describeFlow, type FlowSpec } from '../flow/flow-spec.js';
import { recoverState } from '../log/recover-state.js';
import { Reference } from '../log/reference.js';
import type { Replay } from '../log/replay.js';
import { checkpointOf, sayBegin } from './begin.js';
import { hasProfileOptions, type ProfileOptions, specOf } from './flow-options.js';
import { ExitStatus, formatCount, formatRate, type Output } from './output.js';

export interface RecoverOptions extends ProfileOptions {
  readonly dir: string;
  readonly seed?: number;
  readonly flowIn?: string;
  readonly full?: boolean;
}

/** Rebuilds an engine from its log; with a flow, also says whether it is that flow. */
export async function recover(options: RecoverOptions, output: Output): Promise<ExitStatus> {
  const { dir, full } = options;
  const flow = flowOf(options);
  const onProgress = (events: number): void => {
    output.progress(() => `${formatCount(events)} events replayed`);
  };
  const recovered = await recoverState({ dir, flow, full, onProgress });
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
  const mismatch = flow === undefined ? undefined : findMismatch(replay, flow, stateHash);
  const problem = damage?.message ?? incomplete ?? mismatch;
  const result = {
    events: replay.events,
    firstEventId: hasEvents ? String(replay.firstEventId) : null,
    lastEventId,
    stateHash,
    eventsPerSec,
    report,
    ...checkpointOf(recovered),
    ...(flow === undefined ? {} : { stateHashMatches: problem === undefined }),
    ...(damage === undefined ? {} : { error: describe(damage) }),
  };
  const verdict =
    problem !== undefined
      ? { sound: false, text: problem }
      : flow === undefined
        ? undefined
        : {
            sound: true,
            text: `This is the state of a fresh engine fed the same requests of ${describeFlow(flow)}.`,
          };
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

/** What to compare with; undefined = nothing. */
function flowOf({ seed, ...options }: RecoverOptions): FlowSpec | undefined {
  if (seed !== undefined) return specOf({ ...options, seed });
  if (hasProfileOptions(options)) throw new Error('a profile is nothing without a --seed');
  return options.flowIn === undefined ? undefined : { file: options.flowIn };
}

function findMismatch(replay: Replay, flow: FlowSpec, stateHash: string): string | undefined {
  if (replay.difference !== undefined) {
    return `the log was not recorded with ${describeFlow(flow)}: ${replay.difference.reason}`;
  }
  const expected = new Reference(flow).stateHashAt(replay.venue.requests);
  return stateHash === expected
    ? undefined
    : `state ${stateHash}, and with ${describeFlow(flow)} it is ${expected}`;
}

function describe({ code, message, file, block, offset, eventId }: WalError): object {
  return { code, message, file, block, offset, eventId };
}
