import type { WalError } from '@fswal/format';
import { ValidationFailures } from '@fswal/format';
import {
  type Collector,
  type Counter,
  collectSnapshot,
  type Duration,
  dumpSnapshot,
  type Histogram,
  type Labels,
  type MetricLayout,
  type Operation,
  type Snapshot,
  Telemetry,
} from '@fswal/telemetry';
import { type COMPUTED_METRICS, OWN_METRICS, RECOVERY_METRICS } from './recovery-metrics.js';

type Layouts = Readonly<Record<string, MetricLayout>>;
type Sets<L extends Layouts> = { readonly [Component in keyof L]: Telemetry<L[Component]> };
type Snapshots<L extends Layouts> = { readonly [Component in keyof L]: Snapshot<L[Component]> };

/** All metrics of a recovery as plain data, by component: see `RECOVERY_METRICS`. */
export type RecoverySnapshot = Snapshots<typeof RECOVERY_METRICS>;
/** Those that nobody records. */
export type ComputedSnapshot = Snapshots<typeof COMPUTED_METRICS>;

/** What another thread needs to attach. */
export type RecoveryTelemetryBuffers = {
  readonly [Component in keyof typeof OWN_METRICS]: SharedArrayBuffer;
};

/** The replay thread's. */
export interface ReplayTelemetry {
  readonly resume: Duration;
  readonly seek: Operation;
  readonly nextEvent: Operation;
  readonly nextEventHistogram: Histogram;
  readonly nextEventClock: Duration;
  readonly events: Counter;
  readonly wait: Duration;
  readonly finish: Duration;
}

/** The preloader's. */
export class ReaderTelemetry {
  readonly open: Operation;
  readonly close: Operation;
  readonly buildIndex: Duration;
  readonly readHeader: Duration;
  readonly seek: Operation;
  readonly events: Counter;
  readonly #preload: Duration;
  readonly #preloadBytes: Counter;
  readonly #verify: Operation;
  readonly #failures: ValidationFailures;

  constructor({ manager, segment_reader, segment_preloader }: Sets<typeof OWN_METRICS>) {
    this.open = segment_reader.operation('open_segment');
    this.close = segment_reader.operation('close_segment');
    this.buildIndex = segment_reader.duration('build_index');
    this.readHeader = manager.duration('read_segment_header');
    this.seek = segment_reader.operation('seek_event');
    this.events = segment_preloader.counter('preloaded_events');
    this.#preload = segment_preloader.duration('preload_segment');
    this.#preloadBytes = segment_preloader.counter('preload_bytes');
    this.#verify = segment_reader.operation('verify_segment');
    this.#failures = new ValidationFailures(segment_reader);
  }

  /** A segment was read and judged. @param error what is wrong with it */
  segment(readNs: number, verifyNs: number, bytes: number, error?: WalError): void {
    this.#preload.record(Math.round(readNs));
    this.#preloadBytes.add(bytes);
    if (error === undefined) this.#verify.record(Math.round(verifyNs));
    else this.invalid(error);
  }

  /** A segment could not be read: it did not verify either if that is for what is in the file, and not for the device. */
  unreadable(error: WalError): void {
    if (error.code === 'SEGMENT_CORRUPTED') this.invalid(error);
  }

  /** A segment, or a part of it, did not verify. */
  invalid(error: WalError): void {
    this.#verify.fail();
    this.#failures.count(error.code);
  }
}

/** The metrics of a recovery, by the thread that writes them. */
export class RecoveryTelemetry {
  readonly #sets: Sets<typeof OWN_METRICS>;

  private constructor(sets: Sets<typeof OWN_METRICS>) {
    this.#sets = sets;
  }

  static create(): RecoveryTelemetry {
    return new RecoveryTelemetry({
      manager: Telemetry.create(OWN_METRICS.manager),
      segment_reader: Telemetry.create(OWN_METRICS.segment_reader),
      segment_preloader: Telemetry.create(OWN_METRICS.segment_preloader),
    });
  }

  static attach(buffers: RecoveryTelemetryBuffers): RecoveryTelemetry {
    return new RecoveryTelemetry({
      manager: Telemetry.attach(OWN_METRICS.manager, buffers.manager),
      segment_reader: Telemetry.attach(OWN_METRICS.segment_reader, buffers.segment_reader),
      segment_preloader: Telemetry.attach(OWN_METRICS.segment_preloader, buffers.segment_preloader),
    });
  }

  get buffers(): RecoveryTelemetryBuffers {
    const { manager, segment_reader, segment_preloader } = this.#sets;
    return {
      manager: manager.buffer,
      segment_reader: segment_reader.buffer,
      segment_preloader: segment_preloader.buffer,
    };
  }

  snapshot(computed: ComputedSnapshot): RecoverySnapshot {
    const { manager, segment_reader, segment_preloader } = this.#sets;
    return {
      manager: manager.snapshot(),
      segment_reader: segment_reader.snapshot(),
      segment_preloader: segment_preloader.snapshot(),
      ...computed,
    };
  }

  /** For the preloader's thread. */
  get reader(): ReaderTelemetry {
    return new ReaderTelemetry(this.#sets);
  }

  /** For the replay thread. */
  get replay(): ReplayTelemetry {
    const { manager, segment_preloader } = this.#sets;
    return {
      resume: manager.duration('resume_from_event'),
      seek: manager.operation('seek_event'),
      nextEvent: manager.operation('next_event'),
      nextEventHistogram: manager.histogram('next_event_histogram'),
      nextEventClock: manager.duration('next_event_clock'),
      events: manager.counter('replay_events'),
      wait: manager.duration('replay_wait'),
      finish: segment_preloader.duration('finish_segment'),
    };
  }

  /** Events handed to the replay so far. */
  get preloadedEvents(): number {
    return this.#sets.segment_preloader.counter('preloaded_events').read();
  }
}

const COMPONENTS = Object.keys(RECOVERY_METRICS) as (keyof typeof RECOVERY_METRICS)[];

/** Feeds `collector` with a snapshot, each metric as `PREFIX_COMPONENT_NAME`. */
export function collectRecovery(
  snapshot: RecoverySnapshot,
  prefix: string,
  collector: Collector,
  labels?: Labels,
): void {
  const before = prefix === '' ? '' : `${prefix}_`;
  for (const component of COMPONENTS) {
    const layout: MetricLayout = RECOVERY_METRICS[component];
    collectSnapshot(layout, snapshot[component], before + component, collector, labels);
  }
}

/** A snapshot as tables for people, one for each component. */
export function dumpRecovery(snapshot: RecoverySnapshot): string {
  const tables = COMPONENTS.map((component) => {
    const layout: MetricLayout = RECOVERY_METRICS[component];
    return dumpSnapshot(layout, snapshot[component], component);
  });
  return tables.join('\n\n');
}
