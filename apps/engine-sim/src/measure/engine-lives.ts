import type { RecorderSnapshot } from '@fswal/recorder';
import {
  DISTRIBUTION_NAMES,
  type DistributionName,
  type RecordedDistribution,
  type SeriesName,
} from '../run/run-record.js';
import {
  addDistributions,
  EMPTY_DISTRIBUTION,
  findDistribution,
  percentileOrNull,
  subtractDistributions,
  type TelemetrySnapshot,
} from './distributions.js';
import type { EngineSample } from './engine-probe.js';

type Distributions = Record<DistributionName, RecordedDistribution>;

/** What a sample says of the time since the one before. */
export type EngineFigures = Readonly<Partial<Record<SeriesName, number | null>>>;

/**
 * The samples of an engine that may die and live again. Telemetry begins at zero in each life, so that what counts is what
 * has come from sample to sample.
 */
export class EngineLives {
  readonly #all = new Map<DistributionName, RecordedDistribution>();
  #last: EngineSample | undefined;
  #eventsOver = 0;

  /** The newest telemetry of the life that is on, or that was the last; undefined before the first sample. */
  telemetry: RecorderSnapshot | undefined;

  take(sample: EngineSample): EngineFigures {
    const { watermarks, tail_ring } = sample.telemetry;
    const last = this.#last;
    this.#last = sample;
    this.telemetry = sample.telemetry;
    const since = (name: DistributionName): RecordedDistribution => {
      const now = findDistribution(sample.telemetry, name);
      return last === undefined ? now : subtractDistributions(now, findDistribution(last.telemetry, name));
    };
    const news = Object.fromEntries(DISTRIBUTION_NAMES.map((name) => [name, since(name)])) as Distributions;
    for (const name of DISTRIBUTION_NAMES) this.#add(name, news[name]);
    const seconds = last === undefined ? 0 : (sample.atMs - last.atMs) / 1000;
    return {
      appended: last === undefined || seconds <= 0 ? null : (sample.events - last.events) / seconds,
      appendP50: percentileOrNull(news.append, 50),
      appendP99: percentileOrNull(news.append, 99),
      fdatasyncP50: percentileOrNull(news.fdatasync, 50),
      fdatasyncP99: percentileOrNull(news.fdatasync, 99),
      lagEvents: watermarks.durable_lag,
      lagMs: watermarks.durable_lag_time / 1e6,
      ringPercent: (100 * tail_ring.occupancy) / tail_ring.capacity,
      bookDepth: sample.bookDepth,
    };
  }

  /** Events appended in all lives, as far as is known. */
  get events(): number {
    return this.#eventsOver + (this.#last?.events ?? 0);
  }

  /** The engine is gone; what comes next is of another one. @param events that it had appended */
  end(events: number): void {
    this.#eventsOver += events;
    this.#last = undefined;
  }

  /** What was measured elsewhere. */
  add(telemetry: TelemetrySnapshot): void {
    for (const name of DISTRIBUTION_NAMES) this.#add(name, findDistribution(telemetry, name));
  }

  /** Of all lives, and all that was added; what was not measured is not there. */
  distributions(): Partial<Distributions> {
    return Object.fromEntries(this.#all);
  }

  #add(name: DistributionName, more: RecordedDistribution): void {
    if (more.count === 0) return;
    this.#all.set(name, addDistributions(this.#all.get(name) ?? EMPTY_DISTRIBUTION, more));
  }
}
