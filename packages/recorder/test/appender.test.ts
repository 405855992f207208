import {
  BLOCK_EVENTS,
  BLOCK_WORDS,
  countGrowing,
  EVENT_WORDS,
  EventView,
  TAIL_RING_HEADER_BYTES,
  tailRingBytes,
  tailRingEventWord,
  WalError,
} from '@fswal/format';
import { describe, expect, test } from 'vitest';
import { Appender } from '../src/appender.js';
import { Control, Role } from '../src/control.js';

const TAIL_BLOCKS = 4;

function setUp(options: { last?: bigint; timeoutMs?: number; sampleAppends?: number } = {}) {
  const ring = new ArrayBuffer(tailRingBytes(TAIL_BLOCKS));
  const words = new Int32Array(ring);
  const control = new Control();
  const waits: boolean[] = [];
  const samples: { after: bigint; ns: number; clockNs: number }[] = [];
  let refused = 0;
  const appender = new Appender(
    ring,
    TAIL_BLOCKS,
    options.last ?? 0n,
    control,
    new EventView(),
    { backpressureTimeoutMs: options.timeoutMs ?? 0, sampleAppends: options.sampleAppends ?? 0 },
    {
      waited: (_, gotRoom) => waits.push(gotRoom),
      refused: () => refused++,
      sampled: (ns, clockNs) => samples.push({ after: appender.lastEventId, ns, clockNs }),
      checkThreads: () => {},
    },
  );
  return { ring, words, control, appender, waits, samples, refused: () => refused };
}

function eventOf(id: bigint, content = 7): EventView {
  const event = new EventView();
  event.words.fill(content);
  event.eventIdBig = id;
  return event;
}

/** The ids in the ring that a reader finds from slot 0 on. */
function surfaced(words: Int32Array, after = 0n): number {
  let events = 0;
  let last = after;
  for (let slot = 0; slot < TAIL_BLOCKS; slot++) {
    const at = tailRingEventWord(slot, 0);
    const count = countGrowing(words, at, BLOCK_EVENTS, last);
    events += count;
    if (count < BLOCK_EVENTS) break;
    last = new EventView(words, at + (count - 1) * EVENT_WORDS).eventIdBig;
  }
  return events;
}

function fill({ appender }: { appender: Appender<EventView> }, count: number, from = 1): void {
  const event = new EventView();
  for (let id = from; id < from + count; id++) {
    event.eventId = id;
    appender.append(event);
  }
}

function codeOf(action: () => void): string {
  try {
    action();
  } catch (error) {
    return error instanceof WalError ? error.code : (error as Error).name;
  }
  return 'nothing was thrown';
}

