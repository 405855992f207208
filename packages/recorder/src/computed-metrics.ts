import { BLOCK_EVENTS, type EventView } from '@fswal/format';
import type { Appender } from './appender.js';
import type { Control } from './control.js';
import type { Rings } from './handover.js';
import { monotonicMs } from './monotonic-ms.js';
import type { ComputedSnapshot, ProgressSnapshot } from './telemetry.js';

const NS_PER_MS = 1e6;
const TWO_32 = 2 ** 32;

/** What of a recorder's metrics is told by the state of things alone. In the engine's thread. */
export class ComputedMetrics {
  readonly #control: Control;
  readonly #appender: Pick<Appender<EventView>, 'blocks' | 'eventsInBlock'>;
  readonly #prepared: Rings['prepared'];
  readonly #tailBlocks: number;

  constructor(
    control: Control,
    appender: Pick<Appender<EventView>, 'blocks' | 'eventsInBlock'>,
    prepared: Rings['prepared'],
    tailBlocks: number,
  ) {
    this.#control = control;
    this.#appender = appender;
    this.#prepared = prepared;
    this.#tailBlocks = tailBlocks;
  }

  /** @param progress read before, so that no lag is below 0 @param waiters calls that wait for durability */
  read(progress: ProgressSnapshot, waiters: number): ComputedSnapshot {
    const { blocks, eventsInBlock } = this.#appender;
    const inUse = (blocks - this.#control.releasedBlocks) | 0;
    // Blocks count modulo 2^32, and so do differences; a ring holds fewer events than 2^31.
    const sealedLag =
      (Math.imul(blocks, BLOCK_EVENTS) + eventsInBlock - (progress.written_events % TWO_32)) | 0;
    const durableLag = sealedLag + progress.written_events - progress.durable_events;
    const durableAsOf = Math.max(progress.durable_as_of, progress.idle_as_of);
    return {
      segment_preparer: { prepared_segments: this.#prepared.size },
      tail_ring: {
        occupancy: inUse * BLOCK_EVENTS + eventsInBlock,
        capacity: this.#tailBlocks * BLOCK_EVENTS,
      },
      watermarks: {
        waiters,
        sealed_lag: sealedLag,
        sealed_lag_time: age(sealedLag, progress.sealed_as_of),
        durable_lag: durableLag,
        durable_lag_time: age(durableLag, durableAsOf),
      },
    };
  }
}

/** Nanoseconds since `asOfMs`; 0 where nothing lags behind. */
function age(lag: number, asOfMs: number): number {
  return lag === 0 ? 0 : Math.max(0, Math.round((monotonicMs() - asOfMs) * NS_PER_MS));
}
