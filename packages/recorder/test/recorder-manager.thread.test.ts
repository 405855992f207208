/* The recorder with its threads, as it is built. */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { EventView, RequestEvent, WalError } from '@fswal/format';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RecorderManager, type RecorderOptions } from '../dist/index.js';
import { newDir, newLogDir, openDescriptors, snapshot, threads } from './helpers/directories.js';
import { fillContent } from './helpers/formula.js';
import { range, readLog, readMeta, segmentNames } from './helpers/read-log.js';

const SMALL = { blocksPerSegment: 16, tailBlocks: 64 } as const;

/** A recorder that is closed when the test is over. */
async function open(options: RecorderOptions): Promise<RecorderManager> {
  const recorder = await RecorderManager.open(options);
  onTestFinished(() => recorder.close().catch(() => {}));
  return recorder;
}

const event = new EventView();
const run = promisify(execFile);

function append(recorder: RecorderManager, from: number, to: number): void {
  for (let id = from; id <= to; id++) {
    event.eventId = id;
    fillContent(event.words, 0, id);
    recorder.append(event);
  }
}

function expectLog(dir: string, ids: readonly number[]): void {
  const log = readLog(dir);
  expect(log.ids).toEqual(ids);
  expect(log.wrongContent).toEqual([]);
  expect(log.segments.filter(({ status, state }) => status !== 'OK' || state !== 'sealed')).toEqual([]);
}

async function codeOf(action: () => unknown): Promise<string> {
  try {
    await action();
  } catch (error) {
    return error instanceof WalError ? error.code : String(error);
  }
  return 'nothing was thrown';
}

function child(name: string): string {
  return fileURLToPath(new URL(`children/${name}`, import.meta.url));
}