describe('append', () => {
  test('stores exactly the 64 bytes, in slot after slot', () => {
    const rig = setUp();
    const expected = new Int32Array(rig.words.length);
    for (let n = 0; n < 600; n++) {
      const id = BigInt(n) * 3n + 1n;
      const event = eventOf(id, n * 77);
      expected.set(event.words, tailRingEventWord(Math.floor(n / BLOCK_EVENTS), n % BLOCK_EVENTS));
      rig.appender.append(event);
    }
    expect(Buffer.from(rig.ring).equals(Buffer.from(expected.buffer))).toBe(true);
    expect(rig.appender.lastEventId).toBe(1798n);
    expect(rig.control.appendedBlocks).toBe(2);
  });

  test('takes events from a view that lies anywhere', () => {
    const { appender, words } = setUp();
    const many = new Int32Array(EVENT_WORDS * 5).map((_, i) => i + 1);
    const event = new EventView(many, EVENT_WORDS * 3);
    event.eventId = 9;
    appender.append(event);
    const at = tailRingEventWord(0, 0);
    expect(words.slice(at, at + EVENT_WORDS)).toEqual(many.slice(EVENT_WORDS * 3, EVENT_WORDS * 4));
  });

  test.each([
    ['0', 0n, 0n],
    ['the same id', 5n, 5n],
    ['a smaller id', 5n, 4n],
    ['an id that is smaller in the high word alone', (2n << 32n) | 1n, (1n << 32n) | 9n],
    ['an id that is smaller in the low word alone', (2n << 32n) | 9n, (2n << 32n) | 1n],
    ['0 after ids past 2^63', (1n << 63n) + 1n, 0n],
    ['an id that would be greater if it were signed', (1n << 63n) + 1n, (1n << 62n) + 1n],
  ])('refuses %s, and writes nothing', (_, last, id) => {
    const { appender, words } = setUp({ last });
    expect(codeOf(() => appender.append(eventOf(id)))).toBe('EVENT_OUT_OF_ORDER');
    expect(words.every((word) => word === 0)).toBe(true);
    expect(appender.lastEventId).toBe(last);
    appender.append(eventOf(last + 1n));
    expect(surfaced(words, last)).toBe(1);
  });

  test.each([
    ['2^53', (1n << 53n) - 1n, [1n << 53n, (1n << 53n) + 1n]],
    ['2^63', (1n << 63n) - 1n, [1n << 63n, (1n << 63n) + 5n]],
    ['the high word', 0xffff_fffen, [0xffff_ffffn, 1n << 32n, (1n << 32n) + 1n]],
    ['the high word by a leap', 7n, [(9n << 32n) | 3n, (9n << 32n) | 4n]],
    ['the high word to a low word of zero', 7n, [9n << 32n, (9n << 32n) | 1n]],
    ['2^64 - 1', (1n << 64n) - 3n, [(1n << 64n) - 2n, (1n << 64n) - 1n]],
  ])('goes past %s', (_, last, ids) => {
    for (const way of ['append', 'commit'] as const) {
      const { appender, words } = setUp({ last });
      for (const id of ids) {
        if (way === 'append') appender.append(eventOf(id));
        else {
          appender.claim();
          appender.commit(id);
        }
        expect(appender.lastEventId).toBe(id);
      }
      expect(surfaced(words, last)).toBe(ids.length);
      const view = new EventView(words, tailRingEventWord(0, ids.length - 1));
      expect(view.eventIdBig).toBe(ids.at(-1));
    }
  });

  test('an event that is refused leaves those before it as they are', () => {
    const rig = setUp();
    fill(rig, 300);
    const before = rig.words.slice();
    expect(codeOf(() => rig.appender.append(eventOf(300n)))).toBe('EVENT_OUT_OF_ORDER');
    expect(rig.words).toEqual(before);
    expect(surfaced(rig.words)).toBe(300);
  });
});

describe('claim and commit', () => {
  test('append in place', () => {
    const { appender, words } = setUp();
    const view = appender.claim();
    view.words[view.base + 2] = 42;
    view.words[view.base + 15] = -1;
    expect(surfaced(words)).toBe(0);
    appender.commit(1);
    const stored = new EventView(words, tailRingEventWord(0, 0));
    expect(stored.eventId).toBe(1);
    expect([stored.words[stored.base + 2], stored.words[stored.base + 15]]).toEqual([42, -1]);
  });

  test.each([
    ['NaN', Number.NaN, 'RangeError'],
    ['a fraction', 7.5, 'RangeError'],
    ['a fraction beside 2^32', 2 ** 32 + 0.5, 'RangeError'],
    ['a negative number', -1, 'RangeError'],
    ['a negative number that is 0 in 64 bits', -(2 ** 64), 'RangeError'],
    ['infinity', Number.POSITIVE_INFINITY, 'RangeError'],
    ['2^53', 2 ** 53, 'RangeError'],
    ['2^64', 2 ** 64, 'RangeError'],
    ['2^64 + 2^33', 2 ** 64 + 2 ** 33, 'RangeError'],
    ['a negative bigint', -1n, 'RangeError'],
    ['a bigint of 65 bits', 1n << 64n, 'RangeError'],
    ['0', 0, 'EVENT_OUT_OF_ORDER'],
    ['0n', 0n, 'EVENT_OUT_OF_ORDER'],
    ['the last id', 5, 'EVENT_OUT_OF_ORDER'],
    ['a smaller bigint', 4n, 'EVENT_OUT_OF_ORDER'],
  ])('refuse %s; the claim stands', (_, id, code) => {
    const { appender, words } = setUp({ last: 5n });
    appender.claim();
    expect(codeOf(() => appender.commit(id))).toBe(code);
    expect(surfaced(words, 5n)).toBe(0);
    expect(appender.lastEventId).toBe(5n);
    appender.commit(2 ** 53 - 1);
    expect(surfaced(words, 5n)).toBe(1);
    expect(appender.lastEventId).toBe(2n ** 53n - 1n);
  });

  test('commit without a claim is refused, at the start, twice, and at a block end', () => {
    const rig = setUp();
    const commit = () => rig.appender.commit(1000);
    expect(commit).toThrow(/without claim/);
    rig.appender.claim();
    rig.appender.commit(1);
    expect(commit).toThrow(/without claim/);
    fill(rig, BLOCK_EVENTS - 1, 2);
    expect(commit).toThrow(/without claim/);
    expect(surfaced(rig.words)).toBe(BLOCK_EVENTS);
  });

  test('claiming twice gives the same place', () => {
    const { appender, words } = setUp();
    const first = appender.claim().base;
    expect(appender.claim().base).toBe(first);
    appender.commit(1);
    expect(appender.claim().base).toBe(first + EVENT_WORDS);
    expect(surfaced(words)).toBe(1);
  });

  test('an append takes the place of a claim', () => {
    const { appender, words } = setUp();
    appender.claim();
    appender.append(eventOf(1n));
    expect(() => appender.commit(2)).toThrow(/without claim/);
    expect(surfaced(words)).toBe(1);
  });

  test('a claim that an append took the place of does not stand again a lap later', () => {
    const rig = setUp();
    fill(rig, 5);
    rig.appender.claim();
    fill(rig, TAIL_BLOCKS * BLOCK_EVENTS - 5, 6);
    rig.control.publishReleased(1);
    fill(rig, 5, 5000);
    expect(() => rig.appender.commit(9999)).toThrow(/without claim/);
  });

  test('a claimed view can be appended to its own place', () => {
    const { appender, words } = setUp();
    const view = appender.claim();
    view.words.fill(3, view.base, view.base + EVENT_WORDS);
    view.eventId = 8;
    appender.append(view);
    expect(new EventView(words, view.base).eventId).toBe(8);
    expect(words[view.base + 15]).toBe(3);
  });
});

