import { RequestEvent } from '@fswal/format';
import { MatchingEngine } from '../engine/matching-engine.js';
import { OrderFlow } from '../flow/order-flow.js';

/**
 * The state that a fresh engine has after the first n requests of a seed, made without any log. Asked for growing n
 * it goes on from where it is, asked for a smaller one it starts again.
 */
export class Reference {
  readonly #seed: number;
  readonly #event = new RequestEvent();
  #flow: OrderFlow;
  #engine: MatchingEngine;

  constructor(seed: number) {
    this.#seed = seed;
    this.#flow = new OrderFlow(seed);
    this.#engine = new MatchingEngine();
  }

  stateHashAt(requests: number): string {
    if (requests < this.#flow.count) {
      this.#flow = new OrderFlow(this.#seed);
      this.#engine = new MatchingEngine();
    }
    while (this.#flow.count < requests) {
      this.#flow.next(this.#event);
      this.#engine.apply(this.#event);
    }
    return this.#engine.stateHash();
  }
}
