import { WalError } from '@fswal/format';
import { nsSince } from '@fswal/telemetry/clock';
import type { Control } from './control.js';

const SPINS_BEFORE_SLEEP = 2_000;
const SLEEP_MS = 1;
const SLEEPS_BETWEEN_LOOKS = 32;

/** What an engine that waits for room calls. */
export interface RoomWatch {
  /** After each wait: how long it was, and whether it ended with room. */
  waited(ns: number, gotRoom: boolean): void;
  /**
   * A few times in each wait: publishes the failure if a thread is gone. Nobody else tells an engine that does not
   * return to its event loop.
   */
  checkThreads(): void;
}

/** Whether there is room in the tail ring, and the waiting for it. In the engine's thread, once per block. */
export class RingRoom {
  readonly #control: Control;
  readonly #tailBlocks: number;
  readonly #timeoutMs: number;
  readonly #watch: RoomWatch;

  constructor(control: Control, tailBlocks: number, timeoutMs: number, watch: RoomWatch) {
    this.#control = control;
    this.#tailBlocks = tailBlocks;
    this.#timeoutMs = timeoutMs;
    this.#watch = watch;
  }

  /** Whether the slot of block `next` is the engine's. */
  isFree(next: number): boolean {
    return ((next - this.#control.releasedBlocks) | 0) < this.#tailBlocks;
  }

  /**
   * Waits until it is.
   * @returns false when the time is over
   * @throws WalError the recorder's failure
   */
  wait(next: number): boolean {
    const start = performance.now();
    let gotRoom = false;
    try {
      gotRoom = this.#spin(next) || this.#sleep(next, start + this.#timeoutMs);
    } finally {
      this.#watch.waited(nsSince(start), gotRoom);
    }
    return gotRoom;
  }

  /** What to throw when there was no room in time. The next append may succeed. */
  refusal(eventId: bigint): WalError {
    const waited = `after ${this.#timeoutMs} ms; nothing was written, append again later`;
    if (this.#control.diskFull) {
      return new WalError('DISK_FULL', `the disk and the tail ring are full ${waited}`, { eventId });
    }
    return new WalError('BACKPRESSURE', `the tail ring is still full ${waited}`, { eventId });
  }

  #spin(next: number): boolean {
    for (let spin = 0; spin < SPINS_BEFORE_SLEEP; spin++) if (this.isFree(next)) return true;
    return false;
  }

  #sleep(next: number, deadlineMs: number): boolean {
    for (let sleeps = 0; !this.isFree(next); sleeps++) {
      if (sleeps % SLEEPS_BETWEEN_LOOKS === 0) this.#watch.checkThreads();
      const failure = this.#control.failure();
      if (failure !== undefined) throw failure;
      if (performance.now() >= deadlineMs) return false;
      this.#control.waitReleased((next - this.#tailBlocks) | 0, SLEEP_MS);
    }
    return true;
  }
}
