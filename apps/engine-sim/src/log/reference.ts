import { RequestEvent } from '@fswal/format';
import { Venue } from '../engine/venue.js';
import { OrderFlow } from '../flow/order-flow.js';

/**
 * The state that a fresh engine has after the first n requests of a seed, made without any log. Asked for growing n
 * it goes on from where it is, asked for a smaller one it starts again.
 */
export class Reference {
  readonly #seed: number;
  readonly #event = new RequestEvent();
  #flow: OrderFlow;
  #venue: Venue;

  constructor(seed: number) {
    this.#seed = seed;
    this.#flow = new OrderFlow(seed);
    this.#venue = new Venue();
  }

  stateHashAt(requests: number): string {
    if (requests < this.#flow.count) {
      this.#flow = new OrderFlow(this.#seed);
      this.#venue = new Venue();
    }
    while (this.#flow.count < requests) {
      this.#flow.next(this.#event);
      this.#venue.apply(this.#event);
    }
    return this.#venue.stateHash();
  }
}
