import { EVENT_BYTES, EVENT_WORDS, RequestEvent } from '@fswal/format';
import type { PacedFlow } from '../log/paced-flow.js';

/**
 * The newest requests of a flow, each made once, in a ring of fixed size: for who records them, for who holds a log
 * against them, and for engines that go on from one request to the next.
 */
export class FlowWindow {
  readonly #flow: PacedFlow;
  readonly #capacity: number;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #event = new RequestEvent();
  #elapsedMs = 0;

  /** @param flow stands before its first request; @param capacity requests that are held */
  constructor(flow: PacedFlow, capacity: number) {
    this.#flow = flow;
    this.#capacity = capacity;
    this.#words = new Int32Array(capacity * EVENT_WORDS);
    this.#bytes = new Uint8Array(this.#words.buffer);
  }

  /** Id of the last request made. */
  get count(): number {
    return this.#flow.count;
  }
  /** Id of the oldest request held; `count + 1` where there is none. */
  get oldest(): number {
    return Math.max(1, this.count - this.#capacity + 1);
  }
  /** Whether the flow has no more requests. */
  get isExhausted(): boolean {
    return this.#flow.remaining === 0;
  }

  /** Lets time pass for the flow: it stands still while nobody records. */
  pass(ms: number): void {
    this.#elapsedMs += ms;
  }

  /** Makes the requests up to `eventId` that are due, unless they are there. */
  fill(eventId: number): void {
    const flow = this.#flow;
    flow.tick(this.#elapsedMs);
    while (flow.count < eventId && flow.offer()) {
      const { words, base } = flow.event;
      const at = this.#wordOf(flow.count + 1);
      for (let i = 0; i < EVENT_WORDS; i++) this.#words[at + i] = words[base + i];
      flow.take();
    }
  }

  /** A view of a request that is held, valid until the next call. */
  eventAt(eventId: number): RequestEvent {
    this.#event.words = this.#words;
    this.#event.base = this.#wordOf(eventId);
    return this.#event;
  }

  /** Whether these 16 words are those of a request that is held. */
  holds(eventId: number, words: Int32Array, base: number): boolean {
    const at = this.#wordOf(eventId);
    for (let i = 0; i < EVENT_WORDS; i++) if (this.#words[at + i] !== words[base + i]) return false;
    return true;
  }

  /** The bytes of up to `most` requests from `eventId` on, in the ring itself: fewer at its end. */
  bytesFrom(eventId: number, most: number): Uint8Array {
    const slot = (eventId - 1) % this.#capacity;
    const count = Math.min(most, this.count - eventId + 1, this.#capacity - slot);
    return this.#bytes.subarray(slot * EVENT_BYTES, (slot + count) * EVENT_BYTES);
  }

  #wordOf(eventId: number): number {
    return ((eventId - 1) % this.#capacity) * EVENT_WORDS;
  }
}
