import { describe, expect, it } from 'vitest';
import type { Flow } from '../src/flow/flow.js';
import { readFlowProfile } from '../src/flow/flow-profile.js';
import { OrderFlow } from '../src/flow/order-flow.js';
import { type Pace, PacedFlow } from '../src/log/paced-flow.js';

/** A request each 10 ms on its own clock. */
const evenly = (): OrderFlow => new OrderFlow(1, readFlowProfile({ arrivals: { kind: 'fixed', rate: 100 } }));

/** Takes all that is due; returns their ids. */
function takeAll(flow: PacedFlow, most = 1000): number[] {
  const ids: number[] = [];
  while (ids.length < most && flow.offer()) {
    ids.push(flow.event.eventId);
    flow.take();
  }
  return ids;
}

function duePerTick(pace: Pace, ticksMs: readonly number[], flow: Flow = evenly()): number[] {
  const paced = new PacedFlow(flow, pace);
  return ticksMs.map((elapsedMs) => {
    paced.tick(elapsedMs);
    return takeAll(paced).length;
  });
}

describe('a paced flow', () => {
  it('offers all there are without a rate and a speed', () => {
    expect(duePerTick({}, [0, 0])).toEqual([1000, 1000]);
  });

  it('offers as many as the rate allows, the first one at once', () => {
    expect(duePerTick({ rate: 500 }, [0, 1.9, 2, 10, 10])).toEqual([1, 0, 1, 4, 0]);
  });

  it('offers requests as its own clock says, from the first one on, faster or slower', () => {
    expect(duePerTick({ speed: 1 }, [0, 9.9, 10, 45])).toEqual([1, 0, 1, 3]);
    expect(duePerTick({ speed: 10 }, [0, 0.9, 1, 4.5])).toEqual([1, 0, 1, 3]);
    const later = evenly();
    for (let i = 0; i < 50; i++) later.next(new PacedFlow(later, {}).event);
    expect(duePerTick({ speed: 1 }, [0, 9.9, 10], later)).toEqual([1, 0, 1]);
  });

  it('offers the same request again until it is taken, and counts only what was taken', () => {
    const paced = new PacedFlow(evenly(), {});
    paced.tick(0);
    expect([paced.offer(), paced.offer(), paced.event.eventId, paced.count]).toEqual([true, true, 1, 0]);
    paced.take();
    expect([paced.count, paced.offer(), paced.event.eventId]).toEqual([1, true, 2]);
    expect(paced.last.eventId).toBe(1);
    expect(paced.remaining).toBe(Number.POSITIVE_INFINITY);
  });

  it('ends where the flow ends', () => {
    const flow = evenly();
    const short = Object.defineProperty(flow, 'length', { value: 3 });
    const paced = new PacedFlow(short, {});
    paced.tick(0);
    expect(paced.remaining).toBe(3);
    expect(takeAll(paced)).toEqual([1, 2, 3]);
    expect([paced.remaining, paced.offer()]).toEqual([0, false]);
  });
});
