/*
 * The words that the threads of one recorder share. Role contract:
 *
 *   word                      written by       read by                 may be stale
 *   appendedBlocks            engine           writer                  low: the writer finds the rest by event ids
 *   appended (a position)     engine           anyone                  low, by less than a block
 *   syncRequested             engine, writer   writer                  low: it is woken after the store
 *   engineWaiting             engine           writer                  it notifies once too often at worst
 *   releasedBlocks            writer           engine                  low: the engine sees less room than there is
 *   written  (a position)     writer           anyone                  low
 *   durable  (a position)     coordinator      anyone                  low, never high: stored after the device has it
 *   synced                    coordinator      engine, writer          low
 *   sparesExpected            coordinator      preparer                it makes one file too many, or waits for one look
 *   retentionBehind           coordinator      preparer                the same; it is woken when that is over
 *   persistedSegments         maintainers      coordinator             low
 *   obstacle of a role        that role        engine                  it decides an error's name, nothing else
 *   failure                   first to fail    all                     -
 *   stage                     manager          workers                 low: they are woken after the store
 *
 * Words of different writers lie on cache lines of their own, two apart, since neighbours are fetched in pairs; only to
 * syncRequested the writer adds too, once a sync at most.
 * Cursors count up and wrap as int32; differences are taken with `| 0`.
 */
import { WalError, type WalErrorCode } from '@fswal/format';

const LINE_WORDS = 32;
/** How often those who wait for a signal look for trouble that nobody signals. */
export const SIGNAL_TIMEOUT_MS = 100;

/** The worker threads. */
export const Role = { writer: 0, preparer: 1, maintainer: 2, coordinator: 3 } as const;
export type Role = (typeof Role)[keyof typeof Role];
export const ROLES = Object.keys(Role) as (keyof typeof Role)[];

/**
 * How far the closing of a recorder has come. Workers finish in the order in which work flows: the preparer goes on
 * while the writer may still need a segment, the maintainers while the coordinator may still have orders for them.
 */
export const Stage = { running: 0, writerStops: 1, draining: 2, maintainersStop: 3 } as const;
export type Stage = (typeof Stage)[keyof typeof Stage];

const Word = {
  appendedBlocks: 0,
  syncRequested: 1,
  engineWaiting: 2,
  appended: 3,
  releasedBlocks: 1 * LINE_WORDS,
  written: 1 * LINE_WORDS + 1,
  durable: 2 * LINE_WORDS,
  synced: 2 * LINE_WORDS + 9,
  sparesExpected: 2 * LINE_WORDS + 10,
  retentionBehind: 2 * LINE_WORDS + 11,
  persistedSegments: 3 * LINE_WORDS,
  failure: 4 * LINE_WORDS,
  stage: 5 * LINE_WORDS,
  signal: 6 * LINE_WORDS,
  wake: 7 * LINE_WORDS,
  obstacle: (7 + ROLES.length) * LINE_WORDS,
  failureText: (7 + 2 * ROLES.length) * LINE_WORDS,
} as const;

const FAILURE_TEXT_BYTES = 4096;
const FAILURE_TEXT_TIMEOUT_MS = 100;
const CONTROL_BYTES = Word.failureText * 4 + FAILURE_TEXT_BYTES;

const FailureState = { none: 0, beingWritten: 1, set: 2 } as const;
const Obstacle = { none: 0, diskFull: 1 } as const;

/** A place in the log. */
export interface LogPosition {
  readonly segmentIndex: number;
  /** Byte in the segment after the last event. */
  readonly offset: number;
  /** 0 = no event. */
  readonly eventId: bigint;
}

