import { TAIL_BLOCKS } from '../crash/crash-run.js';
import { drawKillMoment, type KillMoment } from '../crash/kill-plan.js';
import type { Xoshiro128 } from '../flow/xoshiro128.js';

/** How one life of the recording process is to go. */
export interface LifePlan {
  /** When it ends. */
  readonly moment: KillMoment;
  /** It is told to close its log then, and killed so many milliseconds later; undefined = it is killed then. */
  readonly closingMs: number | undefined;
  readonly tailBlocks: number;
}

/** Of 10 lives, so many end while the log is being closed, or just after. */
const CLOSING_IN_10 = 1;
/** About so long takes closing. */
const CLOSING_MS = 60;

/** @param events most that one life may append */
export function drawLife(random: Xoshiro128, events: number): LifePlan {
  const moment = drawKillMoment(random, events);
  const isClosed = moment.kind !== 'opening' && random.below(10) < CLOSING_IN_10;
  return {
    moment,
    closingMs: isClosed ? random.below(CLOSING_MS) : undefined,
    tailBlocks: TAIL_BLOCKS[random.below(TAIL_BLOCKS.length)],
  };
}
