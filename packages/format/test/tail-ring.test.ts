import { describe, expect, test } from 'vitest';
import {
  BLOCK_EVENTS,
  EVENT_WORDS,
  readTailRing,
  TAIL_RING_HEADER_BYTES,
  tailRingBytes,
  tailRingEventWord,
} from '../src/index.js';
import { differs, RingModel } from './helpers/ring-model.js';
import { cut, flip, zero } from './helpers/vandal.js';

const BOOT = 'a'.repeat(32);
const OTHER_BOOT = 'b'.repeat(32);

/** A life that appended `appended` events, of which the segments have `written`; the ring never overtakes the writer. */
function life(
  appended: number,
  written: number,
  options: { step?: bigint; salt?: number; after?: bigint } = {},
) {
  const { step = 1n, salt = 0, after = 1_000n } = options;
  const model = new RingModel({ tailBlocks: 4, afterEventId: after, bootId: BOOT, salt });
  for (let i = 0; i < appended; i++) {
    if (model.full) model.write(written - model.written);
    model.append(step);
  }
  model.write(written - model.written);
  return model;
}

function expectBeyond(model: RingModel, bootId = BOOT, image = model.image) {
  const content = readTailRing(image, model.end(), bootId);
  expect(differs(image, content, model, model.written)).toBeUndefined();
  return content;
}

describe('a killed process', () => {
  test('what no segment has yet is there, wherever the segments end', () => {
    for (const [appended, written] of [
      [0, 0],
      [1, 0],
      [100, 0],
      [100, 1],
      [100, 100],
      [256, 0],
      [256, 255],
      [256, 256],
      [257, 256],
      [1024, 0],
      [1024, 300],
      [1200, 512],
      [1279, 512],
      [1280, 513],
      [3000, 2400],
      [3000, 2305],
      [3000, 3000],
    ]) {
      for (const step of [1n, 7n]) {
        const content = expectBeyond(life(appended, written, { step }));
        expect(content.events, `${appended} appended, ${written} written`).toBe(appended - written);
        expect(content.state).toBe(appended === written ? 'nothing' : 'events');
        expect(content.note).toBeUndefined();
      }
    }
  });

  test('a fresh life begins at slot 0, whatever older life lies in the slots', () => {
    const before = life(900, 900);
    const model = new RingModel({
      tailBlocks: 4,
      afterEventId: before.lastId,
      bootId: BOOT,
      over: before.image,
    });
    expect(expectBeyond(model).state).toBe('nothing');
    for (let i = 0; i < 300; i++) model.append();
    expect(expectBeyond(model).events).toBe(300);
    model.write(256);
    expect(expectBeyond(model).events).toBe(44);
  });

  test('the event that was being appended is not there, after any of its stores', () => {
    for (const over of [0, 1024]) {
      for (let stores = 0; stores <= EVENT_WORDS; stores++) {
        const model = life(over + 70, over === 0 ? 0 : over - 200);
        model.beginAppend(stores);
        expect(expectBeyond(model).events).toBe(model.appended.length - model.written);
      }
    }
  });

  test('ids above 2^53, and across 2^32', () => {
    for (const after of [2n ** 63n, 2n ** 32n - 150n, 2n ** 53n - 3n]) {
      expect(expectBeyond(life(300, 20, { after })).events).toBe(280);
      expect(expectBeyond(life(300, 20, { after }), OTHER_BOOT).events).toBe(280);
    }
  });

  test('an image at any alignment', () => {
    const model = life(300, 20);
    const shifted = new Uint8Array(model.image.length + 1);
    shifted.set(model.image, 1);
    expect(readTailRing(shifted.subarray(1), model.end(), BOOT)).toMatchObject({
      state: 'events',
      events: 280,
    });
  });
});

