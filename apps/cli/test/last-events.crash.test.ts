import { describe, expect, it } from 'vitest';
import { findLastEvents } from '../src/log/last-events.js';
import { flip, record, recordAndDie, SEGMENT_EVENTS, segment, tempDir } from './helpers/logs.js';

describe('where the last events of a log begin', () => {
  it.each([1, 99, 100, 101, SEGMENT_EVENTS + 100, SEGMENT_EVENTS + 101, 3 * SEGMENT_EVENTS + 100])(
    'is %i events before its end',
    async (count) => {
      const last = 3 * SEGMENT_EVENTS + 100;
      expect(await findLastEvents(await record(last), count)).toBe(BigInt(last - count + 1));
    },
  );

  it('is the oldest event where there are fewer, and behind the last one for none', async () => {
    const dir = await record(SEGMENT_EVENTS + 5, tempDir(), 1001);
    expect(await findLastEvents(dir, 1_000_000_000)).toBe(1001n);
    expect(await findLastEvents(dir, 0)).toBe(BigInt(1001 + SEGMENT_EVENTS + 5));
  });

  it('counts what only the tail ring has', async () => {
    const dir = recordAndDie(300, 1000);
    expect(await findLastEvents(dir, 5)).toBe(1296n);
    expect(await findLastEvents(dir, 1100)).toBe(201n);
  });

  it('is not taken from a header that is damaged', async () => {
    const dir = await record(3 * SEGMENT_EVENTS);
    flip(segment(dir, 2), 20);
    await expect(findLastEvents(dir, 10)).rejects.toMatchObject({ code: 'HEADER_CHECKSUM_MISMATCH' });
  });

  it('of a log without events is its beginning', async () => {
    expect(await findLastEvents(await record(0), 10)).toBe(1n);
    expect(await findLastEvents(await record(0), 0)).toBe(1n);
  });
});
