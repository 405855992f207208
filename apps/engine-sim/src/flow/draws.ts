import type { PricesProfile, SizesProfile } from './flow-profile.js';
import { normalQuantile } from './normal-quantile.js';

const TABLE_BITS = 12;
const TABLE_SIZE = 1 << TABLE_BITS;

/** A distribution over whole numbers. */
export interface Draw {
  /** @param bits 32 random bits; the lowest one is not looked at */
  of(bits: number): number;
}

/** Quantities of orders, from 1. */
export function createSizes(profile: SizesProfile): Draw {
  switch (profile.kind) {
    case 'lots':
      return new Lots();
    case 'fixed':
      return new QuantileTable(() => profile.quantity);
    case 'lognormal':
      return new QuantileTable((part) => profile.median * Math.exp(profile.sigma * normalQuantile(part)));
  }
}

/** Distances of limit prices from the fair price in ticks, from 1. */
export function createDistances(profile: PricesProfile): Draw {
  switch (profile.kind) {
    case 'heavy-tail':
      return new HeavyTail();
    case 'geometric':
      return new QuantileTable((part) => 1 + Math.floor(Math.log(1 - part) / Math.log(1 - 1 / profile.mean)));
    case 'uniform':
      return new QuantileTable((part) => 1 + Math.floor(part * profile.most));
  }
}

/** From 1 to 100, mostly in tens. */
class Lots implements Draw {
  of(bits: number): number {
    const lots = bits >>> 15;
    return ((bits >>> 12) & 7) === 0 ? 1 + (lots & 63) : 10 * (1 + (lots % 10));
  }
}

/** Each spread is half as likely as the one before and twice as wide, up to 1,024 ticks. */
class HeavyTail implements Draw {
  of(bits: number): number {
    const spread = 8 << Math.min(Math.clz32(bits), 7);
    return 1 + ((bits >>> 1) & (spread - 1));
  }
}

/** Any distribution, as a table of its quantiles: however hard they are to compute, drawing costs a look-up. */
class QuantileTable implements Draw {
  readonly #values = new Int32Array(TABLE_SIZE);

  /** @param quantile of a part of 1, neither 0 nor 1; at most 2^31 - 1 */
  constructor(quantile: (part: number) => number) {
    for (let i = 0; i < TABLE_SIZE; i++) {
      this.#values[i] = Math.max(1, Math.round(quantile((i + 0.5) / TABLE_SIZE)));
    }
  }

  of(bits: number): number {
    return this.#values[bits >>> (32 - TABLE_BITS)];
  }
}
