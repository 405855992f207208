import { commandLine } from '../run/command-line.js';
import { formatCount, formatNs, formatSeconds, formatShort } from '../run/figures.js';
import { DISTRIBUTION_NAMES, type SeriesName } from '../run/run-record.js';
import type { RunPicture, RunUpdate } from '../run/run-update.js';
import { byId, element, pageData } from './dom.js';
import { type Line, LineChart } from './line-chart.js';
import { PercentileChart } from './percentile-chart.js';
import { RunView } from './run-view.js';
import { SegmentTimeline } from './segment-timeline.js';
import { setUpTheme } from './theme.js';

/** A server that says nothing for so long is gone, whatever the connection says. */
const SILENT_MS = 5000;
/** Where the browser has given up trying. */
const AGAIN_MS = 2000;
/** The last of the percentiles are of the greatest. */
const P50 = 0;
const P99 = 2;

interface Panel {
  readonly id: string;
  readonly chart: LineChart;
  readonly columns: readonly (readonly [name: SeriesName, label: string])[];
}

const { xs } = pageData<{ xs: readonly number[] }>();

const panels: readonly Panel[] = [
  panel('throughput', 'events/s', ['appended', 'appended'], ['replayed', 'replayed']),
  panel(
    'latency',
    'ns',
    ['appendP50', 'append p50'],
    ['appendP99', 'append p99'],
    ['fdatasyncP50', 'fdatasync p50'],
    ['fdatasyncP99', 'fdatasync p99'],
  ),
  panel('lag', 'events', ['lagEvents', 'appended, not durable']),
  panel('lag-ms', 'ms', ['lagMs', 'age of the durable position']),
  panel('ring', '%', ['ringPercent', 'tail ring in use']),
  panel('depth', 'orders', ['bookDepth', 'resting orders']),
];
const percentileChart = new PercentileChart(byId('percentiles'), xs);
const timeline = new SegmentTimeline(byId('segments'));

let view: RunView | undefined;
/** Infinity = all of the run. */
let rangeSeconds = Infinity;
/** What the page shows while it is paused: the run goes on behind it. */
let pausedAt: number | undefined;
let isFrameDue = false;
let heardAt = 0;

function panel(id: string, unit: string, ...columns: Panel['columns']): Panel {
  return { id, columns, chart: new LineChart(byId(id), { unit, logarithmic: unit === 'ns' }) };
}

function connect(): void {
  const events = new EventSource('events');
  events.addEventListener('run', ({ data }: MessageEvent<string>) => {
    const picture = JSON.parse(data) as RunPicture;
    if (view?.runId !== picture.runId) setPaused(false);
    view = new RunView(picture);
    describeRun(view);
    heard();
  });
  events.addEventListener('update', ({ data }: MessageEvent<string>) => {
    view?.take(JSON.parse(data) as RunUpdate);
    heard();
  });
  events.addEventListener('error', () => {
    setConnection('lost');
    // The browser tries again by itself, unless it was refused.
    if (events.readyState === EventSource.CLOSED) setTimeout(connect, AGAIN_MS);
  });
}

function heard(): void {
  heardAt = performance.now();
  setConnection('live');
  if (view !== undefined) showState(view);
  show();
}

function setConnection(connection: 'live' | 'lost'): void {
  const badge = byId('connection');
  badge.dataset.connection = connection;
  badge.textContent = connection === 'live' ? 'live' : 'connection lost, trying again …';
}

/** As soon as the browser paints, once however often it is asked for; not at all while the page is hidden. */
function show(): void {
  if (isFrameDue) return;
  isFrameDue = true;
  requestAnimationFrame(() => {
    isFrameDue = false;
    if (view !== undefined && pausedAt === undefined) draw(view);
  });
}

