import { EVENT_BYTES, RequestEvent } from '@fswal/format';
import { describe, expect, it } from 'vitest';
import { OrderFlow } from '../src/flow/order-flow.js';
import { PacedFlow } from '../src/log/paced-flow.js';
import { FlowWindow } from '../src/soak/flow-window.js';

const windowOf = (capacity: number, rate?: number) =>
  new FlowWindow(new PacedFlow(new OrderFlow(7), { rate }), capacity);

/** Request `eventId` of the same flow, made anew. */
function requestOf(eventId: number): RequestEvent {
  const flow = new OrderFlow(7);
  const event = new RequestEvent();
  flow.skip(eventId - 1, event);
  event.eventId = flow.next(event);
  return event;
}

describe('a flow window', () => {
  it('holds the newest requests of its flow, byte for byte, and no older ones', () => {
    const window = windowOf(10);
    expect([window.oldest, window.count]).toEqual([1, 0]);
    window.fill(25);
    expect([window.oldest, window.count]).toEqual([16, 25]);
    for (let id = 16; id <= 25; id++) {
      const expected = requestOf(id);
      expect(window.eventAt(id).bytes).toEqual(expected.bytes);
      expect(window.holds(id, expected.words, expected.base)).toBe(true);
      expected.words[15] ^= 1;
      expect(window.holds(id, expected.words, expected.base)).toBe(false);
    }
  });

  it('gives the bytes of a range up to the end of its ring, and the rest when asked again', () => {
    const window = windowOf(10);
    window.fill(25);
    const first = window.bytesFrom(18, 100);
    const second = window.bytesFrom(21, 100);
    expect([first.length, second.length]).toEqual([3 * EVENT_BYTES, 5 * EVENT_BYTES]);
    expect(first.subarray(2 * EVENT_BYTES)).toEqual(requestOf(20).bytes);
    expect(second.subarray(4 * EVENT_BYTES)).toEqual(requestOf(25).bytes);
    expect(window.bytesFrom(18, 2).length).toBe(2 * EVENT_BYTES);
  });

  it('makes no request before it is due, and lets no time pass by itself', () => {
    const window = windowOf(100, 1000);
    window.fill(50);
    expect(window.count).toBe(1);
    window.pass(10);
    window.fill(50);
    expect(window.count).toBe(11);
    window.fill(50);
    expect(window.count).toBe(11);
    window.pass(1000);
    window.fill(50);
    expect(window.count).toBe(50);
    expect(window.isExhausted).toBe(false);
  });
});
