import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ChangeWatch, type Wakeable } from '../src/change-watch.js';
import { tempDir } from './helpers/log-builder.js';

/** A ring that never has anything: waiting for it takes as long as it says. */
const emptyAfter = (ms: number): Wakeable => ({
  waitNotEmpty: () => false,
  waitNotEmptyAsync: () => new Promise((resolve) => setTimeout(() => resolve(false), ms)),
});

const never: Wakeable = { waitNotEmpty: () => false, waitNotEmptyAsync: () => new Promise(() => {}) };

describe('ChangeWatch', () => {
  it('wakes when a file is written to, or appears', async () => {
    const dir = tempDir();
    const file = path.join(dir, 'a');
    fs.writeFileSync(file, 'x');
    const watch = new ChangeWatch(dir, never);
    for (const change of [() => fs.appendFileSync(file, 'y'), () => fs.writeFileSync(`${file}2`, '')]) {
      const waited = watch.wait();
      change();
      await waited;
      // What else there is to hear of the same change.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(watch.isDeaf).toBe(false);
    watch.close();
  });

  it('wakes when there is something in the ring', async () => {
    const ring = { ...never, waitNotEmptyAsync: () => Promise.resolve(true) };
    const watch = new ChangeWatch(tempDir(), ring);
    await watch.wait();
    watch.found();
    expect(watch.isDeaf).toBe(false);
    watch.close();
  });

  it('is not believed any more after changes that it had not heard of', async () => {
    const watch = new ChangeWatch(tempDir(), emptyAfter(0));
    for (let changes = 0; changes < 3; changes++) {
      expect(watch.isDeaf).toBe(false);
      await watch.wait();
      watch.found();
    }
    expect(watch.isDeaf).toBe(true);
    await watch.wait();
  });

  it('is believed as long as nothing was missed', async () => {
    const watch = new ChangeWatch(tempDir(), emptyAfter(0));
    for (let looks = 0; looks < 10; looks++) await watch.wait();
    expect(watch.isDeaf).toBe(false);
    watch.close();
  });

  it('looks by itself where the system cannot tell', async () => {
    let looks = 0;
    const ring = { ...never, waitNotEmpty: () => ++looks < 0 };
    const watch = new ChangeWatch(path.join(tempDir(), 'nowhere'), ring);
    expect(watch.isDeaf).toBe(true);
    await watch.wait();
    expect(looks).toBe(1);
  });
});
