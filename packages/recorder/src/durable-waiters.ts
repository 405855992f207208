import type { WalError } from '@fswal/format';
import { type Control, SIGNAL_TIMEOUT_MS } from './control.js';

interface Waiter {
  readonly eventId: bigint;
  readonly resolve: (durableEventId: bigint) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Those who wait in the engine's thread until an event is durable, whatever moves the durable position. One look at the
 * shared words serves all of them.
 */
export class DurableWaiters {
  readonly #control: Control;
  /** In the order of their event ids. */
  readonly #waiters: Waiter[] = [];
  #pumping = false;

  constructor(control: Control) {
    this.#control = control;
  }

  /**
   * @param check called now and then with the lowest event id that is waited for; what it throws ends the waiting of all
   * @returns the durable event id, not below `eventId`
   */
  wait(eventId: bigint, check: (eventId: bigint) => void): Promise<bigint> {
    return new Promise((resolve, reject) => {
      let at = this.#waiters.length;
      while (at > 0 && this.#waiters[at - 1]!.eventId > eventId) at--;
      this.#waiters.splice(at, 0, { eventId, resolve, reject });
      if (!this.#pumping) void this.#pump(check);
    });
  }

  /** Ends the waiting of all. */
  rejectAll(error: WalError): void {
    for (const { reject } of this.#waiters.splice(0)) reject(error);
  }

  async #pump(check: (eventId: bigint) => void): Promise<void> {
    this.#pumping = true;
    try {
      while (this.#waiters.length > 0) {
        const seen = this.#control.signalCount;
        this.#settle();
        if (this.#waiters.length === 0) break;
        const failure = this.#control.failure();
        if (failure !== undefined) throw failure;
        check(this.#waiters[0]!.eventId);
        await this.#control.nextSignal(seen, SIGNAL_TIMEOUT_MS);
      }
    } catch (error) {
      for (const { reject } of this.#waiters.splice(0)) reject(error);
    } finally {
      this.#pumping = false;
    }
  }

  #settle(): void {
    const durable = this.#control.durable.eventId;
    let ready = 0;
    while (ready < this.#waiters.length && this.#waiters[ready]!.eventId <= durable) ready++;
    for (const { resolve } of this.#waiters.splice(0, ready)) resolve(durable);
  }
}
