import type { Xoshiro128 } from '../flow/xoshiro128.js';

/** When to kill: some milliseconds after the start of the process, after some appends, or around a rotation. */
export type KillMoment =
  | { readonly kind: 'opening'; readonly afterMs: number }
  | { readonly kind: 'appended'; readonly events: number }
  | { readonly kind: 'rotation'; readonly rotations: number };

/** A process takes about so long to start, and to open a small log. */
const OPENING_MS = 250;
/** "Just after the first append" is within so many events. */
const EARLY_EVENTS = 500;
/** Of 20 kills, about so many land while the log is being opened, just after the first append, at a rotation. */
const OPENING_IN_20 = 2;
const EARLY_IN_20 = 4;
const ROTATION_IN_20 = 6;
const MOST_ROTATIONS = 2;
/** The kills that are spread over the recording fall into this part of it, so that they come before its end. */
const SPREAD = 0.75;

/** Draws the moment of one kill; the rest of them, 8 of 20, are spread evenly over the recording. */
export function drawKillMoment(random: Xoshiro128, events: number): KillMoment {
  const draw = random.below(20);
  if (draw < OPENING_IN_20) return { kind: 'opening', afterMs: random.below(OPENING_MS) };
  if (draw < OPENING_IN_20 + EARLY_IN_20) {
    return { kind: 'appended', events: 1 + random.below(Math.min(EARLY_EVENTS, events)) };
  }
  if (draw < OPENING_IN_20 + EARLY_IN_20 + ROTATION_IN_20) {
    return { kind: 'rotation', rotations: 1 + random.below(MOST_ROTATIONS) };
  }
  return { kind: 'appended', events: 1 + random.below(Math.ceil(SPREAD * events)) };
}
