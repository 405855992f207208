import type { RequestEvent } from '@fswal/format';

/**
 * Requests with the ids 1, 2, 3, ... that are the same each time, so that whoever can open the flow can make any prefix
 * of a log again, and a recorder that was killed after request k goes on from there with `skip(k)`.
 */
export interface Flow {
  /** Requests made so far: the id of the last one. */
  readonly count: number;
  /** Requests that there are in all; `Infinity` where it has no end. */
  readonly length: number;
  /** Nanoseconds on the flow's own clock from its opening to the last request made. */
  readonly elapsedNs: number;
  /**
   * Makes the next request in `event`: every byte of it but the event id, which is left to whoever commits it.
   * @returns that id
   * @throws RangeError where there is none
   */
  next(event: RequestEvent): number;
  /** Passes over `count` requests. @param scratch an event that it may make them in */
  skip(count: number, scratch: RequestEvent): void;
}
