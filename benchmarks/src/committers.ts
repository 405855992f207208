import path from 'node:path';
import type { RequestEvent } from '@fswal/format';
import { RecorderManager } from '@fswal/recorder';
import { open } from 'lmdb';
import { filledEvent } from './append.js';
import { loadSqlite } from './rivals.js';

/** Something that makes events durable for many who wait at the same time. */
export interface Committer {
  readonly name: string;
  /** Resolves when one more event is on the device. */
  commit(): Promise<unknown>;
  /** How often the device was waited for so far, where that can be told. */
  syncs(): number;
  close(): Promise<void>;
}

/** The log, in mode `group`. */
export async function openLogCommitter(dir: string): Promise<Committer> {
  const recorder = await RecorderManager.open({ dir: path.join(dir, 'group'), durability: 'group' });
  const event = filledEvent();
  let id = 0;
  return {
    name: 'append + waitDurable',
    commit() {
      event.eventId = ++id;
      recorder.append(event);
      return recorder.waitDurable(id);
    },
    syncs: () => recorder.telemetry.meta_store.durable_moves.count,
    close: () => recorder.close(),
  };
}

/**
 * lmdb gathers in one transaction what is put while the one before is being committed, in a thread of its own.
 *
 * @param overlapping as it comes: the promise of a put is for the transaction and `flushed` for the device, which is
 * waited for while the next transaction goes on; else the promise of a put is for both
 */
export function openLmdbCommitter(dir: string, overlapping: boolean): Committer {
  const db = open<Buffer, number>({
    path: path.join(dir, `group-lmdb-${overlapping}`),
    encoding: 'binary',
    keyEncoding: 'uint32',
    overlappingSync: overlapping,
  });
  const value = bytesOf(filledEvent());
  let id = 0;
  return {
    name: overlapping ? 'lmdb (put, flushed)' : 'lmdb (put)',
    commit: async () => {
      await db.put(++id, value);
      if (overlapping) await db.flushed;
    },
    syncs: () => Number.NaN,
    close: () => db.close(),
  };
}

/**
 * better-sqlite3, which has no thread of its own: whoever has an event puts it into a queue and waits; once in a turn
 * of the event loop, all that is in the queue goes into one transaction, and whoever waited for it goes on.
 */
export function openSqliteCommitter(dir: string): Committer | undefined {
  const Database = loadSqlite();
  if (Database === undefined) return undefined;
  const db = new Database(path.join(dir, 'group.db'));
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec('CREATE TABLE events (id INTEGER PRIMARY KEY, bytes BLOB)');
  const insert = db.prepare('INSERT INTO events VALUES (?, ?)');
  const value = bytesOf(filledEvent());
  let id = 0;
  let syncs = 0;
  let queue: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  const insertAll = db.transaction((count: number) => {
    for (let i = 0; i < count; i++) insert.run(++id, value);
  });
  const flush = () => {
    const waiting = queue;
    queue = [];
    try {
      insertAll(waiting.length);
      syncs++;
      for (const { resolve } of waiting) resolve();
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
  };
  return {
    name: 'better-sqlite3 (WAL, FULL, queued)',
    commit: () =>
      new Promise<void>((resolve, reject) => {
        if (queue.push({ resolve, reject }) === 1) setImmediate(flush);
      }),
    syncs: () => syncs,
    close: async () => {
      db.close();
    },
  };
}

function bytesOf(event: RequestEvent): Buffer {
  return Buffer.from(event.bytes);
}
