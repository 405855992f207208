import { expect, test } from 'vitest';
import { Control } from '../src/control.js';
import { RingRoom } from '../src/ring-room.js';

const TAIL_BLOCKS = 4;

test('a wait that gave up counts as one without room, though there is some right after', () => {
  const control = new Control();
  const gotRoom: boolean[] = [];
  const room = new RingRoom(control, TAIL_BLOCKS, 0, {
    waited: (_, got) => gotRoom.push(got),
    // Between the last look at the ring and the one at the clock.
    checkThreads: () => control.publishReleased(1),
  });
  expect(room.wait(TAIL_BLOCKS)).toBe(false);
  expect(room.isFree(TAIL_BLOCKS)).toBe(true);
  expect(room.wait(TAIL_BLOCKS)).toBe(true);
  expect(gotRoom).toEqual([false, true]);
});
