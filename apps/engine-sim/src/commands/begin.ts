import type { RecoveredState } from '../log/recover-state.js';
import { formatCount, type Output } from './output.js';

/** The part of a result that tells what a state was rebuilt from. */
export function checkpointOf({ checkpoint, skipped }: RecoveredState): object {
  return { checkpoint, skipped };
}

/** The same for people. */
export function sayBegin({ checkpoint, skipped }: RecoveredState, output: Output): void {
  for (const { file, reason } of skipped) output.say(`checkpoint not used: ${reason} (${file})`);
  if (checkpoint !== null) output.say(`from the checkpoint of event ${formatCount(checkpoint.eventId)}`);
  else if (skipped.length > 0) output.say('from the whole log');
}
