import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { blockOffset, EventView, META_FILE, type RequestEvent, WalError } from '@fswal/format';
import { readBootId } from '@fswal/format/files';
import { describe, expect, it } from 'vitest';
import { RecoveryManager, type RecoveryOptions } from '../dist/index.js';
import { eachEvent, until } from './helpers/bounded.js';
import { buildLog, eventOf, full, idsAfter, tempDir, writeMeta, writeRing } from './helpers/log-builder.js';
import { readAll } from './helpers/read-all.js';
import { flip } from './helpers/vandal.js';

const manySegments = { segments: Array.from({ length: 12 }, () => ({ blocks: full(16) })) };

/** The preloader's thread behind a recovery, to maltreat it. */
function workerOf(recovery: RecoveryManager): Worker {
  return (recovery as unknown as { thread: { worker: Worker } }).thread.worker;
}

async function replay(options: RecoveryOptions<RequestEvent>) {
  const recovery = await RecoveryManager.open(options as { dir: string });
  const ids: bigint[] = [];
  let error: unknown;
  try {
    eachEvent(recovery, () => ids.push(recovery.event.eventIdBig));
  } catch (thrown) {
    error = thrown;
  }
  const { report } = recovery;
  await recovery.close();
  return { ids, error, report };
}

/** A log with all there is: closed segments, an open one, an unsealed block, a tail ring. */
function leftByKill() {
  const log = buildLog({ segments: [...manySegments.segments, { blocks: [256, 5, 256], tail: 40 }] });
  writeMeta(log, 11);
  const more = idsAfter(log.lastId, 3000, 2n);
  writeRing(log.dir, {
    tailBlocks: 16,
    afterEventId: log.lastId,
    link: log.link,
    ids: more,
    bootId: readBootId(),
  });
  return { log, all: [...log.ids, ...more] };
}