describe('a recorder', () => {
  test('appends, claims and commits, syncs and closes', async () => {
    const dir = newLogDir();
    const recorder = await open({ dir });
    expect(recorder.metaState).toEqual({ segmentIndex: 0, offset: 64, eventId: 0n });
    recorder.append(RequestEvent.from({ eventId: 1, price: -5, quantity: 7n, userId: 9 }));
    const view = recorder.claim();
    expect(view).toBeInstanceOf(RequestEvent);
    view.words.fill(0, view.base, view.base + 16);
    view.price = 2 ** 40;
    recorder.commit(5n);
    expect(recorder.metaState.eventId).toBe(5n);
    expect(recorder.durableEventId).toBe(0n);
    expect(await recorder.sync()).toBe(5n);
    expect(recorder.durableEventId).toBe(5n);
    expect(recorder.metaState).toEqual({ segmentIndex: 0, offset: 64 + 64 + 2 * 64, eventId: 5n });
    expect(readMeta(dir)).toMatchObject({ segmentIndex: 0, offset: 256, eventId: 5n });
    await recorder.close();
    expect(readLog(dir, () => true).ids).toEqual([1, 5]);
    expect(fs.readdirSync(dir)).toEqual(['FS.00000000.wal', 'wal_meta.dat']);
    const words = new Int32Array(new Uint8Array(fs.readFileSync(join(dir, 'FS.00000000.wal'))).buffer);
    expect(new RequestEvent(words, 32)).toMatchObject({ eventId: 1, price: -5, quantity: 7, userId: 9 });
    expect(new RequestEvent(words, 48)).toMatchObject({ eventId: 5, price: 2 ** 40, quantity: 0 });
  });

  test("gives views of one's own class", async () => {
    class Tick extends EventView {
      get ticks(): number {
        return this.words[this.base + 2];
      }
      set ticks(ticks: number) {
        this.words[this.base + 2] = ticks;
      }
    }
    const dir = newLogDir();
    const recorder = await RecorderManager.open({ dir, view: Tick });
    recorder.claim().ticks = 77;
    recorder.commit(1);
    await recorder.close();
    const words = new Int32Array(new Uint8Array(fs.readFileSync(join(dir, 'FS.00000000.wal'))).buffer);
    expect(new Tick(words, 32).ticks).toBe(77);
  });

  test('refuses ids that do not grow, over lives too', async () => {
    const dir = newLogDir();
    let recorder = await open({ dir });
    append(recorder, 10, 20);
    expect(await codeOf(() => append(recorder, 20, 20))).toBe('EVENT_OUT_OF_ORDER');
    await recorder.close();
    recorder = await open({ dir });
    expect(await codeOf(() => append(recorder, 20, 20))).toBe('EVENT_OUT_OF_ORDER');
    append(recorder, 21, 21);
    await recorder.close();
    expectLog(dir, range(10, 21));
  });

  test('makes its directory and those above it, for the owner alone', async () => {
    const dir = join(newDir(), 'a', 'b', 'c');
    await (await open({ dir })).close();
    for (const made of [dir, dirname(dir), dirname(dirname(dir))]) {
      expect(fs.statSync(made).mode & 0o777).toBe(0o700);
    }
  });

  test('lets the process end when nothing is awaited; what was appended is there', async () => {
    const dir = newLogDir();
    execFileSync(process.execPath, [child('idle.js'), dir]);
    const recorder = await open({ dir });
    expect(recorder.resumed.lastEventId).toBe(2n);
  });

  test.each([
    [{ dir: '' }, /dir/],
    [{ dir: 5 }, /dir/],
    [undefined, /dir/],
    [{ dir: 'x', formatVersion: 3 }, /formatVersion/],
    [{ dir: 'x', blocksPerSegment: 15 }, /blocksPerSegment: a whole number from 16/],
    [{ dir: 'x', blocksPerSegment: 130_001 }, /blocksPerSegment/],
    [{ dir: 'x', tailBlocks: 3 }, /tailBlocks/],
    [{ dir: 'x', tailBlocks: 4.5 }, /tailBlocks/],
    [{ dir: 'x', preparedSegments: 3 }, /power of two/],
    [{ dir: 'x', backpressureTimeoutMs: -1 }, /backpressureTimeoutMs/],
    [{ dir: 'x', view: Date }, /view/],
    [{ dir: 'x', mmap: 'none' }, /none/],
  ])('says which option is wrong: %o', async (options, message) => {
    await expect(RecorderManager.open(options as never)).rejects.toThrow(message);
    expect(fs.existsSync('x')).toBe(false);
  });
});

describe('one directory has one recorder', () => {
  test('a second one is refused: in the process, by an alias, from another process', async () => {
    const dir = newLogDir();
    const recorder = await open({ dir });
    const alias = join(newDir(), 'alias');
    fs.symlinkSync(dir, alias);
    expect(await codeOf(() => RecorderManager.open({ dir }))).toBe('DIRECTORY_LOCKED');
    expect(await codeOf(() => RecorderManager.open({ dir: alias }))).toBe('DIRECTORY_LOCKED');
    const other = spawnSync(process.execPath, [child('open.js'), dir], { encoding: 'utf8' });
    expect(other.stdout).toBe('DIRECTORY_LOCKED');
    append(recorder, 1, 10);
    await recorder.close();
    expectLog(dir, range(1, 10));
    const after = spawnSync(process.execPath, [child('open.js'), alias], { encoding: 'utf8' });
    expect(after.stdout).toBe('open');
  });

  test('only one of many that race gets it', async () => {
    const dir = newLogDir();
    const opened = await Promise.allSettled(Array.from({ length: 8 }, () => RecorderManager.open({ dir })));
    const winners = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(winners).toHaveLength(1);
    const codes = opened.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []));
    expect(codes).toEqual(new Array(7).fill('DIRECTORY_LOCKED'));
    await winners[0].close();
  });

  test('two logs cannot share a directory for their rings', async () => {
    const [first, second, tailRingDir] = [newLogDir(), newLogDir(), newLogDir()];
    const recorder = await open({ dir: first, tailRingDir });
    append(recorder, 1, 10);
    expect(fs.readdirSync(tailRingDir)).toEqual(['wal_tail.ring']);
    expect(await codeOf(() => RecorderManager.open({ dir: second, tailRingDir }))).toBe('DIRECTORY_LOCKED');
    expect(await codeOf(() => RecorderManager.open({ dir: second, tailRingDir: first }))).toBe(
      'DIRECTORY_LOCKED',
    );
    await (await open({ dir: second })).close();
    append(recorder, 11, 20);
    await recorder.close();
    expectLog(first, range(1, 20));
    expect(fs.readdirSync(tailRingDir)).toEqual([]);
  });

  test("a ring directory that is the log's by an alias is no second one", async () => {
    const dir = newLogDir();
    const tailRingDir = join(newDir(), 'alias');
    fs.mkdirSync(dir);
    fs.symlinkSync(dir, tailRingDir);
    await (await open({ dir, tailRingDir })).close();
  });
});

