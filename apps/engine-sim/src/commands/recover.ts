import { WalError } from '@fswal/format';
import { describeFlow, type FlowSpec, openFlow } from '../flow/flow-spec.js';
import { Reference } from '../log/reference.js';
import { Replay } from '../log/replay.js';
import { replayLog } from '../log/replay-log.js';
import { hasProfileOptions, type ProfileOptions, specOf } from './flow-options.js';
import { ExitStatus, formatCount, formatRate, type Output } from './output.js';

export interface RecoverOptions extends ProfileOptions {
  readonly dir: string;
  readonly seed?: number;
  readonly flowIn?: string;
}

/** Replays a log into a fresh engine; with a flow, also says whether it is that flow. */
export async function recover(options: RecoverOptions, output: Output): Promise<ExitStatus> {
  const { dir } = options;
  const flow = flowOf(options);
  const replay = new Replay({ flow: flow && openFlow(flow) });
  const { seconds, report, damage } = await replayLog(dir, replay, (events) => {
    output.progress(() => `${formatCount(events)} events replayed`);
  });
  if (damage === undefined && report.oldestSegmentIndex === null && report.tailRing === null) {
    throw new WalError('SEGMENT_NOT_FOUND', 'there is no log', { file: dir });
  }
  const stateHash = replay.venue.stateHash();
  const eventsPerSec = replay.events === 0 ? 0 : Math.round(replay.events / seconds);
  const hasEvents = replay.events > 0;
  const mismatch = flow === undefined ? undefined : findMismatch(replay, flow, stateHash);
  const result = {
    events: replay.events,
    firstEventId: hasEvents ? String(replay.firstEventId) : null,
    lastEventId: hasEvents ? String(replay.lastEventId) : null,
    stateHash,
    eventsPerSec,
    report,
    ...(flow === undefined ? {} : { stateHashMatches: damage === undefined && mismatch === undefined }),
    ...(damage === undefined ? {} : { error: describe(damage) }),
  };
  const problem = damage?.message ?? mismatch;
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
  const expected = new Reference(flow).stateHashAt(replay.events);
  return stateHash === expected
    ? undefined
    : `state ${stateHash}, and with ${describeFlow(flow)} it is ${expected}`;
}

function describe({ code, message, file, block, offset, eventId }: WalError): object {
  return { code, message, file, block, offset, eventId };
}