describe('RecoveryManager', () => {
  it('delivers over its thread what the reader delivers without one', async () => {
    const { log, all } = leftByKill();
    const { ids, error, report } = await replay({ dir: log.dir });
    const read = readAll(log.dir, { bootId: readBootId() });
    expect(error).toBeUndefined();
    expect(ids).toEqual(all);
    expect(ids).toEqual(read.ids);
    expect(report).toEqual({
      dir: log.dir,
      complete: true,
      segments: 13,
      bytes: read.reader.bytes,
      fromEventId: 0n,
      endEventId: all.at(-1),
      events: all.length,
      firstEventId: 1n,
      lastEventId: all.at(-1),
      oldestSegmentIndex: 0,
      durable: { eventId: log.segments[11].ids.at(-1), source: META_FILE },
      tail: null,
      tailRing: { events: 3000, note: null },
      gaps: [],
    });
  });

  it('counts and times what it does', async () => {
    const { log, all } = leftByKill();
    const recovery = await RecoveryManager.open({ dir: log.dir });
    eachEvent(recovery);
    const { telemetry, report } = recovery;
    expect(telemetry).toMatchObject({
      manager: { replay_events: all.length, resume_from_event: { count: 1 }, seek_event: { count: 0 } },
      segment_reader: {
        open_segment: { count: 13, failures: 0 },
        close_segment: { count: 13, failures: 0 },
        verify_segment: { count: 13, failures: 0 },
        build_index: { count: 1 },
        total_validation_failures: 0,
      },
      segment_preloader: {
        preload_segment: { count: 13 },
        preload_bytes: report.bytes,
        preloaded_events: all.length,
        finish_segment: { count: 14 },
      },
      follower: { lag: 0, lag_time: 0 },
    });
    await recovery.close();
  });

  it('moves one view over whole events', async () => {
    const { log, all } = leftByKill();
    const recovery = await RecoveryManager.open({ dir: log.dir });
    const view = recovery.event;
    const events = eachEvent(recovery, (index) => {
      expect(recovery.event).toBe(view);
      if (index % 97 === 0) expect(view.bytes).toEqual(eventOf(all[index]).bytes);
    });
    expect(events).toBe(all.length);
    await recovery.close();
  });

  it.each([1, 2, 30])('replays through few and many windows alike, %i ahead', async (readAhead) => {
    const { log, all } = leftByKill();
    expect((await replay({ dir: log.dir, readAhead })).ids).toEqual(all);
  });

  it('begins where fromEventId says, as a number or a bigint', async () => {
    const { log, all } = leftByKill();
    const from = all[5000];
    expect((await replay({ dir: log.dir, fromEventId: from })).ids).toEqual(all.slice(5000));
    const { ids, report } = await replay({ dir: log.dir, fromEventId: Number(from) });
    expect(ids).toEqual(all.slice(5000));
    expect(report).toMatchObject({ fromEventId: from, firstEventId: from, events: all.length - 5000 });
    const beyond = await replay({ dir: log.dir, fromEventId: 2n ** 62n });
    expect(beyond.report).toMatchObject({
      events: 0,
      firstEventId: 0n,
      endEventId: all.at(-1),
      complete: true,
    });
  });

  it('delivers everything before damage, then throws it, and again', async () => {
    const log = buildLog(manySegments);
    writeMeta(log);
    flip(log.segments[7].file, blockOffset(3) + 333);
    const recovery = await RecoveryManager.open({ dir: log.dir });
    let events = 0;
    let thrown: unknown;
    try {
      eachEvent(recovery, () => events++);
    } catch (error) {
      thrown = error;
    }
    expect(events).toBe((7 * 16 + 3) * 256);
    expect(thrown).toBeInstanceOf(WalError);
    const place = { file: log.segments[7].file, block: 3, offset: blockOffset(3), eventId: BigInt(events) };
    expect(thrown).toMatchObject({ code: 'BLOCK_CHECKSUM_MISMATCH', ...place });
    expect((thrown as WalError).message).toContain(`block 3, offset ${blockOffset(3)}, event ${events}`);
    expect(() => recovery.next()).toThrow(thrown as WalError);
    expect(recovery.report).toMatchObject({ complete: true, events, lastEventId: BigInt(events) });
    await recovery.close();
  });

  it('ends normally at a torn tail, again and again, and reports it', async () => {
    const log = buildLog({ segments: [{ blocks: full(4) }, { blocks: full(4), open: true }] });
    writeMeta(log, 0);
    flip(log.segments[1].file, blockOffset(2) + 333);
    const recovery = await RecoveryManager.open({ dir: log.dir });
    expect(eachEvent(recovery)).toBe(6 * 256);
    expect(recovery.next()).toBe(false);
    expect(recovery.report.tail).toMatchObject({
      file: log.segments[1].file,
      block: 2,
      unreachableBlocks: 1,
    });
    await recovery.close();
  });

  it('counts in its report, at any time, what was delivered until then', async () => {
    const log = buildLog({ segments: [{ blocks: [3, 256, 1, 9] }, { blocks: [7], tail: 4 }], idStep: 3n });
    writeMeta(log, 0);
    const recovery = await RecoveryManager.open({ dir: log.dir, fromEventId: log.ids[1] });
    expect(recovery.report).toMatchObject({ complete: false, events: 0, firstEventId: 0n, lastEventId: 0n });
    for (let events = 1; recovery.next(); events++) {
      const lastEventId = log.ids[events];
      expect(recovery.report).toMatchObject({
        complete: false,
        events,
        firstEventId: log.ids[1],
        lastEventId,
      });
    }
    expect(recovery.report).toMatchObject({
      complete: true,
      events: log.ids.length - 1,
      lastEventId: log.lastId,
    });
    await recovery.close();
    expect(recovery.report).toMatchObject({
      complete: true,
      events: log.ids.length - 1,
      lastEventId: log.lastId,
    });
  });

  it('replays events of another shape through the class given', async () => {
    class Tick extends EventView {
      get price(): bigint {
        return new BigInt64Array(this.bytes.buffer, this.bytes.byteOffset + 16, 1)[0];
      }
    }
    const log = buildLog({ segments: [{ blocks: [20] }] });
    const recovery = await RecoveryManager.open({ dir: log.dir, view: Tick });
    const events = eachEvent(recovery, () => {
      const tick: Tick = recovery.event;
      expect(tick.price).toBe(eventOf(tick.eventIdBig).priceBig);
    });
    expect(events).toBe(20);
    await recovery.close();
  });

  it('goes by its own place, whatever is done to the view', async () => {
    const log = buildLog({ segments: [{ blocks: full(3) }] });
    const recovery = await RecoveryManager.open({ dir: log.dir });
    const events = eachEvent(recovery, (index) => {
      expect(recovery.event.eventIdBig).toBe(log.ids[index]);
      recovery.event.base = 0;
    });
    expect(events).toBe(log.ids.length);
    await recovery.close();
  });

  it('replays the directories of the version 1 system', async () => {
    const golden = fileURLToPath(new URL('../../format/test/golden/', import.meta.url));
    for (const [name, events, first, last] of [
      ['contiguous', 9000, 1n, 9000n],
      ['gaps', 700, 4n, 2100n],
      ['huge', 300, 2n ** 63n + 5n, 2n ** 63n + 1500n],
    ] as const) {
      const { ids, error, report } = await replay({ dir: path.join(golden, name) });
      expect(error).toBeUndefined();
      expect(ids.length).toBe(events);
      expect([ids[0], ids.at(-1)]).toEqual([first, last]);
      expect(report.durable).toMatchObject({ source: 'derived', eventId: last });
    }
  });

  it('finds nothing in an empty directory', async () => {
    const { ids, report } = await replay({ dir: tempDir() });
    expect(ids).toEqual([]);
    expect(report).toMatchObject({ complete: true, segments: 0, events: 0, oldestSegmentIndex: null });
  });
});

