/*
 * The engine thread's side of the tail ring, and its whole hot path.
 *
 * Role contract. The engine alone writes events into the ring. A slot belongs to it from the moment the writer's
 * `releasedBlocks` passes that slot's block of the lap before, until it is full. The writer alone writes block headers,
 * of full slots only.
 *
 * The event id is the commit word, yet it is two 32-bit stores, and a killed process may stop between any two. In order:
 *
 *   word 0 = 0           the slot now reads as an id that is not above the last one, whatever was there
 *   word 1 = high        and still does: high is the last id's
 *   words 2..15          the event
 *   word 0 = low         committed
 *
 * Where `high` differs from the last id's (once in 2^32 ids) the id is stored as one 64-bit word instead. x86-64 keeps
 * plain stores in order; elsewhere the last store is an Atomics.store.
 *
 * Samples. One append in some thousand is timed, without a word of that on the hot path: `#limit`, at which it leaves
 * for the slow path, is the block's end or the place of the next sample, whichever comes first. The slow path then moves
 * the limit on and runs the hot path again between two readings of the clock. A sample may fall on a block's end too,
 * and then has in it what that costs, a wait for room included: a percentile leaves nothing out.
 */
import {
  BLOCK_EVENTS,
  BLOCK_HEADER_WORDS,
  BLOCK_WORDS,
  EVENT_WORDS,
  type EventView,
  TAIL_RING_HEADER_BYTES,
  tailRingBytes,
  WalError,
  WORD_BYTES,
} from '@fswal/format';
import { beginSample, endSample, sampleClockNs, sampleNs } from '@fswal/telemetry/clock';
import type { Control } from './control.js';
import { RingRoom, type RoomWatch } from './ring-room.js';
import { SamplePoints } from './sample-points.js';

const TWO_32 = 4_294_967_296;
// A constant of this module: V8 folds those, but loads an imported one anew at each use.
const STRIDE_WORDS = EVENT_WORDS;
const RING_START = TAIL_RING_HEADER_BYTES / WORD_BYTES;
const KEEPS_STORE_ORDER = process.arch === 'x64' || process.arch === 'ia32';

/** What an appender calls off its hot path. */
export interface AppenderWatch extends RoomWatch {
  /** An append was refused, with nothing written: no room, or an id that is not above the last one. */
  refused(): void;
  /**
   * A sampled append, or claim, took `ns`, a reading of the clock included; a reading alone took `clockNs` right before.
   */
  sampled(ns: number, clockNs: number): void;
}

export class Appender<View extends EventView = EventView> {
  readonly #ring: Int32Array;
  readonly #ids: BigUint64Array;
  readonly #control: Control;
  readonly #view: View;
  readonly #tailBlocks: number;
  readonly #room: RingRoom;
  readonly #watch: AppenderWatch;
  /** Word index of the next event. */
  #at = RING_START + BLOCK_HEADER_WORDS;
  /** `#at` at which the slow path has to be taken: the block's end, a sample, or any value once closed or failed. */
  #limit: number;
  readonly #samples: SamplePoints;
  /** Word index of the claimed event, or -1. */
  #claimed = -1;
  #lastLow: number;
  #lastHigh: number;
  /** Full blocks before the one being filled, as int32. */
  #blocks = 0;
  #slot = 0;
  #refusal: WalError | undefined;

