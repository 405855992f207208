import { MAX_INSTRUMENTS } from '../engine/instrument.js';
import { FlowProfileError, type Rules, readFields, readNumbers, readVariant } from './profile-rules.js';

/** When requests come. Rates are requests per second, on average. */
export type ArrivalsProfile =
  | { readonly kind: 'max' }
  | { readonly kind: 'fixed'; readonly rate: number }
  | { readonly kind: 'poisson'; readonly rate: number }
  /** Self-exciting: each request causes `branching` others, on average, after `decayMs` on average. */
  | { readonly kind: 'hawkes'; readonly rate: number; readonly branching: number; readonly decayMs: number };

/** Weights of the request types. What is new beyond what is cancelled are market orders, which never rest. */
export interface MixProfile {
  readonly new: number;
  readonly price: number;
  readonly quantity: number;
  readonly cancel: number;
}

export interface InstrumentsProfile {
  readonly count: number;
  /** Instrument k gets requests as 1 / (k + 1)^skew; 0 = all alike. */
  readonly skew: number;
}

/** Quantities of orders. */
export type SizesProfile =
  | { readonly kind: 'lots' }
  | { readonly kind: 'fixed'; readonly quantity: number }
  | { readonly kind: 'lognormal'; readonly median: number; readonly sigma: number };

/** How far from the fair price limit orders are, in ticks; `crossing` is the part of new ones that is across it. */
export type PricesProfile = { readonly crossing: number } & (
  | { readonly kind: 'heavy-tail' }
  | { readonly kind: 'geometric'; readonly mean: number }
  | { readonly kind: 'uniform'; readonly most: number }
);

/** What an order flow is like; with a seed, all that it follows from. Plain JSON. */
export interface FlowProfile {
  readonly arrivals: ArrivalsProfile;
  readonly mix: MixProfile;
  readonly instruments: InstrumentsProfile;
  readonly users: number;
  /** The most orders of an instrument that can rest, a power of two. */
  readonly slots: number;
  readonly sizes: SizesProfile;
  readonly prices: PricesProfile;
}

/** Far enough from the walk of the fair price and the ends of the book. */
const MAX_DISTANCE = 8192;
const RATE: Rules = { rate: { otherwise: 100_000, least: 0.001, most: 1e9 } };
const CROSSING: Rules = { crossing: { otherwise: 0.0625, least: 0, most: 0.5 } };
const ARRIVALS: Record<ArrivalsProfile['kind'], Rules> = {
  max: {},
  fixed: RATE,
  poisson: RATE,
  hawkes: {
    ...RATE,
    branching: { otherwise: 0.7, least: 0, most: 0.99 },
    decayMs: { otherwise: 1, least: 0.001, most: 1e6 },
  },
};
const WEIGHT = { least: 0, most: 1e6 };
const MIX = {
  new: { ...WEIGHT, otherwise: 68 },
  price: { ...WEIGHT, otherwise: 31 },
  quantity: { ...WEIGHT, otherwise: 31 },
  cancel: { ...WEIGHT, otherwise: 62 },
};
const INSTRUMENTS = {
  count: { otherwise: 1, least: 1, most: MAX_INSTRUMENTS, isWhole: true },
  skew: { otherwise: 1, least: 0, most: 4 },
};
const SIZES: Record<SizesProfile['kind'], Rules> = {
  lots: {},
  fixed: { quantity: { otherwise: 100, least: 1, most: 1_000_000, isWhole: true } },
  lognormal: {
    median: { otherwise: 100, least: 1, most: 1_000_000 },
    sigma: { otherwise: 1, least: 0, most: 2 },
  },
};
const PRICES: Record<PricesProfile['kind'], Rules> = {
  'heavy-tail': CROSSING,
  geometric: { ...CROSSING, mean: { otherwise: 16, least: 1, most: MAX_DISTANCE / 16 } },
  uniform: { ...CROSSING, most: { otherwise: 64, least: 1, most: MAX_DISTANCE, isWhole: true } },
};
const COUNTS = {
  users: { otherwise: 1024, least: 1, most: 1_000_000, isWhole: true },
  slots: { otherwise: 4096, least: 256, most: 4096, isWhole: true },
};
const FIELDS = ['arrivals', 'mix', 'instruments', 'sizes', 'prices', ...Object.keys(COUNTS)];
/** Beyond this, market orders take more than limit orders bring, and the book runs dry. */
const MOST_NEW_FOR_ONE_CANCEL = 1.5;

/**
 * A whole profile from what a JSON file says; what it leaves out is as in the default one.
 * @throws FlowProfileError
 */
export function readFlowProfile(json: unknown): FlowProfile {
  const {
    arrivals = { kind: 'max' },
    mix = {},
    instruments = {},
    sizes = { kind: 'lots' },
    prices = { kind: 'heavy-tail' },
    ...counts
  } = readFields(json, 'profile', FIELDS);
  const profile = {
    arrivals: readVariant(arrivals, 'arrivals', ARRIVALS) as ArrivalsProfile,
    mix: readNumbers(mix, 'mix', MIX),
    instruments: readNumbers(instruments, 'instruments', INSTRUMENTS),
    ...readNumbers(counts, 'profile', COUNTS),
    sizes: readVariant(sizes, 'sizes', SIZES) as SizesProfile,
    prices: readVariant(prices, 'prices', PRICES) as PricesProfile,
  };
  checkMix(profile.mix);
  const { slots } = profile;
  if ((slots & (slots - 1)) !== 0) throw new FlowProfileError(`slots must be a power of two, not ${slots}`);
  return profile;
}

function checkMix(mix: MixProfile): void {
  if (mix.cancel <= 0)
    throw new FlowProfileError('mix.cancel must be above 0: nothing else empties the book');
  if (mix.new < mix.cancel || mix.new > MOST_NEW_FOR_ONE_CANCEL * mix.cancel) {
    throw new FlowProfileError(
      `mix.new must be from mix.cancel to ${MOST_NEW_FOR_ONE_CANCEL} times that: each limit order is cancelled once, ` +
        'and the new orders beyond those are market orders',
    );
  }
}

/** The profile of a flow of which only the seed is known. */
export const DEFAULT_PROFILE: FlowProfile = readFlowProfile({});
