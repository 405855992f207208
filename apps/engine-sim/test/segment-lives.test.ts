import { describe, expect, it } from 'vitest';
import { SegmentLives } from '../src/run/segment-lives.js';

describe('segment lives', () => {
  it('keeps when a segment came into each state for the first time', () => {
    const lives = new SegmentLives();
    lives.take({ segmentIndex: 3, state: 'prepared', second: 1 });
    lives.take({ segmentIndex: 3, state: 'active', second: 2 });
    lives.take({ segmentIndex: 3, state: 'active', second: 9 });
    lives.take({ segmentIndex: 1, state: 'active', second: 1 });
    expect(lives.list()).toEqual([
      { segmentIndex: 1, active: 1 },
      { segmentIndex: 3, prepared: 1, active: 2 },
    ]);
  });

  it('begins a new life where an index is used again', () => {
    const lives = new SegmentLives();
    lives.take({ segmentIndex: 3, state: 'prepared', second: 1 });
    lives.take({ segmentIndex: 3, state: 'deleted', second: 2 });
    lives.take({ segmentIndex: 3, state: 'deleted', second: 3 });
    lives.take({ segmentIndex: 3, state: 'prepared', second: 5 });
    lives.take({ segmentIndex: 4, state: 'deleted', second: 5 });
    expect(lives.list()).toEqual([{ segmentIndex: 3, prepared: 5 }]);
  });

  it('thins what a long run has too many of, evenly', () => {
    const lives = new SegmentLives();
    for (let segmentIndex = 0; segmentIndex < 100_000; segmentIndex++) {
      lives.take({ segmentIndex, state: 'active', second: segmentIndex });
    }
    const kept = lives.list();
    expect(lives.stride).toBe(128);
    expect(kept.length).toBe(Math.ceil(100_000 / lives.stride));
    expect(kept.every(({ segmentIndex }) => segmentIndex % lives.stride === 0)).toBe(true);
  });
});
