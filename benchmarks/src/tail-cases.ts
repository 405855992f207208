/*
 * What the tail of latencies is measured of. Each case has loops of its own, so that V8 compiles each for itself: one
 * loop that calls whatever it is given would measure that call, and be compiled anew when the next case comes.
 *
 * In a burst the clock is read once between two events: what a stamp is above the one before is the event and that
 * reading, and nothing lies between. At a fixed rate an event has an intended start, and its latency counts from there
 * even if the one before took so long that it could only start later: a stall is charged to every event that it delays.
 */

import type { RequestEvent } from '@fswal/format';
import type { RecorderManager } from '@fswal/recorder';
import { lowNs, readClock } from './clock.js';
import { Floor } from './floor.js';

export interface TailCase {
  readonly name: string;
  /** As many as that, and no look at the clock. */
  untimed(count: number): void;
  /** One event between each two stamps. Nanoseconds. */
  burst(stamps: BigInt64Array): void;
  /** Fills in the latencies, in nanoseconds up to 2.1 s, of the first `count` events, one intended every `periodNs`. */
  paced(latencies: Float32Array, count: number, periodNs: number): void;
}

/** Ids of all cases that append to one log. */
export interface IdSource {
  last: number;
}

export class FloorCase implements TailCase {
  readonly name = 'floor: 16 stores into a plain array';
  readonly #floor: Floor;

  constructor(ringEvents: number) {
    this.#floor = new Floor(ringEvents);
  }

  untimed(count: number): void {
    this.#floor.store(count);
  }

  burst(stamps: BigInt64Array): void {
    this.#floor.burst(stamps);
  }

  paced(latencies: Float32Array, count: number, periodNs: number): void {
    const floor = this.#floor;
    readClock();
    const start = lowNs() + periodNs;
    for (let i = 0; i < count; i++) {
      const intended = (start + i * periodNs) | 0;
      while (((lowNs() - intended) | 0) < 0) readClock();
      floor.storeOne(i);
      readClock();
      latencies[i] = (lowNs() - intended) | 0;
    }
  }
}

export class AppendCase implements TailCase {
  readonly name = 'append(event)';
  readonly #recorder: RecorderManager;
  readonly #event: RequestEvent;
  readonly #ids: IdSource;

  constructor(recorder: RecorderManager, event: RequestEvent, ids: IdSource) {
    this.#recorder = recorder;
    this.#event = event;
    this.#ids = ids;
  }

  untimed(count: number): void {
    const recorder = this.#recorder;
    const event = this.#event;
    let id = this.#ids.last;
    for (let i = 0; i < count; i++) {
      event.eventId = ++id;
      recorder.append(event);
    }
    this.#ids.last = id;
  }

  burst(stamps: BigInt64Array): void {
    const recorder = this.#recorder;
    const event = this.#event;
    let id = this.#ids.last;
    stamps[0] = process.hrtime.bigint();
    for (let i = 1; i < stamps.length; i++) {
      event.eventId = ++id;
      recorder.append(event);
      stamps[i] = process.hrtime.bigint();
    }
    this.#ids.last = id;
  }

  paced(latencies: Float32Array, count: number, periodNs: number): void {
    const recorder = this.#recorder;
    const event = this.#event;
    let id = this.#ids.last;
    readClock();
    const start = lowNs() + periodNs;
    for (let i = 0; i < count; i++) {
      const intended = (start + i * periodNs) | 0;
      while (((lowNs() - intended) | 0) < 0) readClock();
      event.eventId = ++id;
      recorder.append(event);
      readClock();
      latencies[i] = (lowNs() - intended) | 0;
    }
    this.#ids.last = id;
  }
}

export class ClaimCase implements TailCase {
  readonly name = 'claim() + commit(id)';
  readonly #recorder: RecorderManager;
  readonly #ids: IdSource;

  constructor(recorder: RecorderManager, ids: IdSource) {
    this.#recorder = recorder;
    this.#ids = ids;
  }

  untimed(count: number): void {
    let id = this.#ids.last;
    for (let i = 0; i < count; i++) claimOne(this.#recorder, ++id);
    this.#ids.last = id;
  }

  burst(stamps: BigInt64Array): void {
    const recorder = this.#recorder;
    let id = this.#ids.last;
    stamps[0] = process.hrtime.bigint();
    for (let i = 1; i < stamps.length; i++) {
      claimOne(recorder, ++id);
      stamps[i] = process.hrtime.bigint();
    }
    this.#ids.last = id;
  }

  paced(latencies: Float32Array, count: number, periodNs: number): void {
    const recorder = this.#recorder;
    let id = this.#ids.last;
    readClock();
    const start = lowNs() + periodNs;
    for (let i = 0; i < count; i++) {
      const intended = (start + i * periodNs) | 0;
      while (((lowNs() - intended) | 0) < 0) readClock();
      claimOne(recorder, ++id);
      readClock();
      latencies[i] = (lowNs() - intended) | 0;
    }
    this.#ids.last = id;
  }
}

function claimOne(recorder: RecorderManager, id: number): void {
  const claimed = recorder.claim();
  claimed.price = id;
  claimed.quantity = 7;
  claimed.userId = 3;
  claimed.orderId = id;
  recorder.commit(id);
}
