import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runDemo } from '../crash/demo-run.js';
import type { RunMonitor } from '../measure/run-monitor.js';
import { interruptible } from './interrupts.js';
import { ExitStatus, formatCount, formatRate, type Output } from './output.js';

/** Records, kills, recovers, proves: in a directory of its own, which it removes however it ends. */
export function demo(
  { seed }: { readonly seed: number },
  output: Output,
  monitor?: RunMonitor,
): Promise<ExitStatus> {
  return interruptible(async (signal) => {
    const dir = mkdtempSync(join(tmpdir(), 'fswal-demo-'));
    try {
      const result = await runDemo({ dir, seed, signal, say: (line) => output.say(line), monitor });
      const sound = result.lost === 0 && result.stateHashMatches;
      output.result(
        result,
        'Recorded, killed, recovered',
        [
          ['to record', `${formatCount(result.events)} requests`],
          ['killed at', `event ${formatCount(result.killedAt)}`],
          ['recovered', `${formatCount(result.recovered)} events`],
          ['lost', formatCount(result.lost)],
          [
            'engine state',
            result.stateHashMatches ? 'the same as that of an engine that never died' : 'WRONG',
          ],
          ['append', `${result.appendNsMedian} ns (median over bursts)`],
          ['append, flat out', `${formatRate(result.appendEventsPerSec)}, synced to the device`],
          ['replay', `${formatRate(result.replayEventsPerSec)}, every byte verified`],
        ],
        sound
          ? { sound, text: 'Not one appended event is missing.' }
          : { sound, text: 'This must not happen: please report it.' },
      );
      return sound ? ExitStatus.Sound : ExitStatus.Damaged;
    } catch (error) {
      if (signal.aborted) return ExitStatus.Interrupted;
      throw error;
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
}
