/* The scenario that kills, errors and power cuts are aimed into. */
import type { ScenarioOptions, Step } from './scenario.js';

/** Small segments and a small ring, so that a few thousand events go through everything. */
export const SMALL = { blocksPerSegment: 16, tailBlocks: 8 } as const;
/** For a process that is stopped again and again: time goes on meanwhile, and nothing is to be refused for want of room. */
const STOPPED = { backpressureTimeoutMs: 60_000 } as const;
/** Events of one such segment. */
export const SEGMENT_EVENTS = 16 * 256;
/** Ids after which every appended event of `wholeLife` has been appended. */
export const WHOLE_LIFE_EVENTS = 100 + SEGMENT_EVENTS + 500 + 10;

/** First creation, appends over a rotation, two syncs, clean close. */
const WHOLE_LIFE: readonly Step[] = [
  ['open'],
  ['append', 100],
  ['sync'],
  ['append', SEGMENT_EVENTS + 500],
  ['sync'],
  ['append', 10],
  ['close'],
];

export function wholeLife(dir: string, options: ScenarioOptions['options'] = {}): ScenarioOptions {
  return { dir, options: { ...SMALL, ...STOPPED, ...options }, steps: WHOLE_LIFE };
}

/** Segments that `manyLives` goes through. */
const MANY_SEGMENTS = 6;
export const MANY_LIVES_EVENTS = MANY_SEGMENTS * (SEGMENT_EVENTS + 100);

/** Enough rotations, each made durable, that segments are compressed, retired and recycled under way. */
export function manyLives(dir: string, options: ScenarioOptions['options']): ScenarioOptions {
  const turns = Array.from({ length: MANY_SEGMENTS }, (): Step[] => [
    ['append', SEGMENT_EVENTS + 100],
    ['sync'],
    ['sleep', 20],
  ]);
  // What is not being compressed when the recorder closes is left to the next one.
  const steps: Step[] = [['open'], ...turns.flat(), ['sleep', 500], ['close']];
  return { dir, options: { ...SMALL, ...STOPPED, ...options }, steps };
}

/** As `wholeLife`, going on after errors, and opening again at the end; once more where that has met the fault itself. */
export function stubbornLife(dir: string): ScenarioOptions {
  const steps: Step[] = [
    ['open'],
    ['openIfClosed'],
    ['append', 100],
    ['sync'],
    ['append', SEGMENT_EVENTS + 500],
    ['sync'],
    ['append', 10],
    ['sync'],
    ['close'],
    ['reopen'],
    ['reopenIfRefused'],
  ];
  return { dir, options: SMALL, steps };
}
