import { RequestEvent } from '@fswal/format';
import { Venue } from '../engine/venue.js';
import type { Flow } from '../flow/flow.js';
import { type FlowSpec, openFlow } from '../flow/flow-spec.js';

/**
 * The state that a fresh engine has after the first n requests of a flow, made without any log. Asked for growing n
 * it goes on from where it is, asked for a smaller one it starts again.
 */
export class Reference {
  readonly #spec: FlowSpec;
  readonly #event = new RequestEvent();
  #flow: Flow;
  #venue: Venue;

  /** @throws FlowFileError, as `stateHashAt` does */
  constructor(spec: FlowSpec) {
    this.#spec = spec;
    this.#flow = openFlow(spec);
    this.#venue = new Venue();
  }

  stateHashAt(requests: number): string {
    if (requests < this.#flow.count) {
      this.#flow = openFlow(this.#spec);
      this.#venue = new Venue();
    }
    while (this.#flow.count < requests) {
      this.#flow.next(this.#event);
      this.#venue.apply(this.#event);
    }
    return this.#venue.stateHash();
  }
}