/** The shared words, with a method for each thing that one thread tells another. */
export class Control {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(buffer = new SharedArrayBuffer(CONTROL_BYTES)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer, 0, Word.failureText);
  }

  /** The words of another thread. @throws TypeError for a buffer that is not theirs */
  static attach(buffer: SharedArrayBuffer): Control {
    if (!(buffer instanceof SharedArrayBuffer) || buffer.byteLength !== CONTROL_BYTES) {
      throw new TypeError("this is not the buffer of a recorder's watermarks");
    }
    return new Control(buffer);
  }

  // Engine -> writer

  /** Publishes that `blocks` blocks are full, and the two halves of the last id. Pairs with `appendedBlocks` in the writer. */
  publishAppended(blocks: number, lastLow: number, lastHigh: number): void {
    this.#storeWords(Word.appended, 0, 0, lastLow, lastHigh);
    Atomics.store(this.#words, Word.appendedBlocks, blocks);
  }
  /** Of the last full block. */
  get appendedEventId(): bigint {
    return this.#loadPosition(Word.appended).eventId;
  }
  get appendedBlocks(): number {
    return Atomics.load(this.#words, Word.appendedBlocks);
  }

  /** Asks the writer to pass on all that is appended. @returns the number that `synced` reaches when it is durable */
  requestSync(): number {
    const request = (Atomics.add(this.#words, Word.syncRequested, 1) + 1) | 0;
    this.wake(Role.writer);
    return request;
  }
  /** The writer's own request, when its mode says so. */
  requestOwnSync(): void {
    Atomics.add(this.#words, Word.syncRequested, 1);
  }
  get syncRequested(): number {
    return Atomics.load(this.#words, Word.syncRequested);
  }

  // Writer -> engine

  /** Gives the slots of all blocks before `blocks` back. Pairs with `releasedBlocks` in the engine. */
  publishReleased(blocks: number): void {
    Atomics.store(this.#words, Word.releasedBlocks, blocks);
    if (Atomics.load(this.#words, Word.engineWaiting) === 1) Atomics.notify(this.#words, Word.releasedBlocks);
  }
  get releasedBlocks(): number {
    return Atomics.load(this.#words, Word.releasedBlocks);
  }
  /** Sleeps in the engine until the released count is no longer `seen`, or the time is over. */
  waitReleased(seen: number, timeoutMs: number): void {
    Atomics.store(this.#words, Word.engineWaiting, 1);
    Atomics.wait(this.#words, Word.releasedBlocks, seen, timeoutMs);
    Atomics.store(this.#words, Word.engineWaiting, 0);
  }

  publishWritten(position: LogPosition): void {
    this.#storePosition(Word.written, position);
  }
  get written(): LogPosition {
    return this.#loadPosition(Word.written);
  }

  // Maintainers -> coordinator

  /** All segments below this index are persisted: final header and data are on the device. */
  get persistedSegments(): number {
    return Atomics.load(this.#words, Word.persistedSegments);
  }
  startPersistedAt(segmentIndex: number): void {
    Atomics.store(this.#words, Word.persistedSegments, segmentIndex);
  }
  /** Moves the count one segment on, unless another maintainer just did. */
  advancePersisted(from: number): void {
    Atomics.compareExchange(this.#words, Word.persistedSegments, from, from + 1);
    this.wake(Role.coordinator);
  }

  // Coordinator -> engine

  /**
   * Only after the data and wal_meta.dat are on the device.
   * @throws Error where the watermarks would be out of order: then nothing is published
   */
  publishDurable(position: LogPosition): void {
    const sealed = this.written.eventId;
    const before = this.durable.eventId;
    if (position.eventId < before || position.eventId > sealed) {
      throw new Error(`durable ${position.eventId} is not between durable ${before} and sealed ${sealed}`);
    }
    this.#storePosition(Word.durable, position);
    this.#signal();
  }
  get durable(): LogPosition {
    return this.#loadPosition(Word.durable);
  }
  publishSynced(request: number): void {
    Atomics.store(this.#words, Word.synced, request);
    this.#signal();
  }
  hasSynced(request: number): boolean {
    return ((Atomics.load(this.#words, Word.synced) - request) | 0) >= 0;
  }

  /** Whether retention gives a used segment file for each one that is filled. */
  get sparesExpected(): boolean {
    return Atomics.load(this.#words, Word.sparesExpected) === 1;
  }
  expectSpares(expected: boolean): void {
    Atomics.store(this.#words, Word.sparesExpected, expected ? 1 : 0);
  }

  /** Whether segments fill up faster than retention takes them out of the log. */
  get retentionBehind(): boolean {
    return Atomics.load(this.#words, Word.retentionBehind) === 1;
  }
  setRetentionBehind(behind: boolean): void {
    const before = Atomics.exchange(this.#words, Word.retentionBehind, behind ? 1 : 0);
    if (before === 1 && !behind) this.wake(Role.preparer);
  }

  // Waiting

  wake(role: Role): void {
    const word = Word.wake + role * LINE_WORDS;
    Atomics.add(this.#words, word, 1);
    Atomics.notify(this.#words, word);
  }
  wakeCount(role: Role): number {
    return Atomics.load(this.#words, Word.wake + role * LINE_WORDS);
  }
  /** Sleeps in a worker until it is woken after `seen` was read, or the time is over. */
  sleep(role: Role, seen: number, timeoutMs: number): void {
    Atomics.wait(this.#words, Word.wake + role * LINE_WORDS, seen, timeoutMs);
  }

  get signalCount(): number {
    return Atomics.load(this.#words, Word.signal);
  }
  /** Resolves in the engine's thread at the next signal (a sync done, a failure) after `seen` was read. */
  async nextSignal(seen: number, timeoutMs: number): Promise<void> {
    const { value } = Atomics.waitAsync(this.#words, Word.signal, seen, timeoutMs);
    await value;
  }
  #signal(): void {
    Atomics.add(this.#words, Word.signal, 1);
    Atomics.notify(this.#words, Word.signal);
  }

  // Closing

  get stage(): Stage {
    return Atomics.load(this.#words, Word.stage) as Stage;
  }
  enter(stage: Stage): void {
    Atomics.store(this.#words, Word.stage, stage);
    for (const name of ROLES) this.wake(Role[name]);
  }

  // Trouble

  /** Says that a role cannot go on for lack of space, and will try again; or that it could. */
  setDiskFull(role: Role, full: boolean): void {
    const word = Word.obstacle + role * LINE_WORDS;
    Atomics.store(this.#words, word, full ? Obstacle.diskFull : Obstacle.none);
  }
  get diskFull(): boolean {
    return ROLES.some((name) => this.#lacksSpace(Role[name]));
  }
  /** Whether lack of space keeps that event from becoming durable. The next segment matters only to what is not in one yet. */
  isDiskFullFor(eventId: bigint): boolean {
    const isWritten = this.written.eventId >= eventId;
    return ROLES.some((name) => this.#lacksSpace(Role[name]) && !(isWritten && Role[name] === Role.preparer));
  }
  #lacksSpace(role: Role): boolean {
    return Atomics.load(this.#words, Word.obstacle + role * LINE_WORDS) !== Obstacle.none;
  }

  /** The first failure of all stays: from it on nothing more becomes durable. */
  fail(error: WalError): void {
    if (
      Atomics.compareExchange(this.#words, Word.failure, FailureState.none, FailureState.beingWritten) !== 0
    )
      return;
    const { code, file, offset } = error;
    const reason = error.reason.slice(0, FAILURE_TEXT_BYTES);
    let text = encodeFailure({ code, reason, file, offset });
    // Whatever does not fit, the code stays.
    if (text.length >= FAILURE_TEXT_BYTES) text = encodeFailure({ code, reason: reason.slice(0, 500) });
    new Uint8Array(this.buffer, Word.failureText * 4).set(text);
    Atomics.store(this.#words, Word.failure, FailureState.set);
    Atomics.notify(this.#words, Word.failure);
    Atomics.notify(this.#words, Word.releasedBlocks);
    this.#signal();
    for (const name of ROLES) this.wake(Role[name]);
  }
  get failed(): boolean {
    return Atomics.load(this.#words, Word.failure) !== FailureState.none;
  }
  /** The failure as an error, or undefined. */
  failure(): WalError | undefined {
    if (!this.failed) return undefined;
    // Its text is there in microseconds, unless the thread was terminated amid writing it.
    Atomics.wait(this.#words, Word.failure, FailureState.beingWritten, FAILURE_TEXT_TIMEOUT_MS);
    const state = Atomics.load(this.#words, Word.failure);
    if (state === FailureState.beingWritten) return new WalError('WORKER_FAILED', 'a worker thread failed');
    const area = new Uint8Array(this.buffer, Word.failureText * 4).slice();
    const text = new TextDecoder().decode(area.subarray(0, area.indexOf(0)));
    return parseFailure(text);
  }

  // A position is a version word and two places of four words: the version's lowest bit tells which one is valid, the
  // other is free to be written. So a writer that dies in the midst of it leaves the last position as it was.

  #storePosition(at: number, position: LogPosition): void {
    const { segmentIndex, offset, eventId } = position;
    const low = Number(BigInt.asIntN(32, eventId));
    const high = Number(BigInt.asIntN(32, eventId >> 32n));
    this.#storeWords(at, segmentIndex, offset, low, high);
  }

  #storeWords(at: number, segmentIndex: number, offset: number, low: number, high: number): void {
    const version = (this.#words[at] + 1) | 0;
    const place = placeOf(at, version);
    Atomics.store(this.#words, place, segmentIndex);
    Atomics.store(this.#words, place + 1, offset);
    Atomics.store(this.#words, place + 2, low);
    Atomics.store(this.#words, place + 3, high);
    Atomics.store(this.#words, at, version);
  }

  #loadPosition(at: number): LogPosition {
    for (;;) {
      const version = Atomics.load(this.#words, at);
      const place = placeOf(at, version);
      const segmentIndex = Atomics.load(this.#words, place);
      const offset = Atomics.load(this.#words, place + 1);
      const low = Atomics.load(this.#words, place + 2);
      const high = Atomics.load(this.#words, place + 3);
      // Another version: the place may have been written again meanwhile.
      if (Atomics.load(this.#words, at) === version) {
        return { segmentIndex, offset, eventId: (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0) };
      }
    }
  }
}

function placeOf(position: number, version: number): number {
  return position + 1 + 4 * (version & 1);
}

interface StoredFailure {
  code: WalErrorCode;
  reason: string;
  file?: string | undefined;
  offset?: number | undefined;
}

function encodeFailure(failure: StoredFailure): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(failure));
}

function parseFailure(text: string): WalError {
  const { code, reason, file, offset } = JSON.parse(text) as StoredFailure;
  return new WalError(code, reason, { file, offset, cause: new Error(`${code}: ${reason}`) });
}
