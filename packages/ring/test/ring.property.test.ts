import { describe, expect, it } from 'vitest';
import { createRingBuffer, RingKind } from '../src/layout.js';
import { SpmcRing } from '../src/spmc-ring.js';
import { SpscRing } from '../src/spsc-ring.js';
import { newSeed, Random } from './support/random.js';

const RUNS = 40;
const STEPS = 400;

/** What both rings must do, with an array: records by position, and which positions are given back. */
class Model {
  readonly capacity: number;
  /** Value of each record ever published, by position. */
  readonly published: number[] = [];
  taken = 0;
  readonly released = new Set<number>();

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get full(): boolean {
    const before = this.published.length - this.capacity;
    return before >= 0 && !this.released.has(before);
  }

  get size(): number {
    return this.published.length - this.taken;
  }
}

interface Consumer {
  ring: SpscRing | SpmcRing;
  /** Position of the record it holds, or -1. */
  held: number;
}

function run(random: Random, kind: RingKind, consumerCount: number): void {
  const capacity = 2 ** random.below(5);
  const recordWords = 1 + random.below(20);
  const firstPosition = [0, 2 ** 31, 2 ** 32][random.below(3)] - random.below(STEPS / 2);
  const buffer = createRingBuffer(kind, { capacity, recordWords }, firstPosition);
  const Ring = kind === RingKind.Spsc ? SpscRing : SpmcRing;
  const producer: SpscRing | SpmcRing = Ring.attach(buffer);
  const consumers: Consumer[] = Array.from({ length: consumerCount }, () => ({
    ring: Ring.attach(buffer),
    held: -1,
  }));
  const model = new Model(capacity);
  const scratch = new Int32Array(recordWords);
  const contents = (value: number) => Int32Array.from(scratch, (_, i) => value * 31 + i);
  let claimed = false;

  for (let step = 0; step < STEPS; step++) {
    const consumer = consumers[random.below(consumerCount)];
    const value = random.below(1_000_000);
    switch (random.below(7)) {
      case 0:
        if (claimed) {
          expect(() => producer.push(contents(value))).toThrow(/claim/);
        } else {
          const { full } = model;
          expect(producer.push(contents(value))).toBe(!full);
          if (!full) model.published.push(value);
        }
        break;
      case 1: {
        const at = producer.claim();
        expect(at >= 0).toBe(!model.full);
        claimed = at >= 0;
        break;
      }
      case 2:
        if (claimed) {
          producer.words.set(contents(value), producer.claim());
          producer.commit();
          model.published.push(value);
          claimed = false;
        } else {
          expect(() => producer.commit()).toThrow(/claim/);
        }
        break;
      case 3:
      case 4: {
        // Peek: the record held, else the oldest that nobody has taken.
        const at = consumer.ring.peek();
        if (consumer.held < 0 && model.size > 0) consumer.held = model.taken++;
        expect(at >= 0).toBe(consumer.held >= 0);
        break;
      }
      case 5:
        if (consumer.held < 0) {
          expect(() => consumer.ring.release()).toThrow(/peek/);
        } else {
          const at = consumer.ring.peek();
          const found = consumer.ring.words.slice(at, at + recordWords);
          expect(found).toEqual(contents(model.published[consumer.held]));
          consumer.ring.release();
          model.released.add(consumer.held);
          consumer.held = -1;
        }
        break;
      case 6: {
        if (consumer.held < 0 && model.size > 0) consumer.held = model.taken++;
        expect(consumer.ring.pop(scratch)).toBe(consumer.held >= 0);
        if (consumer.held >= 0) {
          expect(scratch).toEqual(contents(model.published[consumer.held]));
          model.released.add(consumer.held);
          consumer.held = -1;
        }
        break;
      }
    }
    if (kind === RingKind.Spmc) expect(producer.size).toBe(model.size);
    else expect(producer.size).toBe(model.published.length - model.released.size);
  }
}

describe('against an array queue, over random operations', () => {
  const seed = newSeed();
  const cases = [
    { name: 'SpscRing', kind: RingKind.Spsc, consumers: 1 },
    { name: 'SpmcRing, 1 consumer', kind: RingKind.Spmc, consumers: 1 },
    { name: 'SpmcRing, 3 consumers', kind: RingKind.Spmc, consumers: 3 },
  ];
  it.each(cases)(`$name behaves the same (FSWAL_SEED=${seed})`, ({ kind, consumers }) => {
    const random = new Random(seed);
    for (let i = 0; i < RUNS; i++) run(random, kind, consumers);
  });
});
