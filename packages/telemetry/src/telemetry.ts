/*
 * The header: written by create() before anybody else has the buffer, read by attach(). Each metric's words: see its
 * class. Metrics of different writers can lie in one buffer, since none shares a cache line with another.
 */

import { collectSnapshot } from './collect.js';
import { Counter } from './counter.js';
import { dumpSnapshot } from './dump.js';
import { Duration } from './duration.js';
import { Gauge } from './gauge.js';
import { Histogram } from './histogram.js';
import {
  HeaderWord,
  hashLayout,
  type MetricKind,
  type MetricLayout,
  type MetricPlace,
  placeMetrics,
  TELEMETRY_MAGIC,
} from './layout.js';
import { Lifecycle } from './lifecycle.js';
import { Operation } from './operation.js';
import type { Collector, Labels } from './sample.js';
import type { Snapshot } from './snapshot.js';

interface MetricOf {
  counter: Counter;
  gauge: Gauge;
  duration: Duration;
  operation: Operation;
  lifecycle: Lifecycle;
  histogram: Histogram;
}

type Metric = MetricOf[MetricKind];

/** The names of a layout. */
export type NameOf<L extends MetricLayout> = keyof L & string;

/**
 * A set of named metrics in one SharedArrayBuffer. Code that does not care for the layout takes a plain `Telemetry`,
 * which one of any layout is.
 */
export class Telemetry<out L extends MetricLayout = MetricLayout> {
  /** Hand this to the other threads, to attach. */
  readonly buffer: SharedArrayBuffer;
  readonly #layout: L;
  readonly #metrics: ReadonlyMap<string, Metric>;

  private constructor(layout: L, buffer: SharedArrayBuffer, places: readonly MetricPlace[]) {
    const words = new Int32Array(buffer);
    const values = new Float64Array(buffer);
    this.buffer = buffer;
    this.#layout = layout;
    this.#metrics = new Map(places.map((place) => [place.name, makeMetric(words, values, place)]));
  }

  /** Metrics in new memory, all at zero. @throws TypeError for a kind that there is not */
  static create<const L extends MetricLayout>(layout: L): Telemetry<L> {
    const { places, bytes } = placeMetrics(layout);
    const buffer = new SharedArrayBuffer(bytes);
    const words = new Int32Array(buffer);
    words[HeaderWord.magic] = TELEMETRY_MAGIC;
    words[HeaderWord.layoutHash] = hashLayout(layout);
    return new Telemetry(layout, buffer, places);
  }

  /**
   * The metrics that another thread created.
   * @throws RangeError where `buffer` is not of this layout
   */
  static attach<const L extends MetricLayout>(layout: L, buffer: SharedArrayBuffer): Telemetry<L> {
    const { places, bytes } = placeMetrics(layout);
    if (buffer.byteLength === bytes) {
      const words = new Int32Array(buffer);
      const same = words[HeaderWord.layoutHash] === hashLayout(layout);
      if (same && words[HeaderWord.magic] === TELEMETRY_MAGIC) return new Telemetry(layout, buffer, places);
    }
    throw new RangeError('the buffer was not created with this layout of metrics');
  }

  /** @throws TypeError where the layout has no counter of that name */
  counter(name: NameOf<L>): Counter {
    return this.#metric(name, 'counter', Counter);
  }

  /** @throws TypeError where the layout has no gauge of that name */
  gauge(name: NameOf<L>): Gauge {
    return this.#metric(name, 'gauge', Gauge);
  }

  /** @throws TypeError where the layout has no duration of that name */
  duration(name: NameOf<L>): Duration {
    return this.#metric(name, 'duration', Duration);
  }

  /** @throws TypeError where the layout has no operation of that name */
  operation(name: NameOf<L>): Operation {
    return this.#metric(name, 'operation', Operation);
  }

  /** @throws TypeError where the layout has no lifecycle of that name */
  lifecycle(name: NameOf<L>): Lifecycle {
    return this.#metric(name, 'lifecycle', Lifecycle);
  }

  /** @throws TypeError where the layout has no histogram of that name */
  histogram(name: NameOf<L>): Histogram {
    return this.#metric(name, 'histogram', Histogram);
  }

  /**
   * Each metric as it was at one moment between two records; different metrics, at different moments.
   * @throws Error where a writer stands still inside a record for seconds
   */
  snapshot(): Snapshot<L> {
    return Object.fromEntries(
      [...this.#metrics].map(([name, metric]) => [name, metric.read()]),
    ) as Snapshot<L>;
  }

  /** A snapshot as a table for people. @param label what it is of: the head of the first column */
  dump(label: string): string {
    return dumpSnapshot(this.#layout, this.snapshot(), label);
  }

  /**
   * Feeds `collector` with a snapshot.
   * @param prefix comes before each name, with `_` between; nothing does if it is empty
   * @param labels of all samples
   */
  collect(prefix: string, collector: Collector, labels?: Labels): void {
    collectSnapshot(this.#layout, this.snapshot(), prefix, collector, labels);
  }

  #metric<K extends MetricKind>(name: string, kind: K, type: abstract new (...args: never[]) => MetricOf[K]) {
    const metric = this.#metrics.get(name);
    if (!(metric instanceof type)) throw new TypeError(`there is no ${kind} called '${name}'`);
    return metric as MetricOf[K];
  }
}

function makeMetric(words: Int32Array, values: Float64Array, { kind, line }: MetricPlace): Metric {
  switch (kind) {
    case 'counter':
      return new Counter(words, values, line);
    case 'gauge':
      return new Gauge(words, values, line);
    case 'duration':
      return new Duration(words, values, line);
    case 'operation':
      return new Operation(words, values, line);
    case 'lifecycle':
      return new Lifecycle(words, values, line);
    case 'histogram':
      return new Histogram(words, values, line);
  }
}
