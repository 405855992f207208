import {
  type Counter,
  type Duration,
  type DurationSnapshot,
  type Histogram,
  type Snapshot,
  Telemetry,
} from '@fswal/telemetry';

/** Metrics that one thread each writes; durations are in nanoseconds. */
const OWN_METRICS = {
  /** engine: appends that found the tail ring full and had to wait. */
  backpressure_waits: 'counter',
  /** writer: blocks sealed and written. */
  write_block: 'counter',
  /** writer: segments that it was done with. */
  segment_rotation: 'counter',
  /** preparer: making one segment ahead. */
  prepare_segment: 'duration',
  /** preparer: those of them that were made of a file that retention had freed. */
  recycled_segments: 'counter',
  /** coordinator: moves of the durable position. */
  durable_moves: 'counter',
  /** coordinator: fdatasync of the active segment. */
  fdatasync: 'histogram',
  /** coordinator: fdatasync and wal_meta.dat. */
  maintenance_meta_flush: 'duration',
} as const;

/** Metrics that each maintainer has of its own; a snapshot adds them up. */
const MAINTAINER_METRICS = {
  /** maintainer: final header, and data and header to the device where the mode says so. */
  persist_segment: 'duration',
  /** maintainer: compressing a segment, verifying that and retiring the original. */
  freeze_segment: 'duration',
  /** maintainer: compressions that failed. The original stays. */
  freeze_failures: 'counter',
  /** maintainer: taking a segment out of the log. */
  free_segment: 'duration',
  /** maintainer: segments that could not be taken out of the log. It is tried again. */
  free_failures: 'counter',
} as const;

/** The metrics of a recorder. */
export const RECORDER_METRICS = { ...OWN_METRICS, ...MAINTAINER_METRICS } as const;

export type RecorderSnapshot = Snapshot<typeof RECORDER_METRICS>;

export interface WriterTelemetry {
  readonly writeBlock: Counter;
  readonly rotations: Counter;
}
export interface PreparerTelemetry {
  readonly prepareSegment: Duration;
  readonly recycled: Counter;
}
export interface MaintainerTelemetry {
  readonly persistSegment: Duration;
  readonly freezeSegment: Duration;
  readonly freezeFailures: Counter;
  readonly freeSegment: Duration;
  readonly freeFailures: Counter;
}
export interface CoordinatorTelemetry {
  readonly syncs: Counter;
  readonly fdatasync: Histogram;
  readonly sync: Duration;
}

/** What another thread needs to attach. */
export interface RecorderTelemetryBuffers {
  readonly own: SharedArrayBuffer;
  readonly maintainers: readonly SharedArrayBuffer[];
}

/** The metrics of a recorder, by the thread that writes them. */
export class RecorderTelemetry {
  readonly buffers: RecorderTelemetryBuffers;
  readonly #own: Telemetry<typeof OWN_METRICS>;
  readonly #maintainers: readonly Telemetry<typeof MAINTAINER_METRICS>[];

  private constructor(
    own: Telemetry<typeof OWN_METRICS>,
    maintainers: readonly Telemetry<typeof MAINTAINER_METRICS>[],
  ) {
    this.#own = own;
    this.#maintainers = maintainers;
    this.buffers = { own: own.buffer, maintainers: maintainers.map(({ buffer }) => buffer) };
  }

  static create(maintainers: number): RecorderTelemetry {
    const each = Array.from({ length: maintainers }, () => Telemetry.create(MAINTAINER_METRICS));
    return new RecorderTelemetry(Telemetry.create(OWN_METRICS), each);
  }

  static attach({ own, maintainers }: RecorderTelemetryBuffers): RecorderTelemetry {
    const each = maintainers.map((buffer) => Telemetry.attach(MAINTAINER_METRICS, buffer));
    return new RecorderTelemetry(Telemetry.attach(OWN_METRICS, own), each);
  }

  snapshot(): RecorderSnapshot {
    const each = this.#maintainers.map((metrics) => metrics.snapshot());
    return {
      ...this.#own.snapshot(),
      persist_segment: sumDurations(each.map((snapshot) => snapshot.persist_segment)),
      freeze_segment: sumDurations(each.map((snapshot) => snapshot.freeze_segment)),
      freeze_failures: each.reduce((sum, snapshot) => sum + snapshot.freeze_failures, 0),
      free_segment: sumDurations(each.map((snapshot) => snapshot.free_segment)),
      free_failures: each.reduce((sum, snapshot) => sum + snapshot.free_failures, 0),
    };
  }

  get backpressureWaits(): Counter {
    return this.#own.counter('backpressure_waits');
  }
  get writer(): WriterTelemetry {
    return {
      writeBlock: this.#own.counter('write_block'),
      rotations: this.#own.counter('segment_rotation'),
    };
  }
  get preparer(): PreparerTelemetry {
    return {
      prepareSegment: this.#own.duration('prepare_segment'),
      recycled: this.#own.counter('recycled_segments'),
    };
  }
  maintainer(index: number): MaintainerTelemetry {
    const metrics = this.#maintainers[index] as Telemetry<typeof MAINTAINER_METRICS>;
    return {
      persistSegment: metrics.duration('persist_segment'),
      freezeSegment: metrics.duration('freeze_segment'),
      freezeFailures: metrics.counter('freeze_failures'),
      freeSegment: metrics.duration('free_segment'),
      freeFailures: metrics.counter('free_failures'),
    };
  }
  get coordinator(): CoordinatorTelemetry {
    return {
      syncs: this.#own.counter('durable_moves'),
      fdatasync: this.#own.histogram('fdatasync'),
      sync: this.#own.duration('maintenance_meta_flush'),
    };
  }
}

function sumDurations(all: readonly DurationSnapshot[]): DurationSnapshot {
  const used = all.filter(({ count }) => count > 0);
  if (used.length <= 1) return used[0] ?? (all[0] as DurationSnapshot);
  return {
    count: used.reduce((sum, { count }) => sum + count, 0),
    sum: used.reduce((sum, duration) => sum + duration.sum, 0),
    min: Math.min(...used.map(({ min }) => min)),
    max: Math.max(...used.map(({ max }) => max)),
  };
}
