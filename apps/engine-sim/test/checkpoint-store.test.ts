import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RequestEvent } from '@fswal/format';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeCheckpoint } from '../src/checkpoint/checkpoint.js';
import { checkpointName, listCheckpoints, readCheckpoint } from '../src/checkpoint/checkpoint-files.js';
import { CheckpointStore } from '../src/checkpoint/checkpoint-store.js';
import { WordWriter } from '../src/engine/state-words.js';
import { Venue } from '../src/engine/venue.js';

let parent: string;
let dir: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'engine-sim-test-'));
  dir = join(parent, 'log.checkpoints');
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

function bytesOf(eventId: number): Uint8Array {
  return encodeCheckpoint(RequestEvent.from({ eventId }), new Venue(), new WordWriter());
}

/** Writes a checkpoint of a log that is durable already. */
function write(store: CheckpointStore, eventId: number): Promise<void> {
  return store.write(BigInt(eventId), bytesOf(eventId), async () => undefined);
}

const at = (eventId: number): string => join(dir, checkpointName(BigInt(eventId)));
const ids = (): number[] => listCheckpoints(dir).map(({ eventId }) => Number(eventId));

describe('the directory of checkpoints', () => {
  it('has what was written, the newest first, for nobody but its owner', async () => {
    const umask = process.umask(0o377);
    try {
      const store = CheckpointStore.open(dir);
      for (const id of [5, 40, 300]) await write(store, id);
    } finally {
      process.umask(umask);
    }
    expect(ids()).toEqual([300, 40, 5]);
    for (const found of listCheckpoints(dir))
      expect(readCheckpoint(found).event.eventIdBig).toBe(found.eventId);
    expect(statSync(at(40)).mode & 0o7777).toBe(0o600);
    expect(statSync(dir).mode & 0o077).toBe(0);
  });

  it('has no checkpoint, and none is found, where there is no directory', () => {
    expect(listCheckpoints(dir)).toEqual([]);
  });

  it('keeps the newest ones', async () => {
    const store = CheckpointStore.open(dir);
    for (const id of [1, 2, 3, 4]) await write(store, id);
    await store.keepNewest(2);
    expect(ids()).toEqual([4, 3]);
  });

  it('shows a checkpoint only when the log is durable up to its event', async () => {
    const store = CheckpointStore.open(dir);
    let before: number[] | undefined;
    await store.write(7n, bytesOf(7), async () => {
      before = ids();
    });
    expect([before, ids()]).toEqual([[], [7]]);
  });

  it('is as it was where the log does not become durable', async () => {
    const store = CheckpointStore.open(dir);
    await write(store, 3);
    const failing = store.write(7n, bytesOf(7), () => Promise.reject(new Error('no such luck')));
    await expect(failing).rejects.toThrow('no such luck');
    expect(readdirSync(dir)).toEqual([checkpointName(3n)]);
  });

  it('is never written over', async () => {
    const store = CheckpointStore.open(dir);
    writeFileSync(at(7), 'evidence');
    await expect(write(store, 7)).rejects.toThrow('FILE_ALREADY_EXISTS');
    expect(readFileSync(at(7), 'utf8')).toBe('evidence');
    expect(readdirSync(dir)).toEqual([checkpointName(7n)]);
  });

  it('loses what a killed process has begun to write, and nothing else', async () => {
    const store = CheckpointStore.open(dir);
    await write(store, 3);
    const others = ['notes.txt', 'checkpoint-1.fscp.tmp', `${checkpointName(9n)}.broken`, 'notes.tmp'];
    for (const name of [...others, `${checkpointName(5n)}.tmp`]) writeFileSync(join(dir, name), 'x');
    CheckpointStore.open(dir);
    expect(readdirSync(dir).sort()).toEqual([checkpointName(3n), ...others].sort());
  });

  it('moves aside what is damaged when it is opened, each under a name of its own', async () => {
    await write(CheckpointStore.open(dir), 3);
    for (const text of ['one', 'two']) {
      writeFileSync(at(9), text);
      CheckpointStore.open(dir);
    }
    expect(ids()).toEqual([3]);
    expect(readFileSync(`${at(9)}.broken`, 'utf8')).toBe('one');
    expect(readFileSync(`${at(9)}.1.broken`, 'utf8')).toBe('two');
  });

  it.each([
    ['a directory', (file: string) => mkdirSync(file)],
    ['a fifo', (file: string) => execFileSync('mkfifo', [file])],
    ['a link to a checkpoint', (file: string) => symlinkSync(at(3), file)],
    ['a link to nothing', (file: string) => symlinkSync(join(parent, 'nothing'), file)],
    ['an empty file', (file: string) => writeFileSync(file, '')],
    ['a checkpoint of another event', (file: string) => writeFileSync(file, bytesOf(8))],
  ])('refuses %s in the place of a checkpoint, and moves it aside as it is', async (_, plant) => {
    await write(CheckpointStore.open(dir), 3);
    plant(at(9));
    expect(() => readCheckpoint({ file: at(9), eventId: 9n })).toThrow(
      expect.objectContaining({ name: 'UnusableCheckpoint' }),
    );
    const store = CheckpointStore.open(dir);
    expect(ids()).toEqual([3]);
    expect(readdirSync(dir)).toContain(`${checkpointName(9n)}.broken`);
    await write(store, 9);
    expect(ids()).toEqual([9, 3]);
  });

  it('is not made where something else has its name', () => {
    writeFileSync(dir, 'mine');
    expect(() => CheckpointStore.open(dir)).toThrow(expect.objectContaining({ code: 'OPEN_FAILED' }));
    expect(readFileSync(dir, 'utf8')).toBe('mine');
    expect(existsSync(`${dir}.broken`)).toBe(false);
  });
});
