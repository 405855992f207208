import fs from 'node:fs';
import { EVENT_BYTES } from '@fswal/format';
import { RecorderManager } from '@fswal/recorder';
import { filledEvent } from './append.js';
import { writePlainFile } from './plain-file.js';

const MAX_SEGMENTS = 8;
/** As a user would choose it, and of the plain file that is synced as seldom. */
export const SYNC_INTERVAL_MS = 100;

/** A way to get events onto the device. Only `write` is measured. */
export interface SustainedCase {
  readonly name: string;
  /** Before the first round. @param events of a round */
  warmUp(events: number): Promise<void>;
  prepare(): Promise<void>;
  /** Resolves when all of them are on the device. */
  write(events: number): Promise<void>;
  cleanUp(): Promise<void>;
  close(): Promise<void>;
}

/** A log without limits, anew in each round. */
export class NewFilesLog implements SustainedCase {
  readonly name = 'log, new files';
  readonly #dir: string;
  #recorder: RecorderManager | undefined;

  constructor(dir: string) {
    this.#dir = dir;
  }

  async warmUp(): Promise<void> {}

  async prepare(): Promise<void> {
    this.#recorder = await openLog(this.#dir);
  }

  write(events: number): Promise<void> {
    return writeLog(this.#recorder!, 0, events);
  }

  async cleanUp(): Promise<void> {
    const recorder = this.#recorder;
    this.#recorder = undefined;
    await recorder?.close();
    fs.rmSync(this.#dir, { recursive: true, force: true });
  }

  close(): Promise<void> {
    return this.cleanUp();
  }
}

/** One log that keeps its last segments, and makes new ones of the files before. */
export class UsedFilesLog implements SustainedCase {
  readonly name = 'log, files used again';
  readonly #dir: string;
  #recorder: RecorderManager | undefined;
  #lastId = 0;

  constructor(dir: string) {
    this.#dir = dir;
  }

  async warmUp(events: number): Promise<void> {
    this.#recorder = await openLog(this.#dir, MAX_SEGMENTS);
    // More than it keeps: from then on there are files to use again.
    await this.write(events);
  }

  async prepare(): Promise<void> {}

  async write(events: number): Promise<void> {
    await writeLog(this.#recorder!, this.#lastId, events);
    this.#lastId += events;
  }

  async cleanUp(): Promise<void> {}

  async close(): Promise<void> {
    await this.#recorder?.close();
  }
}

/** A file, written from end to end. */
export class PlainFile implements SustainedCase {
  readonly name: string;
  readonly #file: string;
  readonly #keep: boolean;
  readonly #syncIntervalMs: number;

  /** @param keep written over rather than made anew @param syncIntervalMs 0: fdatasync after each write */
  constructor(name: string, file: string, keep: boolean, syncIntervalMs: number) {
    this.name = name;
    this.#file = file;
    this.#keep = keep;
    this.#syncIntervalMs = syncIntervalMs;
  }

  /** A file that is to be written over must be there, with all of its blocks. */
  async warmUp(events: number): Promise<void> {
    if (this.#keep) await this.write(events);
  }

  async prepare(): Promise<void> {}

  async write(events: number): Promise<void> {
    writePlainFile({
      file: this.#file,
      bytes: events * EVENT_BYTES,
      keep: this.#keep,
      syncIntervalMs: this.#syncIntervalMs,
    });
  }

  async cleanUp(): Promise<void> {
    if (!this.#keep) fs.rmSync(this.#file, { force: true });
  }

  async close(): Promise<void> {}
}

function openLog(dir: string, maxSegments?: number): Promise<RecorderManager> {
  return RecorderManager.open({
    dir,
    durability: 'interval',
    syncIntervalMs: SYNC_INTERVAL_MS,
    backpressureTimeoutMs: 60_000,
    volatilePlace: 'allow',
    ...(maxSegments === undefined ? {} : { maxSegments }),
  });
}

/** Until all of it is durable. */
async function writeLog(recorder: RecorderManager, lastId: number, events: number): Promise<void> {
  const event = filledEvent();
  for (let id = lastId + 1; id <= lastId + events; id++) {
    event.eventId = id;
    recorder.append(event);
  }
  await recorder.sync();
}
