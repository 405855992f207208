import { describe, expect, it } from 'vitest';
import { OrderIndex } from '../src/engine/order-index.js';
import { NO_ORDER, OrderPool } from '../src/engine/order-pool.js';
import { MAX_PRICE, NO_PRICE, PriceBitmap } from '../src/engine/price-bitmap.js';
import { StateHash } from '../src/engine/state-hash.js';
import { Xoshiro128 } from '../src/flow/xoshiro128.js';

const SEED = Math.floor(Date.now() / 1000);

describe(`structures, seed ${SEED}`, () => {
  it('bitmap: finds the neighbours that a sorted list finds', () => {
    const random = new Xoshiro128(SEED);
    const bitmap = new PriceBitmap();
    const present = new Set<number>();
    const edges = [1, 2, 31, 32, 33, 63, 64, 1023, 1024, 32767, 32768, 65535, MAX_PRICE - 1, MAX_PRICE];
    for (let i = 0; i < 3000; i++) {
      const price = random.below(3) === 0 ? edges[random.below(edges.length)] : 1 + random.below(MAX_PRICE);
      if (random.below(3) === 0 && present.size > 0) {
        const gone = [...present][random.below(present.size)];
        bitmap.delete(gone);
        present.delete(gone);
      } else {
        bitmap.add(price);
        present.add(price);
      }
      const sorted = [...present];
      expect(bitmap.has(price)).toBe(present.has(price));
      const higher = sorted.filter((p) => p > price);
      expect(bitmap.above(price)).toBe(higher.length === 0 ? NO_PRICE : Math.min(...higher));
      expect(bitmap.below(price)).toBe(
        sorted.filter((p) => p < price).reduce((a, b) => Math.max(a, b), NO_PRICE),
      );
    }
  });

  it('index: holds what a Map holds, through growth and removals', () => {
    const random = new Xoshiro128(SEED + 1);
    const index = new OrderIndex(2);
    const map = new Map<number, number>();
    for (let i = 0; i < 60_000; i++) {
      // Multiples of 2^20 collide in the upper bits now and then.
      const id = random.below(2) === 0 ? random.below(500) | 0 : (random.below(500) << 20) | 0;
      const known = map.get(id);
      expect(index.get(id)).toBe(known ?? NO_ORDER);
      if (known === undefined) {
        index.set(id, i + 1);
        map.set(id, i + 1);
      } else {
        index.delete(id);
        map.delete(id);
      }
      expect(index.size).toBe(map.size);
    }
    for (const [id, order] of map) expect(index.get(id)).toBe(order);
  });

  it('index: removing what is not there changes nothing', () => {
    const index = new OrderIndex();
    index.set(7, 1);
    index.delete(8);
    expect([index.size, index.get(7)]).toEqual([1, 1]);
  });

  it('pool: never hands out a row twice, and reuses what it gets back', () => {
    const random = new Xoshiro128(SEED + 2);
    const pool = new OrderPool(4);
    const taken = new Set<number>();
    for (let i = 0; i < 20_000; i++) {
      if (taken.size < 100 && random.below(2) === 0) {
        const row = pool.take();
        expect(taken.has(row) || row === NO_ORDER).toBe(false);
        taken.add(row);
      } else if (taken.size > 0) {
        const row = [...taken][random.below(taken.size)];
        taken.delete(row);
        pool.give(row);
      }
    }
    expect(pool.words.length / 8).toBeLessThanOrEqual(256);
  });

  it('hash: sees order, length and every bit of a word', () => {
    const digest = (...words: number[]): string => {
      const hash = new StateHash();
      for (const word of words) hash.add(word);
      return hash.digest();
    };
    const seen = new Set([digest(), digest(0), digest(0, 0), digest(1, 2), digest(2, 1)]);
    for (let bit = 0; bit < 32; bit++) seen.add(digest(1, 2, 1 << bit, 3));
    expect(seen.size).toBe(5 + 32);
  });

  it('hash: has no collision in 300,000 different short sequences', () => {
    const seen = new Set<string>();
    for (let i = 0; i < 300_000; i++) {
      const hash = new StateHash();
      hash.addNumber(i * 4096);
      seen.add(hash.digest());
    }
    expect(seen.size).toBe(300_000);
  });
});
