import type { CheckpointCounts, CheckpointPace } from '../checkpoint/checkpointer.js';
import { FlowFileWriter } from '../flow/flow-file-writer.js';
import { Recording } from '../log/recording.js';
import { checkpointOf, sayBegin } from './begin.js';
import { type PlayOptions, paceOf, specOf } from './flow-options.js';
import { interruptible } from './interrupts.js';
import { ExitStatus, formatCount, formatRate, type Output, type Row } from './output.js';

export interface RecordOptions extends PlayOptions {
  readonly dir: string;
  /** All that there are, where they come from a file and this is left out. */
  readonly events?: number;
  readonly blocks?: number;
  readonly flowOut?: string;
  readonly checkpointEvery?: CheckpointPace;
  readonly keepCheckpoints?: number;
}

/** Records and matches so many requests more. Ctrl-C ends it early, and cleanly. */
export function record(options: RecordOptions, output: Output): Promise<ExitStatus> {
  const flow = specOf(options);
  const pace = paceOf(options, flow);
  if (options.events === undefined && !('file' in flow)) {
    throw new Error('--events is needed: a synthetic flow has no end');
  }
  return interruptible(async (signal) => {
    const flowOut = options.flowOut === undefined ? undefined : new FlowFileWriter(options.flowOut);
    const { dir, blocks, checkpointEvery: checkpoints, keepCheckpoints: keptCheckpoints } = options;
    let recorded: Recorded;
    try {
      const onReplay = (events: number) =>
        output.progress(() => `${formatCount(events)} events of the log replayed`);
      const recording = await Recording.open({
        dir,
        blocks,
        flow,
        pace,
        flowOut,
        checkpoints,
        keptCheckpoints,
        onReplay,
      });
      recorded = await run(recording, options.events ?? recording.remaining, output, signal);
      flowOut?.finish();
    } catch (error) {
      flowOut?.discard();
      throw error;
    }
    report(recorded, options, output);
    return signal.aborted ? ExitStatus.Interrupted : ExitStatus.Sound;
  });
}

interface Recorded {
  readonly recording: Recording;
  readonly seconds: number;
  readonly durableEventId: bigint;
}

/** Closes the recording, too. */
async function run(
  recording: Recording,
  events: number,
  output: Output,
  signal: AbortSignal,
): Promise<Recorded> {
  try {
    sayBegin(recording.recovered, output);
    if (recording.resumedAt > 0) output.say(`going on after event ${formatCount(recording.resumedAt)}`);
    signal.addEventListener('abort', () => recording.stop());
    if (signal.aborted) recording.stop();
    const seconds = await recording.run(events, (done) => {
      output.progress(() => `${formatCount(done)} of ${formatCount(events)} events recorded`);
    });
    return { recording, seconds, durableEventId: await recording.recorder.sync() };
  } finally {
    await recording.close();
  }
}

function report(
  { recording, seconds, durableEventId }: Recorded,
  options: RecordOptions,
  output: Output,
): void {
  const { venue, appended, resumedAt, recovered, checkpoints } = recording;
  if (checkpoints !== undefined && checkpoints.lastFailure !== null) {
    output.say(`${formatCount(checkpoints.failed)} checkpoints not written: ${checkpoints.lastFailure}`);
  }
  const lastEventId = resumedAt + appended;
  const result = {
    events: appended,
    firstEventId: appended === 0 ? null : String(resumedAt + 1),
    lastEventId: String(lastEventId),
    durableEventId: String(durableEventId),
    seed: options.flowIn === undefined ? options.seed : null,
    stateHash: venue.stateHash(),
    eventsPerSec: appended === 0 ? 0 : Math.round(appended / seconds),
    ...checkpointOf(recovered),
    checkpoints: checkpoints ?? null,
  };
  output.result(result, `Recorded ${formatCount(appended)} events in ${options.dir}`, [
    ['last event', formatCount(lastEventId)],
    ['on the device', formatCount(durableEventId)],
    ['append and match', formatRate(appended / seconds)],
    ['trades', formatCount(venue.trades)],
    ['requests refused', formatCount(venue.rejects)],
    ['resting orders', formatCount(venue.restingOrders)],
    ['state hash', result.stateHash],
    ...(checkpoints === undefined ? [] : [describeCheckpoints(checkpoints)]),
  ]);
}

function describeCheckpoints({ written, failed, longestCopyUs }: CheckpointCounts): Row {
  const counts = `${formatCount(written)} written, ${formatCount(failed)} not`;
  return ['checkpoints', `${counts}; the engine waited ${formatCount(longestCopyUs)} us for one at most`];
}
