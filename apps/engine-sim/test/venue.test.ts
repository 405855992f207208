import { RequestEvent, Side } from '@fswal/format';
import { describe, expect, it } from 'vitest';
import { INSTRUMENT, instrumentOf, MAX_INSTRUMENTS } from '../src/engine/instrument.js';
import { MatchingEngine } from '../src/engine/matching-engine.js';
import { Outcome } from '../src/engine/outcome.js';
import { Venue } from '../src/engine/venue.js';
import { OrderFlow } from '../src/flow/order-flow.js';
import { ask, bid, cancel, market } from './requests.js';

function of(instrument: number, event: RequestEvent): RequestEvent {
  event.words[INSTRUMENT] = instrument;
  return event;
}

function venueOf(...requests: RequestEvent[]): Venue {
  const venue = new Venue();
  for (const event of requests) venue.apply(event);
  return venue;
}

describe('a venue', () => {
  it('has the state of its only engine where all requests are for instrument 0', () => {
    const [venue, engine] = [new Venue(), new MatchingEngine()];
    expect(venue.stateHash()).toBe(engine.stateHash());
    const flow = new OrderFlow(3);
    const event = new RequestEvent();
    for (let i = 0; i < 20_000; i++) {
      flow.next(event);
      expect(venue.apply(event)).toBe(engine.apply(event));
    }
    expect(venue.stateHash()).toBe(engine.stateHash());
    expect(venue.instruments).toEqual([0]);
    for (const value of ['requests', 'rejects', 'trades', 'volume'] as const) {
      expect(venue[value]).toBe(engine[value]);
    }
    expect(venue.restingOrders).toBe(engine.book.size);
  });

  it('matches orders of one instrument only with each other, whatever their ids and prices', () => {
    const venue = venueOf(of(1, bid(1, 100, 5)), of(2, ask(2, 90, 5)), of(2, bid(1, 80, 5)));
    expect([venue.trades, venue.restingOrders]).toEqual([0, 3]);
    venue.apply(of(1, ask(3, 100, 2)));
    venue.apply(of(2, market(4, Side.Bid, 9)));
    expect([venue.trades, venue.volume]).toEqual([2, 7]);
    expect([venue.engine(1)!.volume, venue.engine(2)!.volume]).toEqual([2, 5]);
    expect(venue.instruments).toEqual([0, 1, 2]);
    expect(venue.engine(3)).toBeUndefined();
  });

  it('has a state that tells instruments apart, and not the order in which they came', () => {
    const requests = (a: number, b: number) => [of(a, bid(1, 100, 5)), of(b, ask(2, 110, 5))];
    const hash = venueOf(...requests(5, 9)).stateHash();
    expect(venueOf(...requests(5, 9).reverse()).stateHash()).toBe(hash);
    for (const [a, b] of [
      [9, 5],
      [5, 10],
      [0, 9],
      [5, 5],
    ]) {
      expect(venueOf(...requests(a, b)).stateHash()).not.toBe(hash);
    }
  });

  it('has the same state whether its engines were made before or at their first request', () => {
    const requests = [of(2, bid(1, 100, 5)), of(1, ask(2, 110, 5))];
    const ready = new Venue(5);
    expect(ready.stateHash()).toBe(new Venue().stateHash());
    for (const event of requests) ready.apply(event);
    expect(ready.stateHash()).toBe(venueOf(...requests).stateHash());
    expect(ready.instruments).toEqual([0, 1, 2, 3, 4]);
  });

  it('counts what is for no instrument, as part of its state, and makes no engine for it', () => {
    const venue = venueOf(bid(1, 100, 5));
    const before = venue.stateHash();
    for (const instrument of [MAX_INSTRUMENTS, 65_535]) {
      expect(venue.apply(of(instrument, bid(2, 100, 5)))).toBe(Outcome.UnknownInstrument);
    }
    expect(venue.instruments).toEqual([0]);
    expect([venue.requests, venue.rejects, venue.count(Outcome.UnknownInstrument)]).toEqual([3, 2, 2]);
    expect(venue.stateHash()).not.toBe(before);
    expect(venue.apply(of(MAX_INSTRUMENTS - 1, bid(2, 100, 5)))).toBe(Outcome.Accepted);
  });

  it('sums the outcomes of all instruments', () => {
    const venue = venueOf(of(1, cancel(1)), of(2, cancel(1)), of(2, bid(1, 100, 5)));
    expect([venue.count(Outcome.UnknownOrder), venue.count(Outcome.Accepted)]).toEqual([2, 1]);
  });

  it('takes the instrument from bytes 44 and 45 alone', () => {
    const event = new RequestEvent();
    event.bytes.set([0x34, 0x12], 44);
    expect(instrumentOf(event)).toBe(0x1234);
    event.bytes.fill(0xff).set([7, 0], 44);
    expect(instrumentOf(event)).toBe(7);
  });
});
