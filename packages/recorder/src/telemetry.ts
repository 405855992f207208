import { type Counter, type Duration, type Histogram, type Snapshot, Telemetry } from '@fswal/telemetry';

/** The metrics of a recorder. Each is written by one thread; durations are in nanoseconds. */
export const RECORDER_METRICS = {
  /** engine: appends that found the tail ring full and had to wait. */
  backpressure_waits: 'counter',
  /** writer: blocks sealed and written. */
  write_block: 'counter',
  /** writer: segments that it was done with. */
  segment_rotation: 'counter',
  /** preparer: making one segment ahead. */
  prepare_segment: 'duration',
  /** maintainer: data, final header, both to the device. */
  persist_segment: 'duration',
  /** coordinator: moves of the durable position. */
  durable_moves: 'counter',
  /** coordinator: fdatasync of the active segment. */
  fdatasync: 'histogram',
  /** coordinator: fdatasync and wal_meta.dat. */
  maintenance_meta_flush: 'duration',
} as const;

export type RecorderSnapshot = Snapshot<typeof RECORDER_METRICS>;
type RecorderMetrics = Telemetry<typeof RECORDER_METRICS>;

export interface WriterTelemetry {
  readonly writeBlock: Counter;
  readonly rotations: Counter;
}
export interface PreparerTelemetry {
  readonly prepareSegment: Duration;
}
export interface MaintainerTelemetry {
  readonly persistSegment: Duration;
}
export interface CoordinatorTelemetry {
  readonly syncs: Counter;
  readonly fdatasync: Histogram;
  readonly sync: Duration;
}

/** The metrics of a recorder, by the thread that writes them. */
export class RecorderTelemetry {
  readonly buffer: SharedArrayBuffer;
  readonly #metrics: RecorderMetrics;

  constructor(buffer?: SharedArrayBuffer) {
    this.#metrics =
      buffer === undefined ? Telemetry.create(RECORDER_METRICS) : Telemetry.attach(RECORDER_METRICS, buffer);
    this.buffer = this.#metrics.buffer;
  }

  snapshot(): RecorderSnapshot {
    return this.#metrics.snapshot();
  }

  get backpressureWaits(): Counter {
    return this.#metrics.counter('backpressure_waits');
  }
  get writer(): WriterTelemetry {
    return {
      writeBlock: this.#metrics.counter('write_block'),
      rotations: this.#metrics.counter('segment_rotation'),
    };
  }
  get preparer(): PreparerTelemetry {
    return { prepareSegment: this.#metrics.duration('prepare_segment') };
  }
  get maintainer(): MaintainerTelemetry {
    return { persistSegment: this.#metrics.duration('persist_segment') };
  }
  get coordinator(): CoordinatorTelemetry {
    return {
      syncs: this.#metrics.counter('durable_moves'),
      fdatasync: this.#metrics.histogram('fdatasync'),
      sync: this.#metrics.duration('maintenance_meta_flush'),
    };
  }
}
