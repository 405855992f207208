import { ValidationFailures } from '@fswal/format';
import {
  type Collector,
  type Counter,
  collectSnapshot,
  type Duration,
  dumpSnapshot,
  type Gauge,
  type Histogram,
  type Labels,
  type Lifecycle,
  type MetricLayout,
  type Operation,
  type Snapshot,
  Telemetry,
} from '@fswal/telemetry';
import { addSnapshots } from './add-snapshots.js';
import { Role } from './control.js';
import {
  ADDED_METRICS,
  type COMPUTED_METRICS,
  OWN_METRICS,
  PROGRESS_METRICS,
  RECORDER_METRICS,
} from './recorder-metrics.js';

type Layouts = Readonly<Record<string, MetricLayout>>;
type Sets<L extends Layouts> = { readonly [Component in keyof L]: Telemetry<L[Component]> };
type Buffers<L extends Layouts> = { readonly [Component in keyof L]: SharedArrayBuffer };
type Snapshots<L extends Layouts> = { readonly [Component in keyof L]: Snapshot<L[Component]> };

/** All metrics of a recorder as plain data, by component: see `RECORDER_METRICS`. */
export type RecorderSnapshot = Snapshots<typeof RECORDER_METRICS>;
/** Those that nobody records. */
export type ComputedSnapshot = Snapshots<typeof COMPUTED_METRICS>;

export interface ResumeTelemetry {
  readonly initActiveSegment: Duration;
  readonly openExistingSegment: Duration;
  readonly failures: ValidationFailures;
}
export interface EngineTelemetry {
  readonly appendEvent: Operation;
  readonly appendHistogram: Histogram;
  readonly appendClock: Duration;
  readonly backpressureWaits: Operation;
}
export interface WriterTelemetry {
  readonly rotation: Duration;
  readonly rotationHistogram: Histogram;
  readonly getNextSegment: Duration;
  readonly openNewSegment: Duration;
  readonly closeSegment: Duration;
  readonly writeBlock: Operation;
  readonly blocks: Counter;
  readonly events: Counter;
  readonly sealedAsOf: Gauge;
  readonly idleAsOf: Gauge;
}
export interface PreparerTelemetry {
  readonly prepareSegment: Operation;
  readonly recycled: Counter;
}
export interface MaintainerTelemetry {
  readonly persistSegment: Operation;
  readonly compression: Operation;
  readonly compressionIn: Counter;
  readonly compressionOut: Counter;
  readonly deletion: Operation;
  readonly failures: ValidationFailures;
}
export interface RetentionTelemetry {
  readonly planning: Duration;
  readonly retention: Operation;
  readonly hot: Gauge;
  readonly cold: Gauge;
  readonly maxHot: Gauge;
  readonly maxCold: Gauge;
}
export interface CoordinatorTelemetry {
  readonly moves: Duration;
  readonly fdatasync: Operation;
  readonly fdatasyncHistogram: Histogram;
  readonly metaFlush: Operation;
  readonly durableAsOf: Gauge;
  readonly durableEvents: Gauge;
}

/** How far the threads have come; see `PROGRESS_METRICS`. */
export type ProgressSnapshot = Snapshot<typeof PROGRESS_METRICS> & { readonly written_events: number };

/** What another thread needs to attach. */
export interface RecorderTelemetryBuffers {
  readonly own: Buffers<typeof OWN_METRICS>;
  readonly added: readonly Buffers<typeof ADDED_METRICS>[];
  readonly progress: SharedArrayBuffer;
}

/** The metrics of a recorder, by the thread that writes them. */
export class RecorderTelemetry {
  readonly #own: Sets<typeof OWN_METRICS>;
  /** The first one is that of the opening, the others are the maintainers'. */
  readonly #added: readonly Sets<typeof ADDED_METRICS>[];
  readonly #progress: Telemetry<typeof PROGRESS_METRICS>;