describe('opening', () => {
  it('rejects with the error of the directory, and leaves no thread', async () => {
    const dir = path.join(tempDir(), 'nowhere');
    await expect(RecoveryManager.open({ dir })).rejects.toMatchObject({
      name: 'WalError',
      code: 'DIRECTORY_NOT_FOUND',
      file: dir,
      cause: { code: 'ENOENT' },
    });
  });

  it.each([
    [{ dir: '' }, TypeError],
    [{ dir: 7 }, TypeError],
    [{ dir: '.', mode: 'lenient' }, TypeError],
    [{ dir: '.', follow: 'yes' }, TypeError],
    [{ dir: '.', follow: true, mode: 'diagnostic' }, TypeError],
    [{ dir: '.', tailRingDir: 7 }, TypeError],
    [{ dir: '.', readAhead: 0 }, RangeError],
    [{ dir: '.', readAhead: 31 }, RangeError],
    [{ dir: '.', readAhead: 1.5 }, RangeError],
    [{ dir: '.', fromEventId: -1 }, RangeError],
    [{ dir: '.', fromEventId: 2 ** 53 }, RangeError],
    [{ dir: '.', fromEventId: 2n ** 64n }, RangeError],
    [{ dir: '.', stallTimeoutMs: 0 }, RangeError],
  ])('refuses %o', async (options, error) => {
    await expect(RecoveryManager.open(options as { dir: string })).rejects.toThrow(error);
  });
});

describe('closing', () => {
  it('in the middle of a replay ends the thread, frees the files, and can be repeated', async () => {
    const log = buildLog(manySegments);
    writeMeta(log);
    const descriptors = fs.readdirSync('/proc/self/fd').length;
    for (const count of [0, 1, 300, 20_000]) {
      const recovery = await RecoveryManager.open({ dir: log.dir });
      for (let i = 0; i < count; i++) expect(recovery.next()).toBe(true);
      const closed = recovery.close();
      expect(recovery.close()).toBe(closed);
      await closed;
      await recovery.close();
      expect(workerOf(recovery).threadId).toBe(-1);
      expect(() => recovery.next()).toThrow(expect.objectContaining({ code: 'NOT_OPEN' }));
      expect(recovery.report).toMatchObject({ complete: false, events: count });
    }
    expect(fs.readdirSync('/proc/self/fd').length).toBe(descriptors);
  });

  it('is not needed for the process to end', async () => {
    const log = buildLog(manySegments);
    writeMeta(log);
    const entry = new URL('../dist/index.js', import.meta.url).href;
    const script = `import { RecoveryManager } from ${JSON.stringify(entry)};
      const recovery = await RecoveryManager.open({ dir: ${JSON.stringify(log.dir)} });
      for (let i = 0; i < 5000; i++) recovery.next();
      console.log(recovery.event.eventId);`;
    const run = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      timeout: 20_000,
    });
    expect(run.stdout).toBe('5000\n');
  });
});