describe('what was appended is in the segments', () => {
  test('1 million events over many segments', async () => {
    const dir = newLogDir();
    const recorder = await open({ dir, blocksPerSegment: 256, backpressureTimeoutMs: 60_000 });
    append(recorder, 1, 1_000_000);
    await recorder.close();
    const log = readLog(dir);
    expect(log.ids.length).toBe(1_000_000);
    expect(log.ids.every((id, i) => id === i + 1)).toBe(true);
    expect(log.wrongContent).toEqual([]);
    expect(log.segments).toHaveLength(16);
    expect(log.segments.every(({ status, state }) => status === 'OK' && state === 'sealed')).toBe(true);
    expect(recorder.telemetry).toMatchObject({
      manager: { segment_rotation: { count: 15 } },
      segment_writer: { written_blocks: 3906 },
    });
  });

  test('through a ring of four blocks that is full all the time', async () => {
    const dir = newLogDir();
    const recorder = await open({ dir, blocksPerSegment: 64, tailBlocks: 4, backpressureTimeoutMs: 60_000 });
    append(recorder, 1, 100_000);
    expect(recorder.telemetry.tail_ring.backpressure_waits.count).toBeGreaterThan(0);
    await recorder.close();
    expectLog(dir, range(1, 100_000));
  });

  test('in bursts between syncs, segment after segment', async () => {
    const dir = newLogDir();
    const recorder = await open({ dir, ...SMALL });
    let id = 0;
    for (const burst of [1, 255, 256, 257, 4095, 4096, 4097, 1, 9000, 10]) {
      append(recorder, id + 1, id + burst);
      id += burst;
      expect(await recorder.sync()).toBe(BigInt(id));
      expect(readMeta(dir)?.eventId).toBe(BigInt(id));
    }
    await recorder.close();
    expectLog(dir, range(1, id));
  });

  test('soon, without a sync, for those who follow the files', async () => {
    const dir = newLogDir();
    const recorder = await open({ dir });
    append(recorder, 1, 3);
    while (readLog(dir).ids.length < 3) await nextTurn();
    expect(readLog(dir).segments[0]).toMatchObject({ state: 'open', tailEvents: 3 });
    await recorder.close();
  });
});

describe('sync', () => {
  test('many at once are all answered, each with what was appended before it', async () => {
    const recorder = await open({ dir: newLogDir(), ...SMALL });
    const syncs: Promise<[number, bigint]>[] = [];
    for (let id = 1; id <= 500; id++) {
      append(recorder, id, id);
      syncs.push(recorder.sync().then((durable) => [id, durable]));
      if (id % 50 === 0) await nextTurn();
    }
    for (const [id, durable] of await Promise.all(syncs)) expect(durable).toBeGreaterThanOrEqual(BigInt(id));
    expect(recorder.durableEventId).toBe(500n);
    expect(recorder.telemetry.meta_store.durable_moves.count).toBeLessThanOrEqual(500);
  });

  test('of an empty log resolves with 0', async () => {
    const dir = newLogDir();
    const recorder = await open({ dir });
    expect(await recorder.sync()).toBe(0n);
    await recorder.close();
    expect(fs.readdirSync(dir)).toEqual(['wal_meta.dat']);
    expect((await open({ dir })).resumed).toMatchObject({ lastEventId: 0n, durableSource: 'wal_meta.dat' });
  });

  test('asked for before close() is still answered', async () => {
    const recorder = await open({ dir: newLogDir() });
    append(recorder, 1, 700);
    const [durable] = await Promise.all([recorder.sync(), recorder.close()]);
    expect(durable).toBe(700n);
  });
});

