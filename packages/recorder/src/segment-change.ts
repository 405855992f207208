import { nsSince } from '@fswal/telemetry/clock';
import type { WriterTelemetry } from './telemetry.js';

/** Times what the writer does between two segments, from step to step. Quiet of the engine in between does not count. */
export class SegmentChange {
  readonly #telemetry: WriterTelemetry;
  #closingMs: number | undefined;
  #wantedMs: number | undefined;
  /** How long closing the last segment took; undefined before the first one, which is no rotation. */
  #closeNs: number | undefined;

  constructor(telemetry: WriterTelemetry) {
    this.#telemetry = telemetry;
  }

  /** The segment is full; it may take several tries to hand it over. */
  closing(): void {
    this.#closingMs ??= performance.now();
  }

  closed(): void {
    this.#closeNs = nsSince(this.#closingMs as number);
    this.#closingMs = undefined;
    this.#telemetry.closeSegment.record(this.#closeNs);
  }

  /** There is something to write and no segment; it may take several tries to get one. */
  wanted(): void {
    this.#wantedMs ??= performance.now();
  }

  /** @param beginMs when the next segment was there */
  begun(beginMs: number): void {
    const waitNs = Math.round((beginMs - (this.#wantedMs as number)) * 1e6);
    const openNs = nsSince(beginMs);
    this.#wantedMs = undefined;
    this.#telemetry.getNextSegment.record(waitNs);
    this.#telemetry.openNewSegment.record(openNs);
    if (this.#closeNs !== undefined) {
      const rotationNs = this.#closeNs + waitNs + openNs;
      this.#telemetry.rotation.record(rotationNs);
      this.#telemetry.rotationHistogram.record(rotationNs);
    }
  }
}
