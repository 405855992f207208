import fs from 'node:fs';
import { BLOCK_EVENTS, blockOffset } from '@fswal/format';
import { describe, expect, it } from 'vitest';
import { RecoveryManager } from '../dist/index.js';
import { until } from './helpers/bounded.js';
import { LiveLog } from './helpers/live-log.js';
import { flip } from './helpers/vandal.js';

const SEGMENT_EVENTS = 16 * BLOCK_EVENTS;
const PATIENCE_MS = 30_000;

/** Takes events until there is nothing new. */
function takeAll(recovery: RecoveryManager): bigint[] {
  const ids: bigint[] = [];
  while (recovery.next()) ids.push(recovery.event.eventIdBig);
  return ids;
}

describe('a followed log', () => {
  it('is delivered up to its end before next() says that there is nothing new', async () => {
    const log = new LiveLog()
      .append(6 * SEGMENT_EVENTS + 77)
      .compress(0)
      .compress(2);
    const recovery = await RecoveryManager.open({ dir: log.dir, follow: true });
    expect(takeAll(recovery)).toEqual(log.ids);
    expect(recovery.next()).toBe(false);
    log.append(1);
    expect(await recovery.waitForNext(PATIENCE_MS)).toBe(true);
    expect(takeAll(recovery)).toEqual([log.lastId]);
    expect(recovery.report).toMatchObject({
      complete: false,
      segments: 7,
      events: log.ids.length,
      firstEventId: 1n,
      lastEventId: log.lastId,
    });
    await recovery.close();
  });

  it('wakes who waits, again and again', async () => {
    const log = new LiveLog();
    const recovery = await RecoveryManager.open({ dir: log.dir, follow: true });
    expect(recovery.next()).toBe(false);
    expect(await recovery.waitForNext(1)).toBe(false);
    const ids: bigint[] = [];
    for (let n = 0; n < 300; n++) {
      log.append(1 + (n % 40));
      while (ids.length < log.ids.length) {
        await recovery.waitForNext(PATIENCE_MS);
        ids.push(...takeAll(recovery));
      }
    }
    expect(ids).toEqual(log.ids);
    await recovery.close();
  });

  it('is iterated over until it is closed', async () => {
    const log = new LiveLog().append(500);
    const recovery = await RecoveryManager.open({ dir: log.dir, follow: true });
    const ids: bigint[] = [];
    const iterating = (async () => {
      for await (const event of recovery) ids.push(event.eventIdBig);
    })();
    await until(() => ids.length === 500);
    log.append(SEGMENT_EVENTS);
    await until(() => ids.length === log.ids.length);
    await recovery.close();
    await iterating;
    expect(ids).toEqual(log.ids);
  });

  it('begins at an event, and goes to any other', async () => {
    const log = new LiveLog().append(3 * SEGMENT_EVENTS + 5);
    const recovery = await RecoveryManager.open({ dir: log.dir, follow: true, fromEventId: 6000 });
    expect(takeAll(recovery)[0]).toBe(6000n);
    expect(recovery.seek(100)).toBe(100n);
    expect(takeAll(recovery)).toEqual(log.ids.slice(99));
    const beyond = log.lastId + 10n;
    expect(() => recovery.seek(beyond)).toThrow(expect.objectContaining({ code: 'ITEM_NOT_FOUND' }));
    log.append(9);
    log.append(5);
    expect(await recovery.waitForNext(PATIENCE_MS)).toBe(true);
    const ids = takeAll(recovery);
    while (ids.length < 5 && (await recovery.waitForNext(PATIENCE_MS))) ids.push(...takeAll(recovery));
    expect(ids).toEqual(log.ids.slice(-5));
    await recovery.close();
  });

  it('throws what is wrong with it, after everything sound before it', async () => {
    const log = new LiveLog().append(2 * SEGMENT_EVENTS);
    flip(log.fileOf(1), blockOffset(3) + 333);
    const recovery = await RecoveryManager.open({ dir: log.dir, follow: true });
    const ids: bigint[] = [];
    const failure = expect.objectContaining({
      code: 'BLOCK_CHECKSUM_MISMATCH',
      file: log.fileOf(1),
      block: 3,
    });
    expect(() => {
      while (recovery.next()) ids.push(recovery.event.eventIdBig);
    }).toThrow(failure);
    expect(ids).toEqual(log.ids.slice(0, 19 * BLOCK_EVENTS));
    expect(() => recovery.next()).toThrow(failure);
    await recovery.close();
  });

  it('is closed at any time, and leaves no file open', async () => {
    const log = new LiveLog().append(SEGMENT_EVENTS + 10);
    const descriptors = fs.readdirSync('/proc/self/fd').length;
    for (const count of [0, 1, log.ids.length]) {
      const recovery = await RecoveryManager.open({ dir: log.dir, follow: true });
      for (let i = 0; i < count; i++) expect(recovery.next()).toBe(true);
      const waiting = count === log.ids.length && !recovery.next() ? recovery.waitForNext() : undefined;
      await recovery.close();
      expect(await (waiting ?? false)).toBe(false);
      expect(() => recovery.next()).toThrow(expect.objectContaining({ code: 'NOT_OPEN' }));
    }
    expect(fs.readdirSync('/proc/self/fd').length).toBe(descriptors);
  });
});