describe('close', () => {
  test('is the same however often it is called, and ends everything', async () => {
    const recorder = await open({ dir: newLogDir() });
    append(recorder, 1, 300);
    recorder.claim();
    const closing = recorder.close();
    expect(recorder.close()).toBe(closing);
    await closing;
    expect(await codeOf(() => append(recorder, 301, 301))).toBe('NOT_OPEN');
    expect(await codeOf(() => recorder.claim())).toBe('NOT_OPEN');
    expect(await codeOf(() => recorder.commit(301))).toBe('NOT_OPEN');
    expect(await codeOf(() => recorder.sync())).toBe('NOT_OPEN');
    expect([recorder.metaState.eventId, recorder.durableEventId]).toEqual([300n, 300n]);
  });

  test('leaves no thread, no descriptor, no ring and no unused segment', async () => {
    const dir = newLogDir();
    const once = async () => {
      const recorder = await RecorderManager.open({ dir, ...SMALL });
      append(recorder, Number(recorder.metaState.eventId) + 1, Number(recorder.metaState.eventId) + 700);
      await recorder.close();
    };
    await once();
    const before = [openDescriptors(), threads()];
    for (let i = 0; i < 20; i++) await once();
    await nextTurn();
    expect([openDescriptors(), threads()]).toEqual(before);
    expectLog(dir, range(1, 21 * 700));
    expect(fs.readdirSync(dir)).toEqual([...segmentNames(dir), 'wal_meta.dat']);
    expect(segmentNames(dir)).toHaveLength(4);
  });
});

