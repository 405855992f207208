import { RequestEvent } from '@fswal/format';
import type { Flow } from '../flow/flow.js';

const NS_PER_MS = 1e6;
const MS_PER_SECOND = 1000;

/** How fast a flow is played; without either, as fast as its requests are taken. */
export interface Pace {
  /** Requests per second at most. */
  readonly rate?: number | undefined;
  /** The flow's own clock, so many times as fast as it went. */
  readonly speed?: number | undefined;
}

/**
 * A flow whose requests are offered when they are due, one at a time, again and again until each is taken: what could
 * not be carried out is not lost.
 */
export class PacedFlow {
  /** The request on offer. Another view after each `take`. */
  event = new RequestEvent();
  /** The last one taken here; without an id before there is one. */
  last = new RequestEvent();
  readonly #flow: Flow;
  readonly #rate: number;
  readonly #speed: number;
  readonly #countBefore: number;
  #isPending = false;
  /** The time of the first request on the flow's clock. */
  #openingNs = 0;
  #dueCount = 0;
  #dueNs = 0;

  /** @param flow from where it stands; nobody else asks it any more */
  constructor(flow: Flow, { rate = Infinity, speed = Infinity }: Pace) {
    this.#flow = flow;
    this.#rate = rate;
    this.#speed = speed;
    this.#countBefore = flow.count;
  }

  /** Requests of the flow that were taken, those before it came here included: the id of the last one. */
  get count(): number {
    return this.#flow.count - (this.#isPending ? 1 : 0);
  }
  /** Requests that can still be taken; `Infinity` where the flow has no end. */
  get remaining(): number {
    return this.#flow.length - this.count;
  }

  /** Tells it the time, in milliseconds since the first request was due. */
  tick(elapsedMs: number): void {
    const due = this.#rate === Infinity ? Infinity : Math.floor((elapsedMs / MS_PER_SECOND) * this.#rate) + 1;
    this.#dueCount = Math.min(this.#countBefore + due, this.#flow.length);
    this.#dueNs = this.#speed === Infinity ? Infinity : elapsedMs * NS_PER_MS * this.#speed;
  }

  /**
   * Puts the next request in `event`, with its id, or leaves the one there that was not taken.
   * @returns whether there is one that is due
   * @throws FlowFileError where the flow comes from a file that is damaged
   */
  offer(): boolean {
    if (this.count >= this.#dueCount) return false;
    const flow = this.#flow;
    if (!this.#isPending) {
      this.event.eventId = flow.next(this.event);
      this.#isPending = true;
      if (flow.count === this.#countBefore + 1) this.#openingNs = flow.elapsedNs;
    }
    return this.#dueNs === Infinity || flow.elapsedNs - this.#openingNs <= this.#dueNs;
  }

  /** The request on offer has been carried out. */
  take(): void {
    this.#isPending = false;
    const { event } = this;
    this.event = this.last;
    this.last = event;
  }
}
