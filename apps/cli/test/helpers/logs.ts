/* Logs made by a recorder, and what may happen to them. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  BLOCK_EVENTS,
  blockOffset,
  encodeMeta,
  META_FILE,
  RequestEvent,
  segmentBytes,
  segmentFileName,
} from '@fswal/format';
import { RecorderManager } from '@fswal/recorder';
import { afterAll } from 'vitest';

const RECORD_AND_DIE = fileURLToPath(new URL('../children/record-and-die.js', import.meta.url));
const GOLDEN = fileURLToPath(new URL('../../../../packages/format/test/golden/', import.meta.url));

export const SEGMENT_BLOCKS = 16;
export const SEGMENT_EVENTS = SEGMENT_BLOCKS * BLOCK_EVENTS;

const dirs: string[] = [];

/** A new directory, removed after the tests of the file. */
export function tempDir(): string {
  const dir = fs.mkdtempSync(path.join(tmpdir(), 'fswal-cli-'));
  dirs.push(dir);
  return dir;
}

afterAll(() => {
  for (const dir of dirs.splice(0)) fs.rmSync(dir, { recursive: true, force: true });
});

/** The event that has this id in every log made here. */
export function eventOf(id: number): RequestEvent {
  return RequestEvent.from({
    eventId: id,
    timestamp: 1_790_000_000_000_000_000n + BigInt(id) * 1000n,
    price: 10_000 - id,
    quantity: id * 7,
    userId: id % 1000,
    orderId: id * 3,
    type: (id % 4) as 0 | 1 | 2 | 3,
    orderType: (id % 2) as 0 | 1,
    side: (id % 2) as 0 | 1,
  });
}

/** What `dump` prints for it. */
export function lineOf(id: number): object {
  const { eventIdBig, timestamp, priceBig, quantityBig, userId, orderId, type, orderType, side } =
    eventOf(id);
  const [eventId, price, quantity] = [eventIdBig, priceBig, quantityBig].map(String);
  return { eventId, timestamp: String(timestamp), price, quantity, userId, orderId, type, orderType, side };
}

/** Logs of so many events that no test has touched: each gets a copy. */
const untouched = new Map<number, string>();

/** A log of `events` events, 1, 2, 3 and so on, in segments of 16 blocks, closed. */
export async function record(events: number, dir?: string, firstId = 1): Promise<string> {
  if (dir !== undefined) return recordIn(dir, events, firstId);
  const master = untouched.get(events) ?? (await recordIn(tempDir(), events, firstId));
  untouched.set(events, master);
  const copy = tempDir();
  fs.cpSync(master, copy, { recursive: true });
  return copy;
}

async function recordIn(dir: string, events: number, firstId: number): Promise<string> {
  const recorder = await RecorderManager.open({
    dir,
    blocksPerSegment: SEGMENT_BLOCKS,
    volatilePlace: 'allow',
  });
  for (let id = firstId; id < firstId + events; id++) recorder.append(eventOf(id));
  await recorder.close();
  return dir;
}

/**
 * A log whose recorder was killed: `synced` events on the device, then `more`; of these, the blocks behind that of the last
 * synced one are in the tail ring alone.
 */
export function recordAndDie(synced: number, more: number, dir = tempDir()): string {
  const { signal, stderr } = spawnSync(
    process.execPath,
    [RECORD_AND_DIE, dir, String(synced), String(more)],
    {
      encoding: 'utf8',
    },
  );
  if (signal !== 'SIGKILL') throw new Error(`it was not killed: ${stderr}`);
  takeFromSegment(dir, synced);
  return dir;
}

/** Leaves a segment as if its recorder had been killed before any block behind that of event `last` was written to it. */
function takeFromSegment(dir: string, last: number): void {
  const file = segment(dir, Math.floor((last - 1) / SEGMENT_EVENTS));
  const bytes = fs.readFileSync(file);
  bytes.fill(0, blockOffset(Math.ceil((last % SEGMENT_EVENTS) / BLOCK_EVENTS) || SEGMENT_BLOCKS));
  fs.writeFileSync(file, bytes);
}

/** A copy of a directory that the version 1 system has written. */
export function golden(name: 'contiguous' | 'gaps' | 'huge'): string {
  const dir = tempDir();
  fs.cpSync(path.join(GOLDEN, name), dir, { recursive: true });
  return dir;
}

export function segment(dir: string, index: number): string {
  return path.join(dir, segmentFileName(index));
}

/** Changes one bit of a file. */
export function flip(file: string, offset: number): void {
  const bytes = fs.readFileSync(file);
  bytes[offset] ^= 4;
  fs.writeFileSync(file, bytes);
}

/** Moves the durable position to the end of a full segment. */
export function makeDurable(dir: string, index: number): void {
  const offset = segmentBytes(SEGMENT_BLOCKS);
  const eventId = BigInt((index + 1) * SEGMENT_EVENTS);
  const position = { segmentIndex: index, offset, eventId, prefixChecksum: 0n };
  fs.writeFileSync(path.join(dir, META_FILE), encodeMeta(position));
}

/** Every name with content: to see that nothing was changed. */
export function snapshot(dir: string): Record<string, string> {
  const names = fs.readdirSync(dir).sort();
  return Object.fromEntries(names.map((name) => [name, fs.readFileSync(path.join(dir, name), 'base64')]));
}