describe('when a worker fails', () => {
  test('append and sync throw, close throws and releases all, and the log can be opened again', async () => {
    const dir = newLogDir();
    await (await RecorderManager.open({ dir })).close();
    const before = openDescriptors();
    const recorder = await open({ dir, ...SMALL });
    append(recorder, 1, 300);
    await recorder.sync();
    const saved = snapshot(dir);
    fs.renameSync(dir, `${dir}-elsewhere`);
    // The preparer finds no directory for the next segment.
    let id = 300;
    const deadline = performance.now() + 20_000;
    let error: unknown;
    while (error === undefined && performance.now() < deadline) {
      try {
        append(recorder, id + 1, id + 100);
        id += 100;
      } catch (caught) {
        error = caught;
      }
      await nextTurn();
    }
    expect(error).toBeInstanceOf(WalError);
    const { code, file } = error as WalError;
    // Or the coordinator was the first, with wal_meta.dat.
    expect(['OPEN_FAILED', 'FSYNC_FAILED']).toContain(code);
    expect(file).toContain(dir);
    expect(await codeOf(() => append(recorder, 1e9, 1e9))).toBe(code);
    expect(await codeOf(() => recorder.claim())).toBe(code);
    expect(await codeOf(() => recorder.sync())).toBe(code);
    expect(recorder.durableEventId).toBeLessThanOrEqual(BigInt(id));
    expect(await codeOf(() => recorder.close())).toBe(code);
    expect(openDescriptors()).toBe(before);

    fs.mkdirSync(dir);
    for (const [name, content] of saved) fs.writeFileSync(join(dir, name), content);
    const again = await open({ dir, ...SMALL });
    expect(again.resumed.lastEventId).toBe(300n);
    append(again, 301, 400);
    await again.close();
    expectLog(dir, range(1, 400));
  });

  test('a sync that waits is rejected', async () => {
    const dir = newLogDir();
    const recorder = await open({ dir, ...SMALL });
    append(recorder, 1, 10);
    await recorder.sync();
    // The preparer rests when its two segments are there: then it is the coordinator that fails.
    while (recorder.telemetry.segment_preparer.prepare_segment.count < 3) await nextTurn();
    fs.renameSync(dir, `${dir}-elsewhere`);
    append(recorder, 11, 20);
    // wal_meta.dat cannot be written where there is no directory.
    expect(await codeOf(() => recorder.sync())).toBe('FSYNC_FAILED');
    expect(recorder.durableEventId).toBe(10n);
    while ((await codeOf(() => append(recorder, 1e9, 1e9))) !== 'FSYNC_FAILED') await nextTurn();
    expect(await codeOf(() => recorder.close())).toBe('FSYNC_FAILED');
  });

  test.each([0, 1, 2, 3])('thread %i terminated: typed errors, nothing is lost', async (role) => {
    const dir = newLogDir();
    const { stdout } = await run(process.execPath, [
      child('terminate-worker.js'),
      dir,
      String(role),
      'running',
    ]);
    const answer = JSON.parse(stdout);
    expect(answer).toMatchObject({
      append: 'WORKER_FAILED',
      sync: 'WORKER_FAILED',
      close: 'WORKER_FAILED',
    });
    // Terminated amid a step, a thread cannot say which files it had just opened.
    expect(answer.leaked).toBeLessThanOrEqual(2);
    expect(answer.found).toBe(answer.appended);
    expectLog(dir, range(1, answer.appended));
  });

  test('an engine that never returns to its event loop hears of a thread that is gone, all the same', async () => {
    const dir = newLogDir();
    const { stdout } = await run(process.execPath, [child('terminate-worker.js'), dir, '0', 'deaf']);
    const answer = JSON.parse(stdout);
    expect(answer).toMatchObject({ append: 'WORKER_FAILED', close: 'WORKER_FAILED', found: answer.appended });
    expectLog(dir, range(1, answer.appended));
  });

  test.each([0, 1, 2, 3])('thread %i terminated while closing: nothing is lost', async (role) => {
    const dir = newLogDir();
    const { stdout } = await run(process.execPath, [
      child('terminate-worker.js'),
      dir,
      String(role),
      'closing',
    ]);
    const answer = JSON.parse(stdout);
    // It may have come to its end before.
    expect(['OK', 'WORKER_FAILED']).toContain(answer.close);
    if (answer.close === 'OK') expect(answer.durable).toBe(answer.appended);
    // Terminated amid a step, a thread cannot say which files it had just opened.
    expect(answer.leaked).toBeLessThanOrEqual(2);
    expect(answer.found).toBe(answer.appended);
    expectLog(dir, range(1, answer.appended));
  });

  test('a log that cannot be opened leaves nothing behind', async () => {
    const dir = newLogDir();
    const recorder = await RecorderManager.open({ dir, ...SMALL });
    append(recorder, 1, 300);
    await recorder.close();
    fs.truncateSync(join(dir, 'FS.00000000.wal'), 5000);
    const before = [openDescriptors(), threads()];
    for (let i = 0; i < 3; i++)
      expect(await codeOf(() => RecorderManager.open({ dir }))).toBe('DURABLE_LOST');
    expect([openDescriptors(), threads()]).toEqual(before);
  });
});

const cannotMount =
  process.platform !== 'linux' || process.getuid?.() !== 0 ? 'needs root on Linux' : mountFails();