  private constructor(
    own: Sets<typeof OWN_METRICS>,
    added: readonly Sets<typeof ADDED_METRICS>[],
    progress: Telemetry<typeof PROGRESS_METRICS>,
  ) {
    this.#own = own;
    this.#added = added;
    this.#progress = progress;
  }

  static create(maintainers: number): RecorderTelemetry {
    const create = <L extends Layouts>(layouts: L): Sets<L> =>
      mapComponents(layouts, (component) => Telemetry.create(layouts[component]));
    const added = Array.from({ length: 1 + maintainers }, () => create(ADDED_METRICS));
    return new RecorderTelemetry(create(OWN_METRICS), added, Telemetry.create(PROGRESS_METRICS));
  }

  static attach({ own, added, progress }: RecorderTelemetryBuffers): RecorderTelemetry {
    const attach = <L extends Layouts>(layouts: L, buffers: Buffers<L>): Sets<L> =>
      mapComponents(layouts, (component) => Telemetry.attach(layouts[component], buffers[component]));
    return new RecorderTelemetry(
      attach(OWN_METRICS, own),
      added.map((buffers) => attach(ADDED_METRICS, buffers)),
      Telemetry.attach(PROGRESS_METRICS, progress),
    );
  }

  get buffers(): RecorderTelemetryBuffers {
    return {
      own: buffersOf(this.#own),
      added: this.#added.map(buffersOf),
      progress: this.#progress.buffer,
    };
  }

  /** @param compute those that nobody records, from how far the threads have come */
  snapshot(compute: (progress: ProgressSnapshot) => ComputedSnapshot): RecorderSnapshot {
    const own = snapshotsOf(this.#own);
    const all = this.#added.map(snapshotsOf);
    const added: Snapshots<typeof ADDED_METRICS> = mapComponents(ADDED_METRICS, (component) =>
      addSnapshots(all.map((each) => each[component] as Snapshot)),
    );
    const { written_events } = own.segment_writer;
    const computed = compute({ ...this.#progress.snapshot(), written_events });
    return {
      manager: { ...own.manager, ...added.manager },
      segment_writer: { ...own.segment_writer, ...added.segment_writer },
      segment_preparer: { ...own.segment_preparer, ...computed.segment_preparer },
      segment_maintainer: { ...own.segment_maintainer, ...added.segment_maintainer },
      meta_store: own.meta_store,
      tail_ring: { ...own.tail_ring, ...computed.tail_ring },
      watermarks: computed.watermarks,
    };
  }

  get resume(): ResumeTelemetry {
    const { manager, segment_writer } = this.#own;
    return {
      initActiveSegment: manager.duration('init_active_segment'),
      openExistingSegment: segment_writer.duration('open_existing_segment'),
      failures: new ValidationFailures(at(this.#added, 0).segment_writer),
    };
  }
  get engine(): EngineTelemetry {
    const { manager, tail_ring } = this.#own;
    return {
      appendEvent: manager.operation('append_event'),
      appendHistogram: manager.histogram('append_event_histogram'),
      appendClock: manager.duration('append_event_clock'),
      backpressureWaits: tail_ring.operation('backpressure_waits'),
    };
  }
  get writer(): WriterTelemetry {
    const { manager, segment_writer, segment_preparer } = this.#own;
    return {
      rotation: manager.duration('segment_rotation'),
      rotationHistogram: manager.histogram('segment_rotation_histogram'),
      getNextSegment: segment_preparer.duration('get_next_segment'),
      openNewSegment: segment_writer.duration('open_new_segment'),
      closeSegment: segment_writer.duration('close_segment'),
      writeBlock: segment_writer.operation('write_block'),
      blocks: segment_writer.counter('written_blocks'),
      events: segment_writer.counter('written_events'),
      sealedAsOf: this.#progress.gauge('sealed_as_of'),
      idleAsOf: this.#progress.gauge('idle_as_of'),
    };
  }
  get preparer(): PreparerTelemetry {
    const { segment_preparer } = this.#own;
    return {
      prepareSegment: segment_preparer.operation('prepare_segment'),
      recycled: segment_preparer.counter('recycled_segments'),
    };
  }
  maintainer(index: number): MaintainerTelemetry {
    const { manager, segment_writer, segment_maintainer } = at(this.#added, 1 + index);
    return {
      persistSegment: manager.operation('persist_current_segment'),
      compression: segment_maintainer.operation('maintenance_compression'),
      compressionIn: segment_maintainer.counter('maintenance_compression_in'),
      compressionOut: segment_maintainer.counter('maintenance_compression_out'),
      deletion: segment_maintainer.operation('maintenance_deletion'),
      failures: new ValidationFailures(segment_writer),
    };
  }
  get retention(): RetentionTelemetry {
    const { manager, segment_maintainer } = this.#own;
    return {
      planning: manager.duration('work_planning'),
      retention: segment_maintainer.operation('maintenance_retention'),
      hot: manager.gauge('persistence_hot_segments'),
      cold: manager.gauge('persistence_cold_segments'),
      maxHot: segment_maintainer.gauge('persistence_max_hot_segments'),
      maxCold: segment_maintainer.gauge('persistence_max_cold_segments'),
    };
  }
  get coordinator(): CoordinatorTelemetry {
    const { meta_store } = this.#own;
    return {
      moves: meta_store.duration('durable_moves'),
      fdatasync: meta_store.operation('fdatasync'),
      fdatasyncHistogram: meta_store.histogram('fdatasync_histogram'),
      metaFlush: meta_store.operation('maintenance_meta_flush'),
      durableAsOf: this.#progress.gauge('durable_as_of'),
      durableEvents: this.#progress.gauge('durable_events'),
    };
  }

  /** Of the loop of a thread. @param index which of the threads of its role */
  lifecycle(role: Role, index: number): Lifecycle {
    switch (role) {
      case Role.writer:
        return this.#own.segment_writer.lifecycle('lifecycle');
      case Role.preparer:
        return this.#own.segment_preparer.lifecycle('lifecycle');
      case Role.coordinator:
        return this.#own.meta_store.lifecycle('lifecycle');
      case Role.maintainer:
        return at(this.#added, 1 + index).segment_maintainer.lifecycle('persistence_lifecycle');
    }
  }
}

/** Feeds `collector` with a snapshot, each metric as `PREFIX_COMPONENT_NAME`. */
export function collectRecorder(
  snapshot: RecorderSnapshot,
  prefix: string,
  collector: Collector,
  labels?: Labels,
): void {
  const before = prefix === '' ? '' : `${prefix}_`;
  for (const component of COMPONENTS) {
    collectSnapshot(
      RECORDER_METRICS[component] as MetricLayout,
      snapshot[component],
      before + component,
      collector,
      labels,
    );
  }
}

/** A snapshot as tables for people, one for each component. */
export function dumpRecorder(snapshot: RecorderSnapshot): string {
  const tables = COMPONENTS.map((component) =>
    dumpSnapshot(RECORDER_METRICS[component] as MetricLayout, snapshot[component], component),
  );
  return tables.join('\n\n');
}

const COMPONENTS = Object.keys(RECORDER_METRICS) as (keyof typeof RECORDER_METRICS)[];

function mapComponents<L extends object, R>(layouts: L, map: (component: keyof L & string) => unknown): R {
  const components = Object.keys(layouts) as (keyof L & string)[];
  return Object.fromEntries(components.map((component) => [component, map(component)])) as R;
}

function buffersOf<L extends Layouts>(sets: Sets<L>): Buffers<L> {
  return mapComponents(sets, (component) => sets[component].buffer);
}

function snapshotsOf<L extends Layouts>(sets: Sets<L>): Snapshots<L> {
  return mapComponents(sets, (component) => sets[component].snapshot());
}

function at<T>(all: readonly T[], index: number): T {
  return all[index] as T;
}
