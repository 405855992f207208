import { curveXs } from '../measure/distributions.js';
import { makePage, type Page } from '../report/html.js';
import { pageScript } from '../report/page-script.js';
import { pageStyle } from '../report/style.js';

const TILES = [
  ['tile-rate', 'events now'],
  ['tile-events', 'appended'],
  ['tile-p50', 'append p50'],
  ['tile-p99', 'append p99'],
  ['tile-lag', 'durable lag'],
  ['tile-ring', 'tail ring'],
  ['tile-depth', 'resting orders'],
  ['tile-kills', 'kills'],
  ['tile-lost', 'events lost'],
];

const CHARTS = [
  ['throughput', 'Throughput', 'appended by the engine, replayed by recovery'],
  ['latency', 'Latency', 'of the last moments, not of the whole run'],
  ['lag', 'Watermark lag', 'events that are appended and not yet durable'],
  ['lag-ms', 'Watermark lag in time', 'how long ago the durable event was appended'],
  ['ring', 'Tail ring', 'how much of it the writer has not written yet'],
  ['depth', 'Book depth', 'resting orders of the matching engine'],
];

const RANGES = [
  ['60', '1 min'],
  ['300', '5 min'],
  ['900', '15 min'],
  ['', 'all'],
];

/** The live page: empty, its script fills it with what the server tells. */
export function dashboardPage(): Page {
  return makePage({
    title: 'engine-sim',
    style: pageStyle(),
    script: pageScript('dashboard'),
    data: { xs: curveXs() },
    mayAlso: "connect-src 'self'",
    body: BODY,
  });
}

const BODY = `<header class="page">
<div class="line">
<h1>engine-sim</h1>
<span class="badge" id="connection" role="status">connecting …</span>
<span class="badge" title="since the run began" id="elapsed"></span>
<span class="group" id="ranges" role="group" aria-label="time range">
${RANGES.map(([seconds, label]) => `<button type="button" data-seconds="${seconds}" aria-pressed="${seconds === ''}">${label}</button>`).join('\n')}
</span>
<button type="button" id="pause" aria-pressed="false">Pause</button>
<span class="quiet" id="paused" role="status"></span>
<button type="button" id="theme" aria-pressed="false" aria-label="Dark theme">Dark</button>
</div>
<p class="quiet"><code id="command"></code></p>
<div class="banner" id="state" role="status"><b id="state-name">…</b><span id="state-text">waiting for the engine</span></div>
</header>
<main>
<dl class="tiles">
${TILES.map(([id, label]) => `<div><dt>${label}</dt><dd id="${id}">–</dd></div>`).join('\n')}
</dl>
<div class="grid">
${CHARTS.map(([id, title, about]) => `<figure class="card"><figcaption>${title}<small>${about}</small></figcaption><div id="${id}"></div></figure>`).join('\n')}
<figure class="card wide"><figcaption>Percentiles<small>of the whole run; each further nine is as wide as the one before</small></figcaption><div id="percentiles"></div></figure>
<figure class="card wide"><figcaption>Segments<small>from the making of a file ahead of time to its end</small></figcaption><div id="segments"></div></figure>
<section class="card wide"><h3>Kills and recoveries</h3>
<p class="quiet" id="no-incidents">None so far.</p>
<div class="scroll"><table class="data incidents" id="incident-table" hidden><thead><tr><th>at</th><th>what</th><th>event</th><th>lost</th><th>more</th></tr></thead><tbody id="incidents"></tbody></table></div>
</section>
</div>
</main>
<footer><span id="machine"></span></footer>`;