describe('a preloader thread that is gone', () => {
  it('fails the replay once what it had read is delivered', async () => {
    const log = buildLog(manySegments);
    writeMeta(log);
    const recovery = await RecoveryManager.open({ dir: log.dir, readAhead: 2 });
    recovery.next();
    await workerOf(recovery).terminate();
    let events = 1;
    const failure = expect.objectContaining({ name: 'WalError', code: 'WORKER_FAILED' });
    expect(() => eachEvent(recovery, () => events++)).toThrow(failure);
    expect(events % (16 * 256)).toBe(0);
    expect(events).toBeLessThan(log.ids.length);
    expect(() => recovery.next()).toThrow(failure);
    await recovery.close();
  });

  it.each([false, true])('is told to who waits for events, follow: %s', async (follow) => {
    const log = buildLog(manySegments);
    writeMeta(log);
    const recovery = await RecoveryManager.open({ dir: log.dir, readAhead: 2, follow });
    const replayed = (async () => {
      while (await recovery.waitForNext()) {
        while (recovery.next()) if (recovery.event.eventIdBig === 1n) await workerOf(recovery).terminate();
      }
    })();
    await expect(replayed).rejects.toMatchObject({ name: 'WalError', code: 'WORKER_FAILED' });
    await recovery.close();
    expect(await recovery.waitForNext()).toBe(false);
  });

  it('wakes who waits for events already, to be told', async () => {
    const log = buildLog(manySegments);
    writeMeta(log);
    const recovery = await RecoveryManager.open({ dir: log.dir, follow: true });
    eachEvent(recovery);
    const waiting = recovery.waitForNext();
    await workerOf(recovery).terminate();
    expect(await waiting).toBe(true);
    expect(() => recovery.next()).toThrow(expect.objectContaining({ code: 'WORKER_FAILED' }));
    await recovery.close();
  });

  it('is told even while the replay does not return to the event loop', async () => {
    const log = buildLog(manySegments);
    writeMeta(log);
    const recovery = await RecoveryManager.open({ dir: log.dir, readAhead: 1, stallTimeoutMs: 300 });
    recovery.next();
    void workerOf(recovery).terminate();
    expect(() => eachEvent(recovery)).toThrow(expect.objectContaining({ code: 'WORKER_FAILED' }));
    await recovery.close();
  });
});

describe('a log that is being written', () => {
  const REPLAYS = 8;
  /** Written between two replays at least: about three segments, and fifty rounds of the tail ring. */
  const MORE_EVENTS = 12_000;

  it('is replayed without a torn event, up to all that was appended before it was opened', async () => {
    const dir = tempDir();
    const seed = Date.now() % 1_000_000;
    const shared = new Int32Array(new SharedArrayBuffer(8));
    const writer = new Worker(new URL('./helpers/live-writer.js', import.meta.url), {
      workerData: { dir, shared: shared.buffer, bootId: readBootId(), seed },
    });
    const exit = new Promise((resolve) => writer.once('exit', resolve));
    const appended = () => Atomics.load(shared, 0);
    try {
      for (let replays = 0, seen = 0; replays < REPLAYS; replays++) {
        await until(() => appended() >= seen + MORE_EVENTS);
        seen = appended();
        const replayed = await replayFormula(dir, seed);
        expect(replayed, `seed ${seed}`).toBeGreaterThanOrEqual(seen);
      }
    } finally {
      Atomics.store(shared, 1, 1);
      await exit;
    }
    const { ids } = await replay({ dir });
    expect(ids.length).toBe(appended());
  });

  /** Each of whose events has its id, counted from 1, in all of its words. Returns how many there were. */
  async function replayFormula(dir: string, seed: number): Promise<number> {
    const recovery = await RecoveryManager.open({ dir, view: EventView });
    const { event } = recovery;
    const events = eachEvent(recovery, (index) => {
      for (let word = 0; word < 16; word++) {
        const value = event.words[event.base + word];
        if (value !== (word === 1 ? 0 : index + 1)) {
          expect.fail(`seed ${seed}: word ${word} of event ${index + 1} is ${value}`);
        }
      }
    });
    await recovery.close();
    return events;
  }
});
