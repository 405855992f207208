import { createRequire } from 'node:module';
import { EVENT_BYTES, type RequestEvent } from '@fswal/format';
import type BetterSqlite3 from 'better-sqlite3';
import { open } from 'lmdb';

const BATCH_EVENTS = 256;

/** What a user might take instead, each event under its id, in transactions of 256. */
export interface Rival {
  readonly name: string;
  nsPerEvent(event: RequestEvent, count: number): number | Promise<number>;
  close(): void | Promise<void>;
}

export function openLmdb(dir: string): Rival {
  const db = open<Buffer, number>({ path: dir, encoding: 'binary', keyEncoding: 'uint32', noSync: true });
  let id = 0;
  return {
    name: 'lmdb, transactions of 256, noSync',
    async nsPerEvent(event, count) {
      const value = Buffer.from(event.bytes);
      const start = process.hrtime.bigint();
      for (let i = 0; i < count; i += BATCH_EVENTS) {
        db.transactionSync(() => {
          for (let k = 0; k < BATCH_EVENTS; k++) db.put(++id, value);
        });
      }
      return Number(process.hrtime.bigint() - start) / count;
    },
    close: () => db.close(),
  };
}

/** Undefined, and said so, where better-sqlite3 is not installed: it needs a compiler. */
export function loadSqlite(): typeof BetterSqlite3 | undefined {
  try {
    const Database = createRequire(import.meta.url)('better-sqlite3') as typeof BetterSqlite3;
    // Installed and not compiled it loads, and fails here.
    new Database(':memory:').close();
    return Database;
  } catch (error) {
    process.stderr.write(
      `without better-sqlite3, which is not installed (${String(error).split('\n')[0]})\n`,
    );
    return undefined;
  }
}

/** Undefined where better-sqlite3 is not installed. */
export function openSqlite(
  file: string,
  synchronous: 'NORMAL' | 'FULL',
): (Rival & { syncOne(event: RequestEvent): void }) | undefined {
  const Database = loadSqlite();
  if (Database === undefined) return undefined;
  const db = new Database(file);
  db.pragma('journal_mode = WAL');
  db.pragma(`synchronous = ${synchronous}`);
  db.exec('CREATE TABLE events (id INTEGER PRIMARY KEY, bytes BLOB)');
  const insert = db.prepare('INSERT INTO events VALUES (?, ?)');
  let id = 0;
  const insertBatch = db.transaction((value: Buffer) => {
    for (let k = 0; k < BATCH_EVENTS; k++) insert.run(++id, value);
  });
  return {
    name: `better-sqlite3, WAL, ${synchronous}, transactions of 256`,
    nsPerEvent(event, count) {
      const value = Buffer.from(event.bytes);
      if (value.length !== EVENT_BYTES) throw new Error('an event has 64 bytes');
      const start = process.hrtime.bigint();
      for (let i = 0; i < count; i += BATCH_EVENTS) insertBatch(value);
      return Number(process.hrtime.bigint() - start) / count;
    },
    syncOne(event) {
      insert.run(++id, Buffer.from(event.bytes));
    },
    close: () => {
      db.close();
    },
  };
}
