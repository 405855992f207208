import { readdirSync } from 'node:fs';
import { parseSegmentFileName } from '@fswal/format';
import { Phase, type PublishedPosition } from '../log/published-position.js';
import type { KillMoment } from './kill-plan.js';

/** A test for whether it is time to kill the process that has just been started and records in `dir`. */
export function killDue(moment: KillMoment, published: PublishedPosition, dir: string): () => boolean {
  if (moment.kind === 'opening') {
    const at = performance.now() + moment.afterMs;
    return () => performance.now() >= at;
  }
  if (moment.kind === 'appended') return () => published.appended >= moment.events;
  // A new segment file is a rotation: one was taken into use, so the next one is prepared.
  let newest = -1;
  return () => {
    if (published.phase === Phase.Opening) return false;
    const now = newestSegment(dir);
    if (newest < 0) newest = now;
    return now >= newest + moment.rotations;
  };
}

/** Index of the newest segment file, or 0. */
function newestSegment(dir: string): number {
  let newest = 0;
  for (const name of readdirSync(dir))
    newest = Math.max(newest, parseSegmentFileName(name)?.segmentIndex ?? 0);
  return newest;
}
