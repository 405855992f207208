import type { CheckpointCounts, CheckpointPace } from '../checkpoint/checkpointer.js';
import { Recording } from '../log/recording.js';
import { checkpointOf, sayBegin } from './begin.js';
import { interruptible } from './interrupts.js';
import { ExitStatus, formatCount, formatRate, type Output, type Row } from './output.js';

export interface RecordOptions {
  readonly dir: string;
  readonly events: number;
  readonly seed: number;
  readonly blocks?: number;
  readonly rate?: number;
  readonly checkpointEvery?: CheckpointPace;
  readonly keepCheckpoints?: number;
}

/** Records and matches so many requests more. Ctrl-C ends it early, and cleanly. */
export function record(options: RecordOptions, output: Output): Promise<ExitStatus> {
  return interruptible(async (signal) => {
    const recording = await Recording.open({
      ...options,
      checkpoints: options.checkpointEvery,
      keptCheckpoints: options.keepCheckpoints,
      onReplay: (events) => output.progress(() => `${formatCount(events)} events of the log replayed`),
    });
    let seconds: number;
    let durableEventId: bigint;
    try {
      sayBegin(recording.recovered, output);
      if (recording.resumedAt > 0) output.say(`going on after event ${formatCount(recording.resumedAt)}`);
      signal.addEventListener('abort', () => recording.stop());
      if (signal.aborted) recording.stop();
      seconds = await recording.run(options.events, options.rate, (done) => {
        output.progress(() => `${formatCount(done)} of ${formatCount(options.events)} events recorded`);
      });
      durableEventId = await recording.recorder.sync();
    } finally {
      await recording.close();
    }
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
      seed: options.seed,
      stateHash: venue.stateHash(),
      eventsPerSec: Math.round(appended / seconds),
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
    return signal.aborted ? ExitStatus.Interrupted : ExitStatus.Sound;
  });
}

function describeCheckpoints({ written, failed, longestCopyUs }: CheckpointCounts): Row {
  const counts = `${formatCount(written)} written, ${formatCount(failed)} not`;
  return ['checkpoints', `${counts}; the engine waited ${formatCount(longestCopyUs)} us for one at most`];
}