describe('samples', () => {
  test.each(['append', 'claim'])('of %s time every event where each is one, and change nothing', (how) => {
    const plain = setUp();
    const timed = setUp({ sampleAppends: 1 });
    for (const { appender, control } of [plain, timed]) {
      for (let id = 1; id <= 5 * TAIL_BLOCKS * BLOCK_EVENTS; id++) {
        if (how === 'append') {
          appender.append(eventOf(BigInt(id), id));
        } else {
          const claimed = appender.claim();
          claimed.words.fill(id, claimed.base + 2, claimed.base + EVENT_WORDS);
          appender.commit(id);
        }
        control.publishReleased(Math.floor(id / BLOCK_EVENTS) - 1);
      }
    }
    expect(timed.words).toEqual(plain.words);
    expect(plain.samples).toEqual([]);
    // The first one never is: the distance to a sample is at least 1.
    expect(timed.samples).toHaveLength(5 * TAIL_BLOCKS * BLOCK_EVENTS - 1);
    for (const { ns, clockNs } of timed.samples) {
      expect(ns).toBeGreaterThan(0);
      expect(clockNs).toBeGreaterThan(0);
    }
  });

  test('have the wait for room in them', () => {
    const rig = setUp({ sampleAppends: 1, timeoutMs: 20 });
    fill(rig, TAIL_BLOCKS * BLOCK_EVENTS);
    const before = rig.samples.length;
    expect(codeOf(() => rig.appender.append(eventOf(9999n)))).toBe('BACKPRESSURE');
    expect(rig.samples).toHaveLength(before);
    expect(rig.waits).toEqual([false]);
    expect(rig.refused()).toBe(1);
    rig.control.publishReleased(1);
    fill(rig, 2, 10_000);
    expect(rig.samples.at(-1)?.after).toBe(10_001n);
  });

  test('are not taken of what is refused, and the next ones come', () => {
    const rig = setUp({ sampleAppends: 1 });
    fill(rig, 10);
    expect(codeOf(() => rig.appender.append(eventOf(3n)))).toBe('EVENT_OUT_OF_ORDER');
    expect(rig.samples).toHaveLength(9);
    expect(rig.refused()).toBe(1);
    fill(rig, 10, 11);
    expect(rig.samples.length).toBeGreaterThanOrEqual(18);
  });

  test('do not keep a closed recorder open', () => {
    const rig = setUp({ sampleAppends: 1 });
    fill(rig, 10);
    rig.appender.refuse(new WalError('NOT_OPEN', 'closed'));
    expect(codeOf(() => rig.appender.append(eventOf(11n)))).toBe('NOT_OPEN');
    expect(codeOf(() => rig.appender.claim())).toBe('NOT_OPEN');
    expect(rig.samples).toHaveLength(9);
  });
});