describe.skipIf(cannotMount)(`on a full disk (${cannotMount || 'a small tmpfs'})`, () => {
  const options = { ...SMALL, tailBlocks: 16, backpressureTimeoutMs: 150 };

  /** A small file system with a file on it that can be deleted to make room. */
  function smallDisk(): { dir: string; makeRoom: () => void } {
    const mountPoint = newDir();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', mountPoint]);
    onTestFinished(() => void spawnSync('umount', ['-l', mountPoint]));
    const filler = join(mountPoint, 'filler');
    fs.writeFileSync(filler, new Uint8Array(2 << 20));
    return { dir: join(mountPoint, 'log'), makeRoom: () => fs.unlinkSync(filler) };
  }

  async function fillDisk(recorder: RecorderManager): Promise<number> {
    let id = 0;
    for (;;) {
      try {
        append(recorder, id + 1, id + 1);
        id++;
      } catch (error) {
        expect((error as WalError).code).toBe('DISK_FULL');
        return id;
      }
    }
  }

  test('append and sync say DISK_FULL, and go on when there is room', async () => {
    const { dir, makeRoom } = smallDisk();
    const recorder = await open({ dir, ...options });
    const id = await fillDisk(recorder);
    expect(id).toBeGreaterThan(4 * 4096);
    expect(await codeOf(() => append(recorder, id + 1, id + 1))).toBe('DISK_FULL');
    expect(await codeOf(() => recorder.sync())).toBe('DISK_FULL');
    const log = readLog(dir);
    expect(log.wrongContent).toEqual([]);
    expect(log.ids.length).toBeGreaterThanOrEqual(id - 16 * 256);
    makeRoom();
    let more = id;
    while ((await codeOf(() => append(recorder, more + 1, more + 1))) !== 'nothing was thrown')
      await nextTurn();
    more++;
    append(recorder, more + 1, more + 2000);
    expect(await recorder.sync()).toBe(BigInt(more + 2000));
    await recorder.close();
    expectLog(dir, range(1, more + 2000));
  });

  test('close says DISK_FULL and keeps the ring, from which the next recorder goes on', async () => {
    const { dir, makeRoom } = smallDisk();
    const recorder = await open({ dir, ...options });
    const id = await fillDisk(recorder);
    expect(await codeOf(() => recorder.close())).toBe('DISK_FULL');
    expect(fs.readdirSync(dir)).toContain('wal_tail.ring');
    const full = await codeOf(() => RecorderManager.open({ dir, ...options }));
    expect(full).toBe('DISK_FULL');
    makeRoom();
    const again = await open({ dir, ...options });
    expect(again.resumed.lastEventId).toBe(BigInt(id));
    await again.close();
    expectLog(dir, range(1, id));
  });

  test('a log that has no room for its ring does not open', async () => {
    const { dir, makeRoom } = smallDisk();
    expect(await codeOf(() => RecorderManager.open({ dir, tailBlocks: 1000 }))).toBe('DISK_FULL');
    expect(fs.readdirSync(dir)).toEqual(['wal_meta.dat']);
    makeRoom();
    await (await open({ dir, ...options })).close();
  });
});

function mountFails(): string {
  const mountPoint = fs.mkdtempSync('/tmp/fswal-mount-');
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', mountPoint]);
  spawnSync('umount', ['-l', mountPoint]);
  fs.rmdirSync(mountPoint);
  return status === 0 ? '' : 'mounting is not allowed here';
}

describe('a claimed event', () => {
  test('gets its id from commit alone, so that nobody sees it half filled', async () => {
    const dir = newLogDir();
    const recorder = await open({ dir, ...SMALL });
    const claimed = recorder.claim();
    claimed.eventId = 1;
    claimed.eventIdBig = 1n;
    claimed.copyFrom(RequestEvent.from({ eventId: 1, price: 1 }));
    // Time enough for the writer to take what it could take for an event.
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(recorder.metaState).toEqual({ segmentIndex: 0, offset: 64, eventId: 0n });
    expect(await recorder.sync()).toBe(0n);
    fillContent(claimed.words, claimed.base, 7);
    recorder.commit(7);
    expect(claimed.eventId).toBe(7);
    expect(await recorder.sync()).toBe(7n);
    await recorder.close();
    expectLog(dir, [7]);
  });
});

