import { RequestEvent, RequestType } from '@fswal/format';
import { describe, expect, it } from 'vitest';
import { instrumentOf } from '../src/engine/instrument.js';
import { Venue } from '../src/engine/venue.js';
import { createDistances, createSizes, type Draw } from '../src/flow/draws.js';
import { DEFAULT_PROFILE, readFlowProfile } from '../src/flow/flow-profile.js';
import { normalQuantile } from '../src/flow/normal-quantile.js';
import { OrderFlow } from '../src/flow/order-flow.js';
import { FlowProfileError } from '../src/flow/profile-rules.js';

const SEED = 17;

/** Calls `see` with each of the first `count` requests. */
function requests(json: object, count: number, see: (event: RequestEvent, flow: OrderFlow) => void): void {
  const flow = new OrderFlow(SEED, readFlowProfile(json));
  const event = new RequestEvent();
  for (let i = 0; i < count; i++) {
    flow.next(event);
    see(event, flow);
  }
}

/** Nanoseconds between one request and the next. */
function gaps(json: object, count: number): number[] {
  const found: number[] = [];
  let last = 0;
  requests(json, count, (_, flow) => {
    found.push(flow.elapsedNs - last);
    last = flow.elapsedNs;
  });
  return found;
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Variance by mean of the number of requests in windows of `windowNs`: 1 where they are independent of each other. */
function dispersion(gapsNs: readonly number[], windowNs: number): number {
  const counts: number[] = [];
  let now = 0;
  for (const gap of gapsNs) {
    now += gap;
    const window = Math.floor(now / windowNs);
    while (counts.length <= window) counts.push(0);
    counts[window]++;
  }
  // The last window is cut short.
  counts.pop();
  const average = mean(counts);
  return mean(counts.map((count) => (count - average) ** 2)) / average;
}

describe('a flow profile', () => {
  it('is the default one where it says nothing, and a whole one is read as it is', () => {
    expect(readFlowProfile({})).toEqual(DEFAULT_PROFILE);
    expect(readFlowProfile(JSON.parse(JSON.stringify(DEFAULT_PROFILE)))).toEqual(DEFAULT_PROFILE);
    const whole = readFlowProfile({
      arrivals: { kind: 'hawkes', rate: 5000 },
      mix: { new: 3, cancel: 2, price: 0, quantity: 1 },
      instruments: { count: 7 },
      users: 3,
      slots: 512,
      sizes: { kind: 'lognormal', median: 10 },
      prices: { kind: 'uniform', most: 9, crossing: 0 },
    });
    expect(whole).toEqual({
      arrivals: { kind: 'hawkes', rate: 5000, branching: 0.7, decayMs: 1 },
      mix: { new: 3, cancel: 2, price: 0, quantity: 1 },
      instruments: { count: 7, skew: 1 },
      users: 3,
      slots: 512,
      sizes: { kind: 'lognormal', median: 10, sigma: 1 },
      prices: { kind: 'uniform', most: 9, crossing: 0 },
    });
    expect(readFlowProfile(whole)).toEqual(whole);
  });

  it.each([
    [null, 'profile must be an object, not null'],
    [[], 'profile must be an object, not []'],
    [{ user: 5 }, 'profile has no field "user"; its fields are arrivals, mix'],
    [{ users: '5' }, 'profile.users must be a whole number from 1 to 1000000, not "5"'],
    [{ users: 1.5 }, 'profile.users must be a whole number'],
    [{ slots: 300 }, 'slots must be a power of two, not 300'],
    [{ slots: 2 }, 'profile.slots must be a whole number from 256 to 4096, not 2'],
    [{ arrivals: 'poisson' }, 'arrivals must be an object, not "poisson"'],
    [
      { arrivals: { kind: 'weekly' } },
      'arrivals.kind must be one of max, fixed, poisson, hawkes, not "weekly"',
    ],
    [{ arrivals: { rate: 5 } }, 'arrivals.kind must be one of'],
    [{ arrivals: { kind: 'toString' } }, 'arrivals.kind must be one of'],
    [{ arrivals: { kind: 'max', rate: 5 } }, 'arrivals has no field "rate"; its fields are none but kind'],
    [{ arrivals: { kind: 'poisson', rate: 0 } }, 'arrivals.rate must be a number from 0.001 to'],
    [{ arrivals: { kind: 'hawkes', branching: 1 } }, 'arrivals.branching must be a number from 0 to 0.99'],
    [{ mix: { cancel: 0 } }, 'mix.cancel must be above 0'],
    [{ mix: { new: 1, cancel: 2 } }, 'mix.new must be from mix.cancel to 1.5 times that'],
    [{ mix: { new: 4, cancel: 2 } }, 'mix.new must be from mix.cancel to 1.5 times that'],
    [{ mix: { news: 4 } }, 'mix has no field "news"'],
    [{ instruments: { count: 16_385 } }, 'instruments.count must be a whole number from 1 to 16384'],
    [{ sizes: { kind: 'fixed', quantity: Number.NaN } }, 'sizes.quantity must be a whole number'],
    [{ prices: { kind: 'geometric', mean: 0.5 } }, 'prices.mean must be a number from 1'],
  ])('%j is refused: %s', (json, message) => {
    expect(() => readFlowProfile(json)).toThrow(FlowProfileError);
    expect(() => readFlowProfile(json)).toThrow(message);
  });
});

describe('arrivals', () => {
  it.each(['fixed', 'poisson', 'hawkes'])('%s: as many a second as the rate says', (kind) => {
    const all = gaps({ arrivals: { kind, rate: 50_000 } }, 300_000);
    expect(mean(all)).toBeGreaterThan(19_000);
    expect(mean(all)).toBeLessThan(21_000);
    expect(all.every((gap) => gap >= 0)).toBe(true);
  });

  it('fixed: evenly, also where the gap is no whole number of nanoseconds', () => {
    const all = gaps({ arrivals: { kind: 'fixed', rate: 3 } }, 30_000);
    expect(new Set(all)).toEqual(new Set([333_333_333, 333_333_334]));
    expect(mean(all)).toBeCloseTo(1e9 / 3, 3);
  });

  it('poisson: independently of each other; hawkes: in bursts, as strong as its branching says', () => {
    const windowNs = 20_000_000;
    const poisson = gaps({ arrivals: { kind: 'poisson', rate: 50_000 } }, 1_000_000);
    expect(dispersion(poisson, windowNs)).toBeGreaterThan(0.85);
    expect(dispersion(poisson, windowNs)).toBeLessThan(1.15);
    expect(poisson.filter((gap) => gap > 20_000).length / poisson.length).toBeCloseTo(Math.exp(-1), 2);
    // Over windows much longer than the decay the dispersion of a Hawkes process goes to 1 / (1 - branching)^2.
    for (const [branching, least, most] of [
      [0, 0.85, 1.15],
      [0.5, 3.2, 4.6],
      [0.8, 18, 31],
    ]) {
      const arrivals = { kind: 'hawkes', rate: 50_000, branching, decayMs: 0.1 };
      const found = dispersion(gaps({ arrivals }, 1_000_000), windowNs);
      expect(found).toBeGreaterThan(least);
      expect(found).toBeLessThan(most);
    }
  });

  it('change the timestamps of a flow and nothing else', () => {
    const [one, other] = [
      new OrderFlow(SEED),
      new OrderFlow(SEED, readFlowProfile({ arrivals: { kind: 'hawkes' } })),
    ];
    const [a, b] = [new RequestEvent(), new RequestEvent()];
    for (let i = 0; i < 5000; i++) {
      one.next(a);
      other.next(b);
      expect([...b.words.subarray(4)]).toEqual([...a.words.subarray(4)]);
    }
    expect(b.timestamp).not.toBe(a.timestamp);
  });

  it('take gaps of many seconds', () => {
    const all = gaps({ arrivals: { kind: 'fixed', rate: 0.01 } }, 20);
    expect(new Set(all)).toEqual(new Set([100e9]));
  });
});

describe('the mix', () => {
  it.each([
    { new: 68, price: 31, quantity: 31, cancel: 62 },
    { new: 1, price: 0, quantity: 0, cancel: 1 },
    { new: 30, price: 5, quantity: 10, cancel: 20 },
    { new: 10, price: 60, quantity: 20, cancel: 10 },
  ])('%j is what comes', (mix) => {
    const counts = [0, 0, 0, 0];
    // The slots have to fill first.
    let seen = 0;
    requests({ mix }, 300_000, (event) => {
      if (seen++ >= 100_000) counts[event.type]++;
    });
    const sum = mix.new + mix.price + mix.quantity + mix.cancel;
    expect(counts[RequestType.New] / 200_000).toBeCloseTo(mix.new / sum, 1.7);
    expect(counts[RequestType.ModifyPrice] / 200_000).toBeCloseTo(mix.price / sum, 1.7);
    expect(counts[RequestType.ModifyQuantity] / 200_000).toBeCloseTo(mix.quantity / sum, 1.7);
    expect(counts[RequestType.Cancel] / 200_000).toBeCloseTo(mix.cancel / sum, 1.7);
  });
});

describe('instruments and users', () => {
  it("come as often as Zipf's law says, all of them", () => {
    const counts = new Float64Array(20);
    requests({ instruments: { count: 20, skew: 1 } }, 400_000, (event) => {
      counts[instrumentOf(event)]++;
    });
    const harmonic = Array.from({ length: 20 }, (_, i) => 1 / (i + 1)).reduce((a, b) => a + b);
    for (const [i, count] of counts.entries()) {
      expect((count / 400_000) * harmonic * (i + 1)).toBeGreaterThan(0.95);
      expect((count / 400_000) * harmonic * (i + 1)).toBeLessThan(1.05);
    }
  });

  it('ask for orders of their own instrument, by the user who has them', () => {
    const owners = new Map<number, string>();
    requests({ instruments: { count: 5 }, users: 3 }, 50_000, (event) => {
      const owner = `${instrumentOf(event)} ${event.userId}`;
      if (event.type === RequestType.New) owners.set(event.orderId, owner);
      expect(owners.get(event.orderId)).toBe(owner);
      expect(event.userId).toBeGreaterThanOrEqual(1);
      expect(event.userId).toBeLessThanOrEqual(3);
    });
  });
});

describe('sizes and prices', () => {
  /** Of all values of the upper bits, from the smallest. */
  function values(draw: Draw): number[] {
    return Array.from({ length: 4096 }, (_, i) => draw.of(i << 20)).sort((a, b) => a - b);
  }

  it('follow the distributions that they are said to', () => {
    expect(new Set(values(createSizes({ kind: 'fixed', quantity: 7 })))).toEqual(new Set([7]));
    const lognormal = values(createSizes({ kind: 'lognormal', median: 1000, sigma: 1 }));
    expect(lognormal[2048]).toBeCloseTo(1000, -1);
    expect(lognormal[Math.round(4096 * 0.8413)] / lognormal[2048]).toBeCloseTo(Math.E, 1);
    const geometric = values(createDistances({ kind: 'geometric', mean: 20, crossing: 0 }));
    expect(mean(geometric)).toBeCloseTo(20, 0);
    expect(geometric[0]).toBe(1);
    expect(new Set(values(createDistances({ kind: 'geometric', mean: 1, crossing: 0 })))).toEqual(
      new Set([1]),
    );
    const uniform = values(createDistances({ kind: 'uniform', most: 64, crossing: 0 }));
    expect([uniform[0], uniform[4095], mean(uniform)]).toEqual([1, 64, 32.5]);
    const heavy = values(createDistances({ kind: 'heavy-tail', crossing: 0 }));
    expect(heavy[0]).toBeGreaterThanOrEqual(1);
    expect(heavy[4095]).toBeLessThanOrEqual(1024);
  });

  it('know the quantiles of the normal distribution', () => {
    for (const [part, value] of [
      [0.5, 0],
      [0.841344746, 1],
      [0.977249868, 2],
      [0.99865010197, 3],
      [0.02275013195, -2],
      [1e-9, -5.9978],
    ]) {
      expect(normalQuantile(part)).toBeCloseTo(value, 4);
    }
  });
});

describe('the book under a profile', () => {
  it.each([
    [{ arrivals: { kind: 'hawkes' }, sizes: { kind: 'lognormal' } }, 20],
    [{ mix: { new: 150, price: 31, quantity: 31, cancel: 100 } }, 40],
    [{ mix: { new: 1, price: 0, quantity: 0, cancel: 1 }, prices: { kind: 'geometric', mean: 8 } }, 20],
    [{ instruments: { count: 4, skew: 0.5 }, slots: 1024 }, 20],
  ])('%j: has a bounded depth and spread on both sides', (json, mostSpread) => {
    const profile = readFlowProfile(json);
    const venue = new Venue();
    let applied = 0;
    requests(json, 1_000_000, (event) => {
      venue.apply(event);
      if (++applied % 1000 !== 0 || applied < 200_000) return;
      for (const instrument of venue.instruments) {
        const { size, bestBid, bestAsk } = venue.engine(instrument)!.book;
        expect(size).toBeLessThanOrEqual(profile.slots);
        expect(size).toBeGreaterThan(profile.slots / 8);
        expect(Math.min(bestBid, bestAsk - bestBid)).toBeGreaterThan(0);
        expect(bestAsk - bestBid).toBeLessThan(mostSpread);
      }
    });
    expect(venue.instruments).toHaveLength(profile.instruments.count);
    expect(venue.rejects / venue.requests).toBeLessThan(0.35);
  });

  it('ends in the state that this version of flow and engines has always had', () => {
    const json = {
      arrivals: { kind: 'hawkes' },
      instruments: { count: 3 },
      users: 5000,
      sizes: { kind: 'lognormal' },
      prices: { kind: 'geometric' },
    };
    const venue = new Venue();
    let last = 0n;
    requests(json, 50_000, (event) => {
      venue.apply(event);
      last = event.timestamp;
    });
    // Logs outlive versions of Node, too: its log and exp are part of this.
    expect([venue.stateHash(), last]).toMatchInlineSnapshot(`
      [
        "0d021bc9bb030e75",
        1767605400499311683n,
      ]
    `);
  });
});
