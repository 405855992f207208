import { OrderType, RequestEvent, type RequestType, type Side } from '@fswal/format';
import { describe, expect, it } from 'vitest';
import { decodeCheckpoint, encodeCheckpoint } from '../src/checkpoint/checkpoint.js';
import { INSTRUMENT, MAX_INSTRUMENTS } from '../src/engine/instrument.js';
import { WordWriter } from '../src/engine/state-words.js';
import { Venue } from '../src/engine/venue.js';
import { readFlowProfile } from '../src/flow/flow-profile.js';
import { OrderFlow } from '../src/flow/order-flow.js';
import { Xoshiro128 } from '../src/flow/xoshiro128.js';

const SEEDS = [1, Math.floor(Date.now() / 1000)];
const REQUESTS = 30_000;
const PREFIXES = 8;

/** Makes the next request of a flow. */
type Next = (event: RequestEvent) => void;

/** Requests that collide on few prices, ids, users and instruments, some of the latter not to be had. */
function wild(seed: number): Next {
  const random = new Xoshiro128(seed);
  return (event) => {
    const request = RequestEvent.from({
      type: random.below(4) as RequestType,
      orderType: random.below(6) === 0 ? OrderType.Market : OrderType.Limit,
      side: random.below(2) as Side,
      orderId: random.below(60) * 0x0444_4444,
      userId: 0xffff_fff0 + Math.floor(random.below(12) / 10),
      price: random.below(30),
      quantity: random.below(12) - 1,
    });
    request.words[INSTRUMENT] = random.below(50) === 0 ? MAX_INSTRUMENTS : random.below(4);
    event.copyFrom(request);
  };
}

function profiled(profile: object): (seed: number) => Next {
  return (seed) => {
    const flow = new OrderFlow(seed, readFlowProfile(profile));
    return (event) => void flow.next(event);
  };
}

const FLOWS: [string, (seed: number) => Next][] = [
  ['the default flow', profiled({})],
  ['a flow of five instruments', profiled({ instruments: { count: 5 }, slots: 256 })],
  ['wild requests', wild],
];

function apply(venue: Venue, next: Next, from: number, upTo: number, event: RequestEvent): void {
  for (let id = from + 1; id <= upTo; id++) {
    next(event);
    event.eventId = id;
    venue.apply(event);
  }
}

describe.each(FLOWS)('a checkpoint of %s', (_, open) => {
  it.each(SEEDS)('gives the state of a full replay, whatever the prefix, with seed %i', (seed) => {
    const whole = new Venue();
    apply(whole, open(seed), 0, REQUESTS, new RequestEvent());
    const random = new Xoshiro128(seed);
    const prefixes = Array.from({ length: PREFIXES }, () => 1 + random.below(REQUESTS));
    const [venue, next, event, words] = [new Venue(), open(seed), new RequestEvent(), new WordWriter()];
    let at = 0;
    for (const prefix of [1, ...prefixes, REQUESTS].sort((a, b) => a - b)) {
      apply(venue, next, at, prefix, event);
      at = prefix;
      const bytes = encodeCheckpoint(event, venue, words).slice();
      const restored = decodeCheckpoint(bytes);
      expect(restored.event.bytes).toEqual(event.bytes);
      expect(restored.venue.stateHash(), `after ${prefix}`).toBe(venue.stateHash());
      expect(encodeCheckpoint(event, restored.venue, new WordWriter())).toEqual(bytes);

      const rest = open(seed);
      apply(new Venue(), rest, 0, prefix, new RequestEvent());
      apply(restored.venue, rest, prefix, REQUESTS, new RequestEvent());
      expect(restored.venue.stateHash(), `the rest after ${prefix}`).toBe(whole.stateHash());
      expect(restored.venue.requests).toBe(REQUESTS);
    }
    expect(whole.trades).toBeGreaterThan(100);
  });
});