function draw(run: RunView): void {
  const to = run.seconds;
  const range = [Math.max(0, to - rangeSeconds), Math.max(to, 1)] as const;
  const series = run.series(rangeSeconds < Infinity);
  for (const { chart, columns } of panels) {
    const lines = columns.map(
      ([column, name]): Line => ({ name, seconds: series.seconds, values: series.columns[column] }),
    );
    chart.show(lines, run.incidents, range);
  }
  percentileChart.show(
    DISTRIBUTION_NAMES.flatMap((name) => {
      const curve = run.percentiles[name]?.curve;
      return curve === undefined ? [] : [{ name, curve }];
    }),
  );
  timeline.show(run.segments, to, range);
  drawTiles(run);
  drawIncidents(run);
}

function drawTiles(run: RunView): void {
  const { seconds, columns } = run.series(true);
  const last = seconds.length - 1;
  const now = (name: SeriesName): number | null => columns[name][last] ?? null;
  const { append } = run.percentiles;
  const tile = (id: string, value: number | null | undefined, format: (value: number) => string): void => {
    byId(id).textContent = value === null || value === undefined ? '–' : format(value);
  };
  tile('tile-rate', now('appended') ?? now('replayed'), (value) => `${formatShort(value)}/s`);
  tile('tile-events', run.totals.appended, formatShort);
  tile('tile-p50', append?.summary[P50], formatNs);
  tile('tile-p99', append?.summary[P99], formatNs);
  tile('tile-lag', now('lagMs'), (value) => formatNs(value * 1e6));
  tile('tile-ring', now('ringPercent'), (value) => `${formatShort(value)} %`);
  tile('tile-depth', now('bookDepth'), formatCount);
  tile('tile-kills', run.totals.kills, formatCount);
  tile('tile-lost', run.totals.lost, formatCount);
  byId('tile-lost').dataset.bad = String(run.totals.lost > 0);
  byId('elapsed').textContent = formatSeconds(run.seconds);
}

/** The newest first. */
function drawIncidents(run: RunView): void {
  const rows = [...run.incidents].reverse().map(({ second, kind, eventId, lost, text }) => {
    const cells = [formatSeconds(second), kind, formatCount(eventId), formatCount(lost), text];
    const row = element('tr', { class: kind }, ...cells.map((cell) => element('td', {}, cell)));
    row.dataset.lost = String(lost > 0);
    return row;
  });
  byId('incidents').replaceChildren(...rows);
  byId('no-incidents').hidden = rows.length > 0;
  byId('incident-table').hidden = rows.length === 0;
}

function describeRun({ run }: RunView): void {
  byId('command').textContent = commandLine(run);
  const { cpu, cores, kernel, node, fileSystem } = run.machine;
  byId('machine').textContent = `${cores} × ${cpu}, ${kernel}, Node ${node}, ${fileSystem}`;
}

/** What the engine is about is said even while the charts are paused. */
function showState({ status }: RunView): void {
  const banner = byId('state');
  banner.dataset.state = status.state;
  byId('state-name').textContent = status.state;
  byId('state-text').textContent = status.text;
}

function setPaused(isPaused: boolean): void {
  pausedAt = isPaused ? view?.seconds : undefined;
  const button = byId('pause');
  button.setAttribute('aria-pressed', String(pausedAt !== undefined));
  button.textContent = pausedAt === undefined ? 'Pause' : 'Resume';
  byId('paused').textContent = pausedAt === undefined ? '' : `paused at ${formatSeconds(pausedAt)}`;
  show();
}

function setRange(button: HTMLButtonElement): void {
  const { seconds = '' } = button.dataset;
  rangeSeconds = seconds === '' ? Infinity : Number(seconds);
  for (const other of byId('ranges').querySelectorAll('button')) {
    other.setAttribute('aria-pressed', String(other === button));
  }
  // A range can be looked at while paused, too.
  if (view !== undefined) draw(view);
}

byId('pause').addEventListener('click', () => setPaused(pausedAt === undefined));
for (const button of byId('ranges').querySelectorAll('button')) {
  button.addEventListener('click', () => setRange(button));
}
setInterval(() => {
  if (view !== undefined && performance.now() - heardAt > SILENT_MS) setConnection('lost');
}, 1000);
setUpTheme();
connect();
