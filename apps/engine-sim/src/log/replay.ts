import { EVENT_WORDS, RequestEvent } from '@fswal/format';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { Venue } from '../engine/venue.js';
import type { Flow } from '../flow/flow.js';

const TWO_32 = 4_294_967_296;

/** What delivers events one after the other in a view that it reuses: a RecoveryManager, say. */
export interface EventSource {
  next(): boolean;
  readonly event: RequestEvent;
}

/** Where a log parts from the flow that it is held against. */
export interface Difference {
  /** The event that the log has there. */
  readonly eventId: bigint;
  readonly reason: string;
}

export interface ReplayOptions {
  readonly flow?: Flow | undefined;
  readonly countUpTo?: number;
  readonly instruments?: number | undefined;
  readonly checkpoint?: Checkpoint;
}

/**
 * What a log says, event by event: the engine that it rebuilds, of nothing or of a checkpoint, and, with a flow, whether
 * it is that flow from where it stands on, byte for byte, with none missing.
 */
export class Replay {
  readonly venue: Venue;
  /** Stands behind the last event taken, for who goes on from there; undefined without a flow. */
  readonly flow: Flow | undefined;
  readonly #expected = new RequestEvent();
  readonly #countUpTo: number;
  #events = 0;
  #eventsUpTo = 0;
  #first = new RequestEvent();
  #last = new RequestEvent();
  #difference: Difference | undefined;

  /**
   * @param flow to compare with: it stands before the log's first event, or before the checkpoint's
   * @param countUpTo event id: see `eventsUpTo`
   * @param instruments that the venue is to be ready for
   * @param checkpoint what to begin with; its event is compared, but not taken again
   */
  constructor({ flow, countUpTo = 0, instruments, checkpoint }: ReplayOptions = {}) {
    this.flow = flow;
    this.venue = checkpoint?.venue ?? new Venue(instruments);
    this.#countUpTo = countUpTo;
    if (checkpoint === undefined) return;
    const { event } = checkpoint;
    this.#last.copyFrom(event);
    if (flow !== undefined) this.#compare(flow, event.words, event.base);
  }

  /** Events taken. */
  get events(): number {
    return this.#events;
  }
  /** Those of the events whose id is at most `countUpTo`. */
  get eventsUpTo(): number {
    return this.#eventsUpTo;
  }
  /** Of the first event taken; 0 without events. */
  get firstEventId(): bigint {
    return this.#first.eventIdBig;
  }
  /** Of the state: the checkpoint's where no event was taken, 0 where there is none either. */
  get lastEventId(): bigint {
    return this.#last.eventIdBig;
  }
  /** The first one; undefined as long as log and flow agree, and where there is none to compare with. */
  get difference(): Difference | undefined {
    return this.#difference;
  }

  /** Takes up to `limit` events; returns how many there were. @throws what `source` throws */
  take(source: EventSource, limit: number): number {
    let taken = 0;
    while (taken < limit && source.next()) {
      this.#takeEvent(source.event);
      taken++;
    }
    return taken;
  }

  #takeEvent(event: RequestEvent): void {
    const { words, base } = event;
    if (this.#events++ === 0) this.#first.copyFrom(event);
    // Inexact past 2^53, where the flow never gets.
    if ((words[base + 1] >>> 0) * TWO_32 + (words[base] >>> 0) <= this.#countUpTo) this.#eventsUpTo++;
    this.#last.words[0] = words[base];
    this.#last.words[1] = words[base + 1];
    if (this.flow !== undefined && this.#difference === undefined) this.#compare(this.flow, words, base);
    this.venue.apply(event);
  }

  #compare(flow: Flow, words: Int32Array, base: number): void {
    if (flow.count === flow.length) {
      const { eventIdBig: eventId } = new RequestEvent(words, base);
      this.#difference = { eventId, reason: `event ${eventId}, and the flow ends with event ${flow.count}` };
      return;
    }
    const expected = this.#expected;
    expected.eventId = flow.next(expected);
    let same = true;
    for (let i = 0; i < EVENT_WORDS; i++) same = same && words[base + i] === expected.words[i];
    if (!same) this.#differ(new RequestEvent(words, base));
  }

  #differ(found: RequestEvent): void {
    const { eventIdBig: eventId } = found;
    const { eventIdBig: expectedId } = this.#expected;
    this.#difference = {
      eventId,
      reason:
        eventId === expectedId
          ? `event ${eventId} is not the flow's`
          : `event ${eventId} where event ${expectedId} belongs`,
    };
  }
}
