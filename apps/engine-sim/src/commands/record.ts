import { Recording } from '../log/recording.js';
import { interruptible } from './interrupts.js';
import { ExitStatus, formatCount, formatRate, type Output } from './output.js';

export interface RecordOptions {
  readonly dir: string;
  readonly events: number;
  readonly seed: number;
  readonly blocks?: number;
  readonly rate?: number;
}

/** Records and matches so many requests more. Ctrl-C ends it early, and cleanly. */
export function record(options: RecordOptions, output: Output): Promise<ExitStatus> {
  return interruptible(async (signal) => {
    const recording = await Recording.open({
      ...options,
      onReplay: (events) => output.progress(() => `${formatCount(events)} events of the log replayed`),
    });
    let seconds: number;
    let durableEventId: bigint;
    try {
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
    const { venue, appended, resumedAt } = recording;
    const lastEventId = resumedAt + appended;
    const result = {
      events: appended,
      firstEventId: appended === 0 ? null : String(resumedAt + 1),
      lastEventId: String(lastEventId),
      durableEventId: String(durableEventId),
      seed: options.seed,
      stateHash: venue.stateHash(),
      eventsPerSec: Math.round(appended / seconds),
    };
    output.result(result, `Recorded ${formatCount(appended)} events in ${options.dir}`, [
      ['last event', formatCount(lastEventId)],
      ['on the device', formatCount(durableEventId)],
      ['append and match', formatRate(appended / seconds)],
      ['trades', formatCount(venue.trades)],
      ['requests refused', formatCount(venue.rejects)],
      ['resting orders', formatCount(venue.restingOrders)],
      ['state hash', result.stateHash],
    ]);
    return signal.aborted ? ExitStatus.Interrupted : ExitStatus.Sound;
  });
}