  constructor(
    ring: ArrayBuffer,
    tailBlocks: number,
    lastEventId: bigint,
    control: Control,
    view: View,
    { backpressureTimeoutMs, sampleAppends }: { backpressureTimeoutMs: number; sampleAppends: number },
    watch: AppenderWatch,
  ) {
    this.#ring = new Int32Array(ring, 0, tailRingBytes(tailBlocks) / WORD_BYTES);
    this.#ids = new BigUint64Array(ring, 0, tailRingBytes(tailBlocks) / 8);
    this.#control = control;
    this.#view = view;
    view.words = this.#ring;
    this.#tailBlocks = tailBlocks;
    this.#room = new RingRoom(control, tailBlocks, backpressureTimeoutMs, watch);
    this.#watch = watch;
    this.#lastLow = Number(BigInt.asIntN(32, lastEventId));
    this.#lastHigh = Number(BigInt.asIntN(32, lastEventId >> 32n));
    this.#samples = new SamplePoints(sampleAppends);
    this.#limit = this.#at + this.#samples.within(BLOCK_EVENTS) * EVENT_WORDS;
    control.publishAppended(0, this.#lastLow, this.#lastHigh);
  }

  /** Id of the last event appended, here or before. */
  get lastEventId(): bigint {
    return (BigInt(this.#lastHigh >>> 0) << 32n) | BigInt(this.#lastLow >>> 0);
  }

  /** Full blocks before the one being filled, as int32. */
  get blocks(): number {
    return this.#blocks;
  }
  /** Events in the block being filled. */
  get eventsInBlock(): number {
    return (this.#at - this.#blockStart) / EVENT_WORDS;
  }

  append(event: EventView): void {
    const source = event.words;
    const from = event.base;
    const low = source[from];
    const high = source[(from + 1) | 0];
    if (this.#at === this.#limit && this.#atLimit(event)) return;
    const ring = this.#ring;
    const at = this.#at;
    const steps = high === this.#lastHigh;
    if (steps ? low >>> 0 <= this.#lastLow >>> 0 : high >>> 0 < this.#lastHigh >>> 0)
      throw this.#outOfOrder(low, high);
    // `(a + b) | 0` spares V8 the check for an overflow, with every access.
    ring[at] = 0;
    if (steps) ring[(at + 1) | 0] = high;
    ring[(at + 2) | 0] = source[(from + 2) | 0];
    ring[(at + 3) | 0] = source[(from + 3) | 0];
    ring[(at + 4) | 0] = source[(from + 4) | 0];
    ring[(at + 5) | 0] = source[(from + 5) | 0];
    ring[(at + 6) | 0] = source[(from + 6) | 0];
    ring[(at + 7) | 0] = source[(from + 7) | 0];
    ring[(at + 8) | 0] = source[(from + 8) | 0];
    ring[(at + 9) | 0] = source[(from + 9) | 0];
    ring[(at + 10) | 0] = source[(from + 10) | 0];
    ring[(at + 11) | 0] = source[(from + 11) | 0];
    ring[(at + 12) | 0] = source[(from + 12) | 0];
    ring[(at + 13) | 0] = source[(from + 13) | 0];
    ring[(at + 14) | 0] = source[(from + 14) | 0];
    ring[(at + 15) | 0] = source[(from + 15) | 0];
    if (steps && KEEPS_STORE_ORDER) ring[at] = low;
    else this.#storeId(at, low, high);
    this.#lastLow = low;
    this.#lastHigh = high;
    this.#at = (at + STRIDE_WORDS) | 0;
    this.#claimed = -1;
  }

  claim(): View {
    if (this.#at === this.#limit && this.#atLimit(undefined)) return this.#view;
    const at = this.#at;
    const view = this.#view;
    this.#ring[at] = 0;
    this.#claimed = at;
    view.base = at;
    return view;
  }

  commit(eventId: number | bigint): void {
    let low: number;
    let high: number;
    if (typeof eventId === 'number') {
      low = eventId | 0;
      high = (eventId / TWO_32) | 0;
      if ((high >>> 0) * TWO_32 + (low >>> 0) !== eventId || high >= 0x20_0000) throw notAnId(eventId);
    } else {
      if (BigInt.asUintN(64, eventId) !== eventId) throw notAnId(eventId);
      low = Number(BigInt.asIntN(32, eventId));
      high = Number(BigInt.asIntN(32, eventId >> 32n));
    }
    const at = this.#claimed;
    if (at !== this.#at) throw this.#notClaimed();
    const steps = high === this.#lastHigh;
    if (steps ? low >>> 0 <= this.#lastLow >>> 0 : high >>> 0 < this.#lastHigh >>> 0)
      throw this.#outOfOrder(low, high);
    const ring = this.#ring;
    if (steps && KEEPS_STORE_ORDER) {
      ring[at] = 0;
      ring[at + 1] = high;
      ring[at] = low;
    } else {
      this.#storeId(at, low, high);
    }
    this.#lastLow = low;
    this.#lastHigh = high;
    this.#at = (at + STRIDE_WORDS) | 0;
    this.#claimed = -1;
  }

  /** From now on append, claim and commit throw `error`. */
  refuse(error: WalError): void {
    this.#refusal ??= error;
    this.#limit = this.#at;
    this.#claimed = -1;
  }

  /**
   * Off the hot path, once a block and once a sample: moves on to the next block, waiting for it where the ring is full,
   * and times the append, or the claim, if it is a sample.
   *
   * One function, and a long one: V8 takes shorter ones into the engine's loop, and leaves out what is called there more
   * often, such as the setters of an event, once it has no room for more.
   *
   * @param event undefined to claim
   * @returns whether it was a sample, which is appended or claimed then
   * @throws WalError BACKPRESSURE or DISK_FULL when there was no room in time; the next append may succeed
   */
  #atLimit(event: EventView | undefined): boolean {
    if (this.#refusal !== undefined) throw this.#refusal;
    const isSample = this.#samples.isDue;
    if (isSample) {
      this.#samples.take();
      beginSample();
    }
    if (this.eventsInBlock === BLOCK_EVENTS) {
      const failure = this.#control.failure();
      if (failure !== undefined) {
        this.refuse(failure);
        throw failure;
      }
      const next = (this.#blocks + 1) | 0;
      // The writer would find it by its ids, later.
      this.#control.publishAppended(next, this.#lastLow, this.#lastHigh);
      if (!this.#room.isFree(next) && !this.#room.wait(next)) {
        this.#watch.refused();
        throw this.#room.refusal(this.lastEventId);
      }
      this.#blocks = next;
      this.#slot = this.#slot + 1 === this.#tailBlocks ? 0 : this.#slot + 1;
      this.#at = this.#blockStart;
    }
    this.#limit = this.#at + this.#samples.within(BLOCK_EVENTS - this.eventsInBlock) * EVENT_WORDS;
    if (!isSample) return false;
    if (event === undefined) this.claim();
    else this.append(event);
    endSample();
    this.#watch.sampled(sampleNs(), sampleClockNs());
    return true;
  }

  /** Word index of the first event of the block being filled. */
  get #blockStart(): number {
    return RING_START + this.#slot * BLOCK_WORDS + BLOCK_HEADER_WORDS;
  }

  #storeId(at: number, low: number, high: number): void {
    if (high === this.#lastHigh) {
      this.#ring[at + 1] = high;
      Atomics.store(this.#ring, at, low);
    } else {
      Atomics.store(this.#ids, at / 2, (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0));
    }
  }

  #outOfOrder(low: number, high: number): WalError {
    this.#watch.refused();
    const id = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
    const message = `event id ${id} is not greater than the last one; nothing was written`;
    return new WalError('EVENT_OUT_OF_ORDER', message, { eventId: this.lastEventId });
  }

  #notClaimed(): Error {
    if (this.#refusal !== undefined) return this.#refusal;
    return new Error('commit() without claim(): claim an event, fill it, then commit its id');
  }
}

function notAnId(eventId: number | bigint): RangeError {
  return new RangeError(
    `an event id is a whole number above 0, exact as given (a bigint past 2^53): ${eventId}`,
  );
}
