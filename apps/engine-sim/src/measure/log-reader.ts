import type { EventSource } from '../log/replay.js';

/** Reads four fields of every event and does nothing with them: what replay costs by itself. */
export class LogReader {
  #events = 0;
  #sum = 0;

  get events(): number {
    return this.#events;
  }
  /** Of the fields; there so that reading them has a use. */
  get sum(): number {
    return this.#sum;
  }

  take(source: EventSource, limit: number): number {
    const { event } = source;
    let taken = 0;
    let sum = 0;
    while (taken < limit && source.next()) {
      sum += event.price + event.quantity + event.orderId + event.userId;
      taken++;
    }
    this.#events += taken;
    this.#sum += sum;
    return taken;
  }
}
