import type { Incident, RunRecord } from '../run/run-record.js';
import { type Percentiles, RECENT, type RunPicture, type RunUpdate, WHOLE_RUN } from '../run/run-update.js';
import { SegmentLives } from '../run/segment-lives.js';
import { type SeriesData, TimeSeries } from '../run/time-series.js';

/** More of them do not fit a page. */
const SHOWN_INCIDENTS = 200;

/** What the page knows of a run: told in full when it connects, and from then on what is new. */
export class RunView {
  readonly runId: string;
  readonly run: RunRecord;
  readonly #whole: TimeSeries;
  readonly #recent: TimeSeries;
  readonly #lives: SegmentLives;
  incidents: readonly Incident[];
  percentiles: Percentiles;
  seconds: number;
  totals: RunRecord['totals'];
  status: RunPicture['status'];

  constructor({ runId, run, recent, status, percentiles }: RunPicture) {
    this.runId = runId;
    this.run = run;
    this.#whole = TimeSeries.from(run.series, WHOLE_RUN);
    this.#recent = TimeSeries.from(recent, RECENT);
    this.#lives = SegmentLives.from(run.segments, run.segmentStride);
    this.incidents = run.incidents.slice(-SHOWN_INCIDENTS);
    this.percentiles = percentiles;
    this.seconds = run.seconds;
    this.totals = run.totals;
    this.status = status;
  }

  take(update: RunUpdate): void {
    for (const row of update.rows) {
      this.#whole.add(row);
      this.#recent.add(row);
    }
    for (const change of update.segments) this.#lives.take(change);
    this.incidents = [...this.incidents, ...update.incidents].slice(-SHOWN_INCIDENTS);
    this.percentiles = update.percentiles ?? this.percentiles;
    this.seconds = update.seconds;
    this.totals = update.totals;
    this.status = update.status;
  }

  get segments(): RunRecord['segments'] {
    return this.#lives.list();
  }

  /** @param isRecent the last minutes are enough: they are known more finely, once the run is long */
  series(isRecent: boolean): SeriesData {
    return isRecent && this.#recent.stride < this.#whole.stride ? this.#recent.data() : this.#whole.data();
  }
}
