import { WalError } from '@fswal/format';
import type { Control } from './control.js';

/** Tells how long the disk has been full while something waits. */
export class Patience {
  readonly #control: Control;
  readonly #dir: string;
  readonly #timeoutMs: number;
  #fullSince: number | undefined;

  constructor(control: Control, dir: string, timeoutMs: number) {
    this.#control = control;
    this.#dir = dir;
    this.#timeoutMs = timeoutMs;
  }

  /** @throws WalError DISK_FULL when for longer than an append would wait that has kept `eventId` from becoming durable */
  check(eventId: bigint): void {
    if (!this.#control.isDiskFullFor(eventId)) this.#fullSince = undefined;
    else this.#fullSince ??= performance.now();
    if (this.#fullSince === undefined || performance.now() - this.#fullSince <= this.#timeoutMs) return;
    throw new WalError('DISK_FULL', 'what could not be written stays in the tail ring', { file: this.#dir });
  }
}
