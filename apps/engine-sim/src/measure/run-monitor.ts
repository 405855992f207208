import { randomUUID } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { RECORDER_CHANNELS, type RecorderSegmentMessage, type RecorderSnapshot } from '@fswal/recorder';
import {
  type Incident,
  RUN_FORMAT,
  RUN_VERSION,
  type RunRecord,
  type RunTotals,
  SERIES_NAMES,
  type SeriesRow,
} from '../run/run-record.js';
import {
  type Percentiles,
  RECENT,
  type RunPicture,
  type RunState,
  type RunStatus,
  WHOLE_RUN,
} from '../run/run-update.js';
import { type SegmentChange, SegmentLives } from '../run/segment-lives.js';
import { TimeSeries } from '../run/time-series.js';
import { percentileCurve, summaryOf, type TelemetrySnapshot } from './distributions.js';
import { type EngineFigures, EngineLives } from './engine-lives.js';
import {
  type EngineNews,
  EngineProbe,
  type EngineSample,
  type ProbedEngine,
  SAMPLE_MS,
} from './engine-probe.js';
import { describeMachine } from './machine.js';
import { SegmentWatch } from './segment-watch.js';

/** Without a sample for so long, the series has a gap: the engine is dead, opens its log or is stalled. */
const SILENCE_MS = 8 * SAMPLE_MS;
/** Of more incidents than these, every second one is forgotten, but none with a loss. */
const MOST_INCIDENTS = 1000;

const NO_FIGURES = Object.fromEntries(SERIES_NAMES.map((name) => [name, null])) as Omit<SeriesRow, 'second'>;

export interface RunMonitorOptions {
  readonly command: string;
  readonly options: RunRecord['options'];
}

/** Who wants to know what comes, as it comes. */
export interface RunListener {
  row(row: SeriesRow): void;
  segment(change: SegmentChange): void;
  incident(incident: Incident): void;
}

/**
 * Watches one run from the process that lives through all of it: takes the engine's samples, life after life, looks at
 * the log's directory, and keeps a bounded record.
 */
export class RunMonitor {
  readonly #runId = randomUUID();
  readonly #options: RunMonitorOptions;
  readonly #startedMs = nowMs();
  readonly #engines = new EngineLives();
  readonly #lives = new SegmentLives();
  readonly #whole = new TimeSeries(WHOLE_RUN);
  readonly #recent = new TimeSeries(RECENT);
  readonly #timer: NodeJS.Timeout;
  #machine = describeMachine(tmpdir());
  #watch: SegmentWatch | undefined;
  #dir = '';
  #listener: RunListener | undefined;
  #lastRowMs = this.#startedMs;
  #replay: { events: number; atMs: number } | undefined;
  #incidents: Incident[] = [];
  #counts = { kills: 0, recoveries: 0, lost: 0 };
  #status: RunStatus = { state: 'starting', text: 'starting' };
  #ended: { seconds: number; results: RunRecord['results']; verdict: RunRecord['verdict'] } | undefined;