describe('a full ring', () => {
  test('throws BACKPRESSURE with nothing written, and takes the event after release', () => {
    const rig = setUp({ timeoutMs: 20 });
    const room = TAIL_BLOCKS * BLOCK_EVENTS;
    fill(rig, room);
    const before = rig.words.slice();
    expect(codeOf(() => rig.appender.append(eventOf(9999n)))).toBe('BACKPRESSURE');
    expect(codeOf(() => rig.appender.claim())).toBe('BACKPRESSURE');
    expect(rig.words).toEqual(before);
    expect(rig.control.appendedBlocks).toBe(TAIL_BLOCKS);
    expect(rig.waits).toHaveLength(2);
    rig.control.publishReleased(1);
    fill(rig, BLOCK_EVENTS, room + 1);
    expect(codeOf(() => rig.appender.append(eventOf(9999n)))).toBe('BACKPRESSURE');
    expect(new EventView(rig.words, tailRingEventWord(0, 0)).eventId).toBe(room + 1);
    expect(new EventView(rig.words, tailRingEventWord(1, 0)).eventId).toBe(BLOCK_EVENTS + 1);
  });

  test('throws DISK_FULL where a worker says so', () => {
    const rig = setUp();
    fill(rig, TAIL_BLOCKS * BLOCK_EVENTS);
    rig.control.setDiskFull(Role.preparer, true);
    expect(codeOf(() => rig.appender.append(eventOf(9999n)))).toBe('DISK_FULL');
    rig.control.setDiskFull(Role.preparer, false);
    expect(codeOf(() => rig.appender.append(eventOf(9999n)))).toBe('BACKPRESSURE');
  });

  test('throws the failure of a worker at once', () => {
    const rig = setUp({ timeoutMs: 60_000 });
    fill(rig, TAIL_BLOCKS * BLOCK_EVENTS);
    rig.control.fail(new WalError('FSYNC_FAILED', 'the device said no', { file: '/log/file', offset: 3 }));
    expect(codeOf(() => rig.appender.append(eventOf(9999n)))).toBe('FSYNC_FAILED');
    expect(codeOf(() => rig.appender.claim())).toBe('FSYNC_FAILED');
  });

  test('goes round many times', () => {
    const rig = setUp();
    for (let block = 0; block < 50; block++) {
      fill(rig, BLOCK_EVENTS, block * BLOCK_EVENTS + 1);
      expect(new EventView(rig.words, tailRingEventWord(block % TAIL_BLOCKS, 255)).eventId).toBe(
        (block + 1) * BLOCK_EVENTS,
      );
      rig.control.publishReleased(block);
    }
  });

  test('leaves the block headers alone', () => {
    const rig = setUp();
    fill(rig, TAIL_BLOCKS * BLOCK_EVENTS);
    for (let slot = 0; slot < TAIL_BLOCKS; slot++) {
      const start = TAIL_RING_HEADER_BYTES / 4 + slot * BLOCK_WORDS;
      expect(rig.words.subarray(start, start + 16).every((word) => word === 0)).toBe(true);
    }
  });
});

describe('a refused appender', () => {
  test('throws NOT_OPEN from append, claim and commit, in a block and at its end', () => {
    for (const events of [0, 5, BLOCK_EVENTS]) {
      const rig = setUp();
      fill(rig, events);
      if (events === 5) rig.appender.claim();
      rig.appender.refuse(new WalError('NOT_OPEN', 'closed'));
      rig.appender.refuse(new WalError('WORKER_FAILED', 'later'));
      expect(codeOf(() => rig.appender.append(eventOf(9999n)))).toBe('NOT_OPEN');
      expect(codeOf(() => rig.appender.claim())).toBe('NOT_OPEN');
      expect(codeOf(() => rig.appender.commit(9999))).toBe('NOT_OPEN');
      expect(surfaced(rig.words)).toBe(events);
    }
  });
});

