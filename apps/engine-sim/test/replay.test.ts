import { RequestEvent } from '@fswal/format';
import { describe, expect, it } from 'vitest';
import { specOfSeed } from '../src/flow/flow-spec.js';
import { OrderFlow } from '../src/flow/order-flow.js';
import { Reference } from '../src/log/reference.js';
import { type EventSource, Replay } from '../src/log/replay.js';

const SEED = 11;

/** The flow's first events, as a log would deliver them. */
function flowEvents(count: number, seed = SEED): RequestEvent[] {
  const flow = new OrderFlow(seed);
  return Array.from({ length: count }, () => {
    const event = new RequestEvent();
    event.eventId = flow.next(event);
    return event;
  });
}

function sourceOf(events: readonly RequestEvent[]): EventSource {
  const event = new RequestEvent();
  let at = 0;
  return {
    event,
    next: () => {
      if (at === events.length) return false;
      event.copyFrom(events[at++]);
      return true;
    },
  };
}

function replayed(events: readonly RequestEvent[], seed = SEED, countUpTo = 0): Replay {
  const replay = new Replay({ flow: new OrderFlow(seed), countUpTo });
  replay.take(sourceOf(events), Number.POSITIVE_INFINITY);
  return replay;
}

describe('replay', () => {
  it("finds no difference in the flow's own log, and rebuilds the state of a fresh engine", () => {
    const replay = replayed(flowEvents(5000));
    expect(replay.difference).toBeUndefined();
    expect([replay.events, replay.firstEventId, replay.lastEventId]).toEqual([5000, 1n, 5000n]);
    expect(replay.venue.stateHash()).toBe(new Reference(specOfSeed(SEED)).stateHashAt(5000));
    expect(replay.flow!.count).toBe(5000);
  });

  it('takes no more than it is told to, and goes on from there', () => {
    const replay = new Replay({ flow: new OrderFlow(SEED) });
    const source = sourceOf(flowEvents(100));
    expect(replay.take(source, 60)).toBe(60);
    expect(replay.take(source, 60)).toBe(40);
    expect(replay.events).toBe(100);
    expect(replay.difference).toBeUndefined();
  });

  it('sees a missing event, wherever it is missing', () => {
    for (const missing of [1, 2, 500, 999]) {
      const events = flowEvents(1000).filter((event) => event.eventId !== missing);
      expect(replayed(events).difference).toEqual({
        eventId: BigInt(missing + 1),
        reason: `event ${missing + 1} where event ${missing} belongs`,
      });
    }
  });

  it('sees an event that comes twice', () => {
    const events = flowEvents(100);
    events.splice(50, 0, events[49]);
    expect(replayed(events).difference?.reason).toBe('event 50 where event 51 belongs');
  });

  it('sees a changed bit in any word of an event', () => {
    for (let word = 2; word < 16; word++) {
      const events = flowEvents(100);
      events[70].words[word] ^= 1 << (word * 2);
      expect(replayed(events).difference).toEqual({ eventId: 71n, reason: "event 71 is not the flow's" });
    }
  });

  it("keeps the first difference, and sees another seed's log at its first event", () => {
    expect(replayed(flowEvents(100, SEED + 1)).difference?.eventId).toBe(1n);
  });

  it('counts the events up to an id', () => {
    const events = flowEvents(1000).filter((event) => event.eventId % 10 !== 0);
    expect(replayed(events, SEED, 500).eventsUpTo).toBe(450);
    expect(replayed(events, SEED, 5000).eventsUpTo).toBe(900);
  });

  it('takes events of any id where there is no seed to compare with', () => {
    const huge = RequestEvent.from({ eventId: 2n ** 63n + 1n, price: -5n });
    const replay = new Replay();
    replay.take(sourceOf([...flowEvents(3), huge]), 10);
    expect([replay.firstEventId, replay.lastEventId]).toEqual([1n, 2n ** 63n + 1n]);
    expect(replay.difference).toBeUndefined();
    expect(replay.venue.requests).toBe(4);
  });

  it('has ids 0 where there are no events', () => {
    const replay = replayed([]);
    expect([replay.events, replay.firstEventId, replay.lastEventId]).toEqual([0, 0n, 0n]);
    expect(replay.venue.stateHash()).toBe(new Reference(specOfSeed(SEED)).stateHashAt(0));
  });
});

describe('the reference', () => {
  it('says the same whether asked step by step, at once or backwards', () => {
    const stepwise = new Reference(specOfSeed(SEED));
    const hashes = [10, 1000, 1000, 3000].map((n) => stepwise.stateHashAt(n));
    expect(hashes[1]).toBe(hashes[2]);
    expect(new Reference(specOfSeed(SEED)).stateHashAt(3000)).toBe(hashes[3]);
    expect(stepwise.stateHashAt(10)).toBe(hashes[0]);
  });
});
