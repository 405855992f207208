import type { RecorderManager, RecorderSegmentMessage, RecorderSnapshot } from '@fswal/recorder';
import type { Venue } from '../engine/venue.js';

/** Between two samples. */
export const SAMPLE_MS = 50;

/** The state of a recording engine at one moment. Plain data: it goes from process to process. */
export interface EngineSample {
  /** Milliseconds since 1970, with fractions. */
  readonly atMs: number;
  /** Appended since the engine came to life. */
  readonly events: number;
  /** Resting orders, of all instruments together; null where the process has no engine. */
  readonly bookDepth: number | null;
  readonly telemetry: RecorderSnapshot;
}

/** What a process that records tells the one that has started it. */
export type EngineNews = { readonly sample: EngineSample } | { readonly segment: RecorderSegmentMessage };

export interface ProbedEngine {
  readonly recorder: Pick<RecorderManager, 'watermarks' | 'telemetry'>;
  /** Undefined where the process only records. */
  readonly venue?: Venue;
}

/** Takes samples of an engine in this process, between the slices of its loop: nothing of it is in the loop itself. */
export class EngineProbe {
  readonly #probed: ProbedEngine;
  readonly #begunAfterId: number;
  readonly #timer: NodeJS.Timeout;
  readonly #take: (sample: EngineSample) => void;

  /** Begins at once, before the engine's first append. */
  constructor(probed: ProbedEngine, take: (sample: EngineSample) => void) {
    this.#probed = probed;
    this.#begunAfterId = Number(probed.recorder.watermarks.appended);
    this.#take = take;
    this.#timer = setInterval(() => take(this.#sample()), SAMPLE_MS).unref();
    take(this.#sample());
  }

  /** Takes the last sample. To be called before the recorder is closed. */
  stop(): void {
    clearInterval(this.#timer);
    this.#take(this.#sample());
  }

  #sample(): EngineSample {
    const { recorder, venue } = this.#probed;
    return {
      atMs: performance.timeOrigin + performance.now(),
      events: Number(recorder.watermarks.appended) - this.#begunAfterId,
      bookDepth: venue?.restingOrders ?? null,
      telemetry: recorder.telemetry,
    };
  }
}