  constructor(options: RunMonitorOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), SAMPLE_MS).unref();
  }

  get status(): RunStatus {
    return this.#status;
  }
  get totals(): RunTotals {
    return { ...this.#counts, appended: this.#engines.events };
  }
  get isOver(): boolean {
    return this.#ended !== undefined;
  }
  /** Since the run began, until it ended. */
  get seconds(): number {
    return this.#ended?.seconds ?? this.#secondOf(nowMs());
  }
  /** The newest snapshot of the recorder's metrics; undefined before the first. */
  get telemetry(): RecorderSnapshot | undefined {
    return this.#engines.telemetry;
  }

  /** Looks at the log in `dir` from now on; it need not be there yet. */
  watchLog(dir: string): void {
    this.#machine = describeMachine(dir);
    this.#watch = new SegmentWatch(dir);
    this.#dir = resolve(dir);
    subscribe(RECORDER_CHANNELS.segment, this.#hearOfSegment);
  }

  /** Samples an engine of this process, until the probe is stopped. */
  probe(probed: ProbedEngine): EngineProbe {
    return new EngineProbe(probed, (sample) => this.take(sample));
  }

  /** The listener hears of what comes from now on. */
  listen(listener: RunListener): void {
    this.#listener = listener;
  }

  /** What the engine is about from now on. */
  enter(state: RunState, text: string): void {
    this.#status = { state, text };
    this.#replay = undefined;
  }

  /** What an engine in another process tells. */
  hear(news: EngineNews): void {
    if ('sample' in news) this.take(news.sample);
    else this.#hearOfSegment(news.segment);
  }

  /** A sample of the engine that lives. */
  take(sample: EngineSample): void {
    if (this.#status.state === 'starting') this.enter('recording', 'the engine records and matches');
    this.#row(sample.atMs, this.#engines.take(sample));
  }

  /** How many events a replay that is on has come to. */
  replayed(events: number): void {
    const atMs = nowMs();
    const last = this.#replay;
    if (last !== undefined && atMs - last.atMs < SAMPLE_MS) return;
    this.#replay = { events, atMs };
    if (last !== undefined)
      this.#row(atMs, { replayed: ((events - last.events) * 1000) / (atMs - last.atMs) });
  }

  /** What was measured besides: of a recovery, say. */
  add(telemetry: TelemetrySnapshot): void {
    this.#engines.add(telemetry);
  }

  /** The engine was killed. @param appended events of its life whose append had returned */
  killed(appended: number, eventId: number, text: string): void {
    this.#engines.end(appended);
    this.#counts.kills++;
    this.enter('dead', text);
    this.#incident({ second: this.seconds, kind: 'killed', eventId, lost: 0, text });
  }

  /** The engine has closed its log and is gone. @param appended events of its life */
  closed(appended: number): void {
    this.#engines.end(appended);
  }

  /** The log was replayed after that. @param lost events that should have been there */
  recovered(eventId: number, lost: number, text: string): void {
    this.#counts.recoveries++;
    this.#counts.lost += lost;
    this.#incident({ second: this.seconds, kind: 'recovered', eventId, lost, text });
  }

  /** The run is over, and this is what came of it. */
  end(results: RunRecord['results'], verdict?: RunRecord['verdict']): void {
    this.stop();
    this.enter('ended', verdict?.text ?? 'The run has ended.');
    this.#ended = { seconds: this.seconds, results, verdict: verdict ?? null };
  }

  /** Stops looking. */
  stop(): void {
    clearInterval(this.#timer);
    unsubscribe(RECORDER_CHANNELS.segment, this.#hearOfSegment);
    this.#look();
  }

  record(): RunRecord {
    const { command, options } = this.#options;
    return {
      format: RUN_FORMAT,
      version: RUN_VERSION,
      command,
      options,
      startedAt: new Date(this.#startedMs).toISOString(),
      seconds: this.seconds,
      machine: this.#machine,
      distributions: this.#engines.distributions(),
      series: this.#whole.data(),
      segments: this.#lives.list(),
      segmentStride: this.#lives.stride,
      incidents: this.#incidents,
      totals: this.totals,
      results: this.#ended?.results ?? [],
      verdict: this.#ended?.verdict ?? null,
    };
  }

  picture(): RunPicture {
    const { distributions: _, ...run } = this.record();
    return {
      runId: this.#runId,
      run: { ...run, distributions: {} },
      recent: this.#recent.data(),
      status: this.#status,
      percentiles: this.percentiles(),
    };
  }

  percentiles(): Percentiles {
    const all = Object.entries(this.#engines.distributions()).map(([name, distribution]) => {
      const { count } = distribution;
      return [name, { count, summary: summaryOf(distribution), curve: percentileCurve(distribution) }];
    });
    return Object.fromEntries(all) as Percentiles;
  }

  #look(): void {
    const atMs = nowMs();
    // A living engine tells by itself, and when it was; what a dead one did not come to tell is seen in the directory.
    if (this.#status.state !== 'recording') {
      for (const seen of this.#watch?.look() ?? []) this.#segment({ ...seen, second: this.#secondOf(atMs) });
    }
    if (atMs - this.#lastRowMs > SILENCE_MS) this.#row(atMs, {});
  }

  readonly #hearOfSegment = (message: unknown): void => {
    const { dir, segmentIndex, state, at } = message as RecorderSegmentMessage;
    if (dir !== this.#dir) return;
    this.#segment({ segmentIndex, state, second: Math.max(0, this.#secondOf(at)) });
  };

  #segment(change: SegmentChange): void {
    this.#lives.take(change);
    this.#listener?.segment(change);
  }

  #row(atMs: number, figures: EngineFigures): void {
    // A sample of another process may come after one that was taken later.
    this.#lastRowMs = Math.max(atMs, this.#lastRowMs);
    const row = { ...NO_FIGURES, ...figures, second: this.#secondOf(this.#lastRowMs) };
    this.#whole.add(row);
    this.#recent.add(row);
    this.#listener?.row(row);
  }

  #incident(incident: Incident): void {
    this.#incidents.push(incident);
    if (this.#incidents.length > MOST_INCIDENTS) {
      this.#incidents = this.#incidents.filter(({ lost }, i) => lost > 0 || i % 2 === 0);
    }
    this.#listener?.incident(incident);
  }

  #secondOf(atMs: number): number {
    return (atMs - this.#startedMs) / 1000;
  }
}

function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
