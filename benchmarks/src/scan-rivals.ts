import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { RequestEventOffset as At, EVENT_ID_OFFSET, type RequestEvent } from '@fswal/format';
import { ClassicLevel } from 'classic-level';
import { open } from 'lmdb';
import { loadSqlite } from './rivals.js';

const BATCH_EVENTS = 4_096;

/** A store that holds events 1, 2, 3 ... and reads them back in order. */
export interface ScanRival {
  readonly name: string;
  /** Opens the store, sums four fields of all its events, and closes it. */
  scan(): number | Promise<number>;
}

/** Each takes `count` events, as the one given but for their ids. */
export async function fillScanRivals(dir: string, event: RequestEvent, count: number): Promise<ScanRival[]> {
  const rivals = [
    await fillLmdb(path.join(dir, 'scan-lmdb'), event, count),
    fillSqlite(path.join(dir, 'scan.db'), event, count),
    await fillLevel(path.join(dir, 'scan-level'), event, count),
    fillEventStorage(path.join(dir, 'scan-event-storage'), event, count),
  ];
  return rivals.filter((rival) => rival !== undefined);
}

/** The sum of four fields of an event that a database has handed out as bytes. */
function sumOf(bytes: Buffer): number {
  const eventId = u64(bytes, EVENT_ID_OFFSET);
  return eventId + u64(bytes, At.price) + u64(bytes, At.quantity) + bytes.readUInt32LE(At.userId);
}

function u64(bytes: Buffer, offset: number): number {
  return bytes.readUInt32LE(offset) + bytes.readUInt32LE(offset + 4) * 2 ** 32;
}

async function fillLmdb(dir: string, event: RequestEvent, count: number): Promise<ScanRival> {
  const options = { path: dir, encoding: 'binary', keyEncoding: 'uint32', noSync: true } as const;
  const db = open<Buffer, number>(options);
  for (let id = 1; id <= count; ) {
    db.transactionSync(() => {
      for (let n = 0; n < BATCH_EVENTS && id <= count; n++, id++) db.put(id, bytesOf(event, id));
    });
  }
  await db.close();
  return {
    name: 'lmdb, getRange',
    async scan() {
      const reader = open<Buffer, number>(options);
      let sum = 0;
      for (const { value } of reader.getRange()) sum += sumOf(value);
      await reader.close();
      return sum;
    },
  };
}

/** Undefined where better-sqlite3 is not installed. */
function fillSqlite(file: string, event: RequestEvent, count: number): ScanRival | undefined {
  const Database = loadSqlite();
  if (Database === undefined) return undefined;
  const db = new Database(file);
  db.pragma('journal_mode = WAL');
  db.exec('CREATE TABLE events (id INTEGER PRIMARY KEY, bytes BLOB)');
  const insert = db.prepare('INSERT INTO events VALUES (?, ?)');
  db.transaction(() => {
    for (let id = 1; id <= count; id++) insert.run(id, bytesOf(event, id));
  })();
  db.close();
  return {
    name: 'better-sqlite3, iterate',
    scan() {
      const reader = new Database(file, { readonly: true });
      let sum = 0;
      const rows = reader.prepare('SELECT bytes FROM events ORDER BY id').pluck().iterate();
      for (const bytes of rows) sum += sumOf(bytes as Buffer);
      reader.close();
      return sum;
    },
  };
}

async function fillLevel(dir: string, event: RequestEvent, count: number): Promise<ScanRival> {
  const options = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const;
  const db = new ClassicLevel<Buffer, Buffer>(dir, options);
  await db.open();
  for (let id = 1; id <= count; ) {
    const batch = db.batch();
    for (let n = 0; n < BATCH_EVENTS && id <= count; n++, id++) {
      const key = Buffer.alloc(8);
      key.writeBigUInt64BE(BigInt(id));
      batch.put(key, bytesOf(event, id));
    }
    await batch.write();
  }
  await db.close();
  return {
    name: 'classic-level, values().nextv()',
    async scan() {
      const reader = new ClassicLevel<Buffer, Buffer>(dir, options);
      await reader.open();
      let sum = 0;
      const values = reader.values();
      for (let some = await values.nextv(1000); some.length > 0; some = await values.nextv(1000)) {
        for (const bytes of some) sum += sumOf(bytes);
      }
      await values.close();
      await reader.close();
      return sum;
    },
  };
}

interface StoredFields {
  readonly eventId: number;
  readonly price: number;
  readonly quantity: number;
  readonly userId: number;
}

interface Storage {
  open(): void;
  write(document: StoredFields): number;
  readRange(from: number): Iterable<StoredFields>;
  close(): void;
}

/** It stores documents, as JSON: the four fields of each event, and not its 64 bytes. */
function fillEventStorage(dir: string, event: RequestEvent, count: number): ScanRival {
  const { Storage } = createRequire(import.meta.url)('event-storage') as {
    Storage: new (name: string, options: { dataDirectory: string; indexDirectory: string }) => Storage;
  };
  fs.mkdirSync(dir);
  const openStorage = () => {
    const storage = new Storage('events', { dataDirectory: dir, indexDirectory: dir });
    storage.open();
    return storage;
  };
  const storage = openStorage();
  const { price, quantity, userId } = event;
  for (let eventId = 1; eventId <= count; eventId++) storage.write({ eventId, price, quantity, userId });
  storage.close();
  return {
    name: 'event-storage, readRange of JSON',
    scan() {
      const reader = openStorage();
      let sum = 0;
      for (const { eventId, price, quantity, userId } of reader.readRange(1)) {
        sum += eventId + price + quantity + userId;
      }
      reader.close();
      return sum;
    },
  };
}

function bytesOf(event: RequestEvent, id: number): Buffer {
  event.eventId = id;
  return Buffer.from(event.bytes);
}