describe('killed between any two stores', () => {
  /** Runs `action` on a ring whose stores are counted, and gives the ring as it is after each store. */
  function states(
    action: (appender: Appender<EventView>) => void,
    last: bigint,
    stale: (slotWords: Int32Array) => void,
  ): Int32Array[] {
    const final = setUp({ last });
    const at = tailRingEventWord(0, 0);
    stale(final.words.subarray(at, at + EVENT_WORDS));
    const start = final.words.slice();
    action(final.appender);
    const end = final.words;
    const low = end[at];
    const high = end[at + 1];
    const crosses = high !== Number(BigInt.asIntN(32, last >> 32n));
    // The sequence that appender.ts documents; checked against what append really leaves at the end.
    const stores: [number, number][] = [[at, 0]];
    if (!crosses) stores.push([at + 1, high]);
    for (let i = 2; i < EVENT_WORDS; i++) stores.push([at + i, end[at + i]]);
    if (!crosses) stores.push([at, low]);
    const state = start.slice();
    const all = [start];
    for (const [word, value] of stores) {
      state[word] = value;
      all.push(state.slice());
    }
    if (crosses) {
      state[at] = low;
      state[at + 1] = high;
      all.push(state.slice());
    }
    expect(all.at(-1)).toEqual(end);
    return all;
  }

  const cases: [string, bigint, bigint, (slot: Int32Array) => void][] = [
    ['over zeros', 5n, 6n, (slot) => slot.fill(0)],
    ['over a stale event', 5000n, 5001n, (slot) => new EventView(slot.fill(-1)).copyFrom(eventOf(3000n, -1))],
    [
      'over a stale event of a smaller high word',
      (2n << 32n) | 5n,
      (2n << 32n) | 6n,
      (slot) => new EventView(slot).copyFrom(eventOf((1n << 32n) | 0xffff_ffffn, -1)),
    ],
    [
      'over a stale event of the same high word',
      (2n << 32n) | 500n,
      (2n << 32n) | 501n,
      (slot) => new EventView(slot).copyFrom(eventOf((2n << 32n) | 9n, -1)),
    ],
    ['over zeros, crossing', 0xffff_ffffn, 1n << 32n, (slot) => slot.fill(0)],
    [
      'over a stale event, crossing',
      (3n << 32n) | 0x10n,
      (4n << 32n) | 0xffff_0000n,
      (slot) => new EventView(slot).copyFrom(eventOf((3n << 32n) | 0xfn, -1)),
    ],
    [
      'over a stale event, crossing 2^63',
      (1n << 63n) - 1n,
      1n << 63n,
      (slot) => new EventView(slot).copyFrom(eventOf((1n << 63n) - 300n, -1)),
    ],
  ];

  test.each(cases)('an event does not surface before its last store: %s', (_, last, id, stale) => {
    const append = states((appender) => appender.append(eventOf(id)), last, stale);
    expect(append.map((words) => surfaced(words, last))).toEqual([
      ...new Array(append.length - 1).fill(0),
      1,
    ]);
  });

  test.each(cases)('a claim does not surface before commit: %s', (_, last, id, stale) => {
    const { appender, words } = setUp({ last });
    stale(words.subarray(tailRingEventWord(0, 0), tailRingEventWord(0, 1)));
    const view = appender.claim();
    expect(surfaced(words, last)).toBe(0);
    for (let i = 2; i < EVENT_WORDS; i++) {
      words[view.base + i] = -1;
      expect(surfaced(words, last)).toBe(0);
    }
    // commit() on this slot stores 0, the high word, the low word; or both at once where the high word changes.
    const high = Number(BigInt.asIntN(32, id >> 32n));
    if (high === Number(BigInt.asIntN(32, last >> 32n))) {
      const between = words.slice();
      between[view.base] = 0;
      between[view.base + 1] = high;
      expect(surfaced(between, last)).toBe(0);
    }
    appender.commit(id);
    expect(surfaced(words, last)).toBe(1);
  });

  test.each(cases)('an event does not surface while append stores it: %s', (_, last, id, stale) => {
    // The real stores, seen between any two: the event is read word by word through memory that tells.
    const { appender, words } = setUp({ last });
    const at = tailRingEventWord(0, 0);
    stale(words.subarray(at, at + EVENT_WORDS));
    const seen: number[] = [];
    const event = new EventView();
    event.words = new Proxy(eventOf(id).words, {
      get(target, key) {
        if (key !== '0' && key !== '1') seen.push(surfaced(words, last));
        return Reflect.get(target, key, target);
      },
    });
    appender.append(event);
    expect(seen).toEqual(new Array(14).fill(0));
    expect(surfaced(words, last)).toBe(1);
  });
});
