import { BLOCK_EVENTS } from '@fswal/format';
import { expect, test } from 'vitest';
import { SamplePoints } from '../src/sample-points.js';

/** The positions of the first `count` samples, as an appender comes to them block by block. */
function positions(points: SamplePoints, count: number): number[] {
  const found: number[] = [];
  let inBlock = 0;
  for (let position = 0; found.length < count; ) {
    if (points.isDue) {
      found.push(position);
      points.take();
    }
    if (inBlock === BLOCK_EVENTS) inBlock = 0;
    const events = points.within(BLOCK_EVENTS - inBlock);
    position += events;
    inBlock += events;
  }
  return found;
}

test.each([1, 2, 7, 256, 4096])(
  'one event in %i is a sample in the mean, at any place of a block',
  (every) => {
    const seed = Date.now();
    const found = positions(new SamplePoints(every, seed), 20_000);
    const mean = (found.at(-1) as number) / found.length;
    expect(Math.abs(mean / every - 1), `seed ${seed}`).toBeLessThan(0.05);
    expect(new Set(found.map((position) => position % BLOCK_EVENTS)).size, `seed ${seed}`).toBe(BLOCK_EVENTS);
    expect(new Set(found).size).toBe(found.length);
  },
);

test('no event is a sample where none is wanted', () => {
  const points = new SamplePoints(0);
  for (let i = 0; i < 1000; i++) {
    expect(points.within(BLOCK_EVENTS)).toBe(BLOCK_EVENTS);
    expect(points.isDue).toBe(false);
  }
});
