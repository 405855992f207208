import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RequestEvent } from '@fswal/format';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StateHash } from '../src/engine/state-hash.js';
import { FollowedMark } from '../src/soak/followed-mark.js';
import { addEvent, Follower } from '../src/soak/follower.js';

let dir: string;
let path: string;
let mark: FollowedMark;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'engine-sim-test-'));
  path = join(dir, 'mark');
  mark = FollowedMark.create(path);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A log with events of these ids. */
function logOf(ids: readonly number[]) {
  const event = new RequestEvent();
  let at = 0;
  return {
    event,
    next: () => {
      if (at === ids.length) return false;
      event.eventId = ids[at];
      event.price = 3 * ids[at++];
      return true;
    },
  };
}

function confirmed() {
  const { eventId, hash } = mark.read();
  return { eventId, digest: hash.digest() };
}

const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe('the mark of a follower', () => {
  it('is nothing at first', () => {
    expect(confirmed()).toEqual({ eventId: 0, digest: new StateHash().digest() });
  });

  it('is what was confirmed last, also in the eyes of its successor', () => {
    const ids = [1, 2 ** 32 - 1, 2 ** 32, 2 ** 52 + 1];
    for (const eventId of ids) {
      const hash = new StateHash();
      hash.addNumber(eventId);
      FollowedMark.open(path).confirm({ eventId, hash });
      expect(confirmed()).toEqual({ eventId, digest: hash.digest() });
    }
  });
});

describe('a follower', () => {
  it('confirms a hash over all events up to the last one, wherever its predecessors stopped', () => {
    for (const [first, last] of [
      [1, 1],
      [2, 1500],
      [1501, 4000],
    ]) {
      new Follower(FollowedMark.open(path)).take(logOf(range(first, last)));
    }
    const hash = new StateHash();
    const all = logOf(range(1, 4000));
    while (all.next()) addEvent(hash, all.event);
    expect(confirmed()).toEqual({ eventId: 4000, digest: hash.digest() });
  });

  it('confirms what there is before it waits for more', () => {
    const follower = new Follower(mark);
    follower.take(logOf([1, 2, 3]));
    expect(mark.read().eventId).toBe(3);
    follower.take(logOf([]));
    expect(mark.read().eventId).toBe(3);
  });

  it.each([
    ['missing', [1, 2, 4]],
    ['twice there', [1, 2, 2]],
    ['before its time', [1, 3, 2]],
  ])('does not go on past an event that is %s', (_, ids) => {
    expect(() => new Follower(mark).take(logOf(ids))).toThrow(/^event \d came after event \d$/);
    expect(mark.read().eventId).toBeLessThan(3);
  });
});
