import type { WriterTelemetry } from './telemetry.js';

const NONE = Number.NaN;

/**
 * How old the oldest event can be that is not in a segment yet. Events bear no time of the log's own, so the writer keeps
 * the time of a look instead: what was appended before it is in blocks up to the one that was being filled then, and is
 * written as soon as that block is.
 */
export class WrittenProgress {
  readonly #telemetry: WriterTelemetry;
  /** All that was appended before is written. Milliseconds, as `monotonicMs`. */
  #asOfMs = 0;
  /** A look that is not behind the writer yet, and the block that was being filled, as int32. */
  #lookMs = NONE;
  #lookBlock = 0;

  constructor(telemetry: WriterTelemetry) {
    this.#telemetry = telemetry;
  }

  get asOfMs(): number {
    return this.#asOfMs;
  }

  /** Before it is looked what was appended. */
  look(nowMs: number, block: number): void {
    if (!Number.isNaN(this.#lookMs)) return;
    this.#lookMs = nowMs;
    this.#lookBlock = block;
  }

  /** The blocks before this one are written. */
  wroteBlocks(block: number): void {
    if (Number.isNaN(this.#lookMs) || ((block - this.#lookBlock) | 0) <= 0) return;
    this.wroteAll(this.#lookMs);
    this.#lookMs = NONE;
  }

  /** All that was appended before `lookMs` is written. */
  wroteAll(lookMs: number): void {
    if (lookMs <= this.#asOfMs) return;
    this.#asOfMs = lookMs;
    this.#telemetry.sealedAsOf.set(lookMs);
  }

  /** And all of it is durable. */
  allDurable(lookMs: number): void {
    this.#telemetry.idleAsOf.set(lookMs);
  }
}
