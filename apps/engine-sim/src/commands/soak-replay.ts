import { readEvidence } from '../soak/evidence.js';
import { checkKeptLog } from '../soak/kept-log.js';
import { interruptible } from './interrupts.js';
import { ExitStatus, formatCount, type Output } from './output.js';

/** Of a process that was killed, one append may have been complete that had not returned. */
const UNRETURNED = 1;

/** Holds the log that a soak has kept against its flow again. Writes nothing. */
export function replayDiscrepancy(path: string, output: Output): Promise<ExitStatus> {
  return interruptible(async (signal) => {
    const { message, flow, due, logDir } = readEvidence(path);
    const onProgress = (line: () => string) => output.progress(line);
    const check = { dir: logDir, flow, lastEventId: due, unreturned: UNRETURNED, signal, onProgress };
    const log = await checkKeptLog(check);
    if (log === undefined) return ExitStatus.Interrupted;
    output.result(
      { discrepancy: message, due, log },
      `The log in ${logDir}`,
      [
        ['found then', message],
        ['appends returned', `up to event ${formatCount(due)}`],
        [
          'events left',
          `${formatCount(log.events)} in ${log.segments} segments, ${log.firstEventId} to ${log.lastEventId}`,
        ],
      ],
      log.sound
        ? { sound: true, text: 'The log is what its flow says: the discrepancy does not show in it.' }
        : { sound: false, text: log.problem! },
    );
    return log.sound ? ExitStatus.Sound : ExitStatus.Damaged;
  });
}