describe('a tail ring in another directory', () => {
  const child = `
    import { RecorderManager } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)};
    import { EventView } from '@fswal/format';
    import { fillContent } from ${JSON.stringify(new URL('helpers/formula.js', import.meta.url).href)};
    const [dir, tailRingDir, from, to] = process.argv.slice(1);
    const recorder = await RecorderManager.open({ dir, tailRingDir, blocksPerSegment: 16, tailBlocks: 64 });
    const event = new EventView();
    for (let id = Number(from); id <= Number(to); id++) {
      event.eventId = id;
      fillContent(event.words, 0, id);
      recorder.append(event);
    }
    process.kill(process.pid, 'SIGKILL');
  `;
  const kill = (...args: (string | number)[]) =>
    spawnSync(process.execPath, ['--input-type=module', '-e', child, ...args.map(String)], {
      cwd: dirname(fileURLToPath(import.meta.url)),
    }).signal;

  test('is found again wherever the next recorder is to have its own', async () => {
    const dir = newLogDir();
    const elsewhere = newDir();
    expect(kill(dir, elsewhere, 1, 5000)).toBe('SIGKILL');
    expect(fs.readdirSync(elsewhere)).toEqual(['wal_tail.ring']);
    expect(kill(dir, dir, 5001, 7000)).toBe('SIGKILL');
    expect(fs.readdirSync(elsewhere)).toEqual([]);
    expect(kill(dir, elsewhere, 7001, 9000)).toBe('SIGKILL');
    const recorder = await open({ dir, ...SMALL });
    expect(recorder.metaState.eventId).toBe(9000n);
    await recorder.close();
    expectLog(dir, range(1, 9000));
    expect(fs.readdirSync(elsewhere)).toEqual([]);
    expect(fs.readdirSync(dir).filter((name) => name.startsWith('wal_tail'))).toEqual([]);
  });

  test('of another log is not touched, by a copy of that log or by a new one', async () => {
    const dir = newLogDir();
    const elsewhere = newDir();
    expect(kill(dir, elsewhere, 1, 100)).toBe('SIGKILL');
    const copy = newLogDir();
    fs.cpSync(dir, copy, { recursive: true });
    const ofCopy = await open({ dir: copy, ...SMALL });
    expect(ofCopy.resumed.notes.join()).toMatch(
      /not used: it is that of the directory that this one was copied from/,
    );
    await ofCopy.close();
    const other = newLogDir();
    for (let attempt = 0; attempt < 2; attempt++) {
      const code = await codeOf(() => RecorderManager.open({ dir: other, tailRingDir: elsewhere, ...SMALL }));
      expect(code).toBe('FILE_ALREADY_EXISTS');
    }
    const recorder = await open({ dir, ...SMALL });
    expect(recorder.metaState.eventId).toBe(100n);
    await recorder.close();
    expectLog(dir, range(1, 100));
  });

  test('that is gone is said to be gone', async () => {
    const dir = newLogDir();
    const elsewhere = newDir();
    expect(kill(dir, elsewhere, 1, 100)).toBe('SIGKILL');
    fs.unlinkSync(join(elsewhere, 'wal_tail.ring'));
    const recorder = await open({ dir, ...SMALL });
    expect(recorder.resumed.notes.join()).toMatch(/it is not there, and what no segment had of it is lost/);
  });

  test('whose making was cut short makes way for a new one', async () => {
    const dir = newLogDir();
    const elsewhere = newDir();
    fs.writeFileSync(join(elsewhere, 'wal_tail.ring'), new Uint8Array(1 << 20));
    const recorder = await open({ dir, tailRingDir: elsewhere, ...SMALL });
    append(recorder, 1, 10);
    await recorder.close();
    expectLog(dir, range(1, 10));
    expect(fs.readdirSync(elsewhere)).toEqual([]);
  });
});
