import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readTailRing } from '../src/index.js';
import { differs, RingModel } from './helpers/ring-model.js';

const BOOT = '1'.repeat(32);
const PAGE_BYTES = 4096;

type Step = { append: number; step: bigint } | { write: number };

const steps = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        append: fc.integer({ min: 1, max: 500 }),
        step: fc.constantFrom(1n, 1n, 1n, 2n, 900n),
      }),
    },
    { weight: 2, arbitrary: fc.record({ write: fc.integer({ min: 0, max: 900 }) }) },
  ),
  { minLength: 1, maxLength: 14 },
);

function run(model: RingModel, step: Step, contiguous: boolean): void {
  if ('write' in step) {
    model.write(step.write);
    return;
  }
  for (let i = 0; i < step.append && !model.full; i++) model.append(contiguous || i > 0 ? 1n : step.step);
}

test('a process killed at any moment: every appended event is there, once, in order, and no other', () => {
  fc.assert(
    fc.property(
      steps,
      steps,
      fc.integer({ min: 4, max: 6 }),
      fc.bigInt({ min: 0n, max: 2n ** 62n }),
      fc.integer({ min: 0, max: 16 }),
      (first, second, tailBlocks, afterEventId, stores) => {
        const before = new RingModel({ tailBlocks, afterEventId, bootId: BOOT, salt: 1 });
        for (const step of first) run(before, step, false);
        // The next life takes over what was there, and may find the old slots.
        const over = before.image;
        const model = new RingModel({ tailBlocks, afterEventId: before.lastId, bootId: BOOT, over });
        for (const step of second) run(model, step, false);
        model.beginAppend(stores);
        const content = readTailRing(model.image, model.end(), BOOT);
        expect(differs(model.image, content, model, model.written)).toBeUndefined();
        expect(content.events).toBe(model.appended.length - model.written);
        // A ring of the life before, against what this life has written.
        if (model.written > 0) expect(readTailRing(over, model.end(), BOOT).events).toBe(0);
      },
    ),
    { numRuns: 150 },
  );
});

test('a power cut at any moment, pages and segments of any age: a prefix of what was appended, or nothing', () => {
  fc.assert(
    fc.property(
      steps,
      fc.boolean(),
      fc.integer({ min: 0, max: 16 }),
      fc.infiniteStream(fc.nat()),
      (course, contiguous, stores, choices) => {
        const next = (limit: number) => (choices.next().value as number) % limit;
        const model = new RingModel({ tailBlocks: 4, afterEventId: 50n, bootId: BOOT });
        const snapshots = [model.image.slice()];
        const writtenThen = [0];
        for (const step of course) {
          run(model, step, contiguous);
          snapshots.push(model.image.slice());
          writtenThen.push(model.written);
        }
        model.beginAppend(stores);
        snapshots.push(model.image.slice());
        for (let round = 0; round < 5; round++) {
          const image = snapshots[next(snapshots.length)].slice();
          for (let page = 0; page * PAGE_BYTES < image.length; page++) {
            const from = snapshots[next(snapshots.length)];
            image.set(from.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES), page * PAGE_BYTES);
          }
          const end = next(2) === 0 ? writtenThen[next(writtenThen.length)] : next(model.written + 1);
          const content = readTailRing(image, model.end(end), '2'.repeat(32));
          expect(differs(image, content, model, end)).toBeUndefined();
        }
      },
    ),
    { numRuns: 100 },
  );
});
