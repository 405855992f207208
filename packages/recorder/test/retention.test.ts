import { describe, expect, test } from 'vitest';
import {
  type KeptSegment,
  planRetention,
  type RetentionLimits,
  type RetentionState,
} from '../src/retention.js';
import { UNLIMITED } from './helpers/hand-recorder.js';

/** Segments 0, 1, ... of 100 bytes, closed a second apart; the first `compressed` of them are. */
function segments(count: number, compressed = 0): KeptSegment[] {
  return Array.from({ length: count }, (_, i) => ({
    segmentIndex: i,
    compressed: i < compressed,
    bytes: 100,
    closedMs: i * 1000,
  }));
}

function plan(kept: KeptSegment[], limits: Partial<RetentionLimits>, state: Partial<RetentionState> = {}) {
  const all = { nowMs: 0, activeBytes: 100, safeBelow: Number.POSITIVE_INFINITY, inUseFrom: undefined };
  return planRetention(kept, { ...UNLIMITED, ...limits }, { ...all, ...state }).map(
    ({ segmentIndex, action, reason, blockedBy }) =>
      [action, segmentIndex, reason, ...(blockedBy ? [blockedBy] : [])].join(' '),
  );
}

describe('retention', () => {
  test('without limits keeps everything', () => {
    expect(plan(segments(100), {})).toEqual([]);
  });

  test('by count deletes the oldest, the active segment counted', () => {
    expect(plan(segments(4), { maxSegments: 5 })).toEqual([]);
    expect(plan(segments(5), { maxSegments: 4 })).toEqual(['delete 0 maxSegments', 'delete 1 maxSegments']);
    expect(plan(segments(5), { maxSegments: 5 }, { activeBytes: undefined })).toEqual([]);
  });

  test('compresses what is beyond the count of plain ones, and deletes what is beyond both', () => {
    const limits = { maxSegments: 2, maxCompressedSegments: 2 };
    expect(plan(segments(5, 1), limits)).toEqual([
      'delete 0 maxCompressedSegments',
      'delete 1 maxCompressedSegments',
      'compress 2 maxSegments',
      'compress 3 maxSegments',
    ]);
    expect(plan(segments(3, 2), limits)).toEqual([]);
  });

  test('by bytes deletes until the rest fits', () => {
    expect(plan(segments(5), { maxBytes: 600 })).toEqual([]);
    expect(plan(segments(5), { maxBytes: 399 })).toEqual([
      'delete 0 maxBytes',
      'delete 1 maxBytes',
      'delete 2 maxBytes',
    ]);
  });

  test('by age deletes what was closed too long ago, and nothing when the clock is behind', () => {
    expect(plan(segments(4), { maxAgeMs: 5_000 }, { nowMs: 6_500 })).toEqual([
      'delete 0 maxAgeMs',
      'delete 1 maxAgeMs',
    ]);
    expect(plan(segments(4), { maxAgeMs: 5_000 }, { nowMs: -1e12 })).toEqual([]);
  });

  test('the newest segment with events stays, whatever the limits', () => {
    const tight = { maxBytes: 1, maxAgeMs: 1, maxSegments: 1 };
    const state = { nowMs: 1e12, activeBytes: undefined };
    expect(plan(segments(3), tight, state)).toHaveLength(2);
    expect(plan(segments(1), tight, state)).toEqual([]);
    expect(plan(segments(1), { maxSegments: 1, maxCompressedSegments: 1 }, state)).toEqual([]);
  });

  test('limits hold together: any of them is enough', () => {
    expect(plan(segments(6), { maxSegments: 5, maxBytes: 400, maxAgeMs: 5_500 }, { nowMs: 6_000 })).toEqual([
      'delete 0 maxSegments',
      'delete 1 maxSegments',
      'delete 2 maxBytes',
    ]);
  });

  test('says what has to wait, and for what', () => {
    const limits = { maxSegments: 1 };
    expect(plan(segments(3), limits, { safeBelow: 1 })).toEqual([
      'delete 0 maxSegments',
      'delete 1 maxSegments not durable',
      'delete 2 maxSegments not durable',
    ]);
    expect(plan(segments(2), limits, { inUseFrom: 1 })).toEqual([
      'delete 0 maxSegments',
      'delete 1 maxSegments being read',
    ]);
  });
});