describe('a ring that is not to be used', () => {
  test('its header is damaged, at every byte', () => {
    const model = life(300, 20);
    for (let offset = 0; offset < 48; offset++) {
      const content = readTailRing(flip(model.image.slice(), offset, 0x40), model.end(), BOOT);
      expect(content).toMatchObject({ state: 'foreign', events: 0, runs: [] });
      expect(content.note).toContain('header');
    }
    const bare = zero(model.image.slice(), 0, TAIL_RING_HEADER_BYTES);
    expect(readTailRing(bare, model.end(), BOOT).state).toBe('foreign');
  });

  test('it was cut, at every block edge and next to it', () => {
    const model = life(300, 20);
    for (let blocks = 0; blocks <= 4; blocks++) {
      for (const more of [-1, 0, 1]) {
        const length = tailRingBytes(blocks) + more;
        if (length === model.image.length) continue;
        const image =
          length < model.image.length ? cut(model.image, length) : new Uint8Array([...model.image, 0]);
        expect(readTailRing(image, model.end(), BOOT).state).toBe('foreign');
      }
    }
    expect(readTailRing(new Uint8Array(0), model.end(), BOOT).state).toBe('foreign');
  });

  test('another log wrote it: what it shares with the segments differs', () => {
    const ours = life(300, 120);
    const theirs = life(300, 120, { salt: 1 });
    const content = readTailRing(theirs.image, ours.end(), BOOT);
    expect(content).toMatchObject({ state: 'foreign', events: 0 });
    expect(content.note).toContain('other events');
    // One event of the block in which they connect is enough; its header does not count.
    for (const index of [0, 1, 30, 118, 119]) {
      const mixed = flip(ours.image.slice(), tailRingEventWord(0, index) * 4 + 20);
      expect(readTailRing(mixed, ours.end(), BOOT).state).toBe('foreign');
    }
    const sealed = flip(ours.image.slice(), tailRingEventWord(0, 0) * 4 - 4, 0xff);
    expect(readTailRing(sealed, ours.end(), BOOT)).toMatchObject({ state: 'events', events: 180 });
  });

  test('it begins behind the end of the segments', () => {
    const model = life(300, 0);
    for (const lastEventId of [0n, 999n]) {
      const content = readTailRing(model.image, { ...model.end(0), lastEventId }, BOOT);
      expect(content).toMatchObject({ state: 'foreign', events: 0 });
      expect(content.note).toContain('300 events do not connect');
    }
    const empty = life(0, 0);
    expect(readTailRing(empty.image, { ...empty.end(), lastEventId: 7n }, BOOT).state).toBe('nothing');
  });

  test('the end of the segments is no longer in it', () => {
    const model = life(3000, 2400);
    const content = readTailRing(model.image, model.end(1000), BOOT);
    expect(content.state).toBe('foreign');
  });

  test('an earlier life left it, and the segments have all of it and more', () => {
    const earlier = life(300, 300);
    const later = life(50, 50, { after: earlier.lastId });
    expect(readTailRing(earlier.image, later.end(), BOOT).state).toBe('nothing');
    expect(readTailRing(earlier.image, earlier.end(), BOOT).state).toBe('nothing');
    expect(readTailRing(earlier.image, earlier.end(), BOOT).events).toBe(0);
  });
});

describe('after a power cut', () => {
  test('under another boot ids without a step are taken, a step ends the walk', () => {
    const model = life(300, 100);
    expect(expectBeyond(model, OTHER_BOOT)).toMatchObject({ events: 200, note: undefined });
    const stepped = life(300, 100);
    stepped.append(2n);
    stepped.append();
    expect(expectBeyond(stepped).events).toBe(202);
    const content = expectBeyond(stepped, OTHER_BOOT);
    expect(content.events).toBe(200);
    expect(content.note).toContain(`event ${stepped.lastId - 1n}`);
    const gaps = expectBeyond(life(300, 100, { step: 3n }), OTHER_BOOT);
    expect(gaps).toMatchObject({ state: 'nothing', events: 0 });
    expect(gaps.note).toContain('step');
  });

  test('two laps mixed at every slot and inside it: a prefix, or nothing', () => {
    const model = life(1024, 0);
    const before = model.image.slice();
    const ends = [model.end(0), model.end(1), model.end(255), model.end(600), model.end(1024)];
    const froms = [0, 1, 255, 600, 1024];
    model.write(1024);
    while (model.appended.length < 1024 + 700) model.append();
    const after = model.image;
    for (let slot = 0; slot < 4; slot++) {
      for (const index of [0, 1, 63, 64, 200, 255]) {
        const at = tailRingEventWord(slot, index) * 4;
        for (const [first, second] of [
          [before, after],
          [after, before],
        ]) {
          const image = first.slice();
          image.set(second.subarray(at), at);
          ends.forEach((end, i) => {
            const content = readTailRing(image, end, OTHER_BOOT);
            expect(differs(image, content, model, froms[i])).toBeUndefined();
          });
        }
      }
    }
  });

  test('a newer lap where the end of the segments leads to is a hole, and told by the step', () => {
    const model = life(1024, 0);
    const end = model.end(256);
    model.write(1024);
    const slot1 = tailRingEventWord(1, 0) * 4;
    while (model.appended.length < 1024 + 3 * BLOCK_EVENTS) model.append();
    const mixed = life(1024, 0).image;
    mixed.set(model.image.subarray(slot1), slot1);
    const content = readTailRing(mixed, end, OTHER_BOOT);
    expect(content).toMatchObject({ state: 'nothing', events: 0 });
    expect(content.note).toContain('step');
  });
});
