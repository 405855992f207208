import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TailRingImage } from '../src/files/index.js';
import { MAX_TAIL_BLOCKS, tailRingBytes } from '../src/index.js';
import { RingModel } from './helpers/ring-model.js';

const BOOT = '1'.repeat(32);
let dir: string;
let file: string;
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'fswal-format-'));
  file = path.join(dir, 'wal_tail.ring');
});
afterEach(() => {
  fs.rmSync(dir, { recursive: true });
});

/** A ring of more than one megabyte and less than two, so that progress is told once in a read but at its end. */
function ring(events: number): RingModel {
  const model = new RingModel({ tailBlocks: 70, afterEventId: 0n, bootId: BOOT });
  for (let i = 0; i < events; i++) model.append();
  fs.writeFileSync(file, model.image);
  return model;
}

test('there is none without a file', () => {
  expect(TailRingImage.read(file, BOOT)).toBeUndefined();
});

test('takes no event that was being stored during the first read', () => {
  const model = ring(300);
  let told = 0;
  const image = TailRingImage.read(file, BOOT, () => {
    if (++told !== 2) return;
    for (let i = 0; i < 300; i++) model.append();
    fs.writeFileSync(file, model.image);
  });
  expect(image?.beyond(model.end())).toMatchObject({ state: 'events', events: 300 });
  expect(TailRingImage.read(file, BOOT)?.beyond(model.end())).toMatchObject({ events: 600 });
});

test('says that a recorder was at work where that may be why a ring does not connect', () => {
  const model = ring(300);
  const image = TailRingImage.read(file, BOOT, () => {
    model.append();
    fs.writeFileSync(file, model.image);
  });
  const elsewhere = new RingModel({ tailBlocks: 70, afterEventId: 0n, bootId: BOOT, salt: 1 });
  for (let i = 0; i < 10; i++) elsewhere.append();
  expect(image?.beyond(elsewhere.end(10))).toMatchObject({
    state: 'foreign',
    note: expect.stringContaining('a recorder was writing it'),
  });
});

test('of a file that is larger than any ring nothing is read, and it is not an unused one', () => {
  fs.writeFileSync(file, '');
  fs.truncateSync(file, tailRingBytes(MAX_TAIL_BLOCKS) + 1);
  const image = TailRingImage.read(file, BOOT);
  expect(image?.beyond(new RingModel({ tailBlocks: 4, afterEventId: 0n, bootId: BOOT }).end())).toMatchObject(
    { state: 'foreign', events: 0 },
  );
  expect(image?.isUnused).toBe(false);
});
