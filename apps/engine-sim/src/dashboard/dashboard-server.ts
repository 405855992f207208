import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import type { RunMonitor } from '../measure/run-monitor.js';
import type { Incident, SeriesRow } from '../run/run-record.js';
import type { RunUpdate } from '../run/run-update.js';
import type { SegmentChange } from '../run/segment-lives.js';
import { dashboardPage } from './dashboard-page.js';
import { EVENTS_TYPE, EventClients, eventText } from './event-clients.js';
import { METRICS_TYPE, metricsText } from './metrics-text.js';

/** Between two updates. */
const UPDATE_MS = 250;
/** Percentile curves come with every so many updates. */
const UPDATES_PER_CURVE = 4;
const MOST_STREAMS = 16;
const MOST_CONNECTIONS = 64;
/** For the head of a request, which is all of it. */
const REQUEST_TIMEOUT_MS = 5000;
/** A connection over which nothing goes for so long, such as one whose reader does not read, is closed. */
const IDLE_TIMEOUT_MS = 30_000;
const MOST_HEADER_BYTES = 8192;

/** What of a run's monitor is shown. */
export type WatchedRun = Pick<
  RunMonitor,
  'seconds' | 'totals' | 'status' | 'telemetry' | 'listen' | 'picture' | 'percentiles'
>;

export interface DashboardOptions {
  readonly monitor: WatchedRun;
  /** 0 = any that is free. */
  readonly port: number;
  /** The address, or the name, to listen at. */
  readonly host: string;
}

type Answer = (response: ServerResponse) => void;

/**
 * The live page of a run, its stream of events and its metrics, for the browsers of this machine.
 *
 * There is nothing here to be changed and no file to be read: three fixed paths, GET and HEAD, no body is looked at.
 * A page of another site cannot reach it by a name of its own that leads here (DNS rebinding), since the Host header
 * then has that name.
 */
export class DashboardServer {
  readonly #monitor: WatchedRun;
  readonly #host: string;
  readonly #server: Server;
  readonly #streams = new EventClients(MOST_STREAMS);
  readonly #answers: ReadonlyMap<string, Answer>;
  readonly #page = dashboardPage();
  #timer: NodeJS.Timeout | undefined;
  #updates = 0;
  #rows: SeriesRow[] = [];
  #segments: SegmentChange[] = [];
  #incidents: Incident[] = [];

  private constructor({ monitor, host }: DashboardOptions) {
    this.#monitor = monitor;
    this.#host = host;
    this.#answers = new Map<string, Answer>([
      ['/', (response) => end(response, 'text/html; charset=utf-8', this.#page.html)],
      ['/events', (response) => this.#stream(response)],
      ['/metrics', (response) => end(response, METRICS_TYPE, metricsText(monitor))],
    ]);
    this.#server = createServer(
      {
        maxHeaderSize: MOST_HEADER_BYTES,
        headersTimeout: REQUEST_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        connectionsCheckingInterval: 1000,
      },
      (request, response) => this.#answer(request, response),
    );
    this.#server.maxConnections = MOST_CONNECTIONS;
    this.#server.setTimeout(IDLE_TIMEOUT_MS);
    monitor.listen({
      row: (row) => this.#rows.push(row),
      segment: (change) => this.#segments.push(change),
      incident: (incident) => this.#incidents.push(incident),
    });
  }

  /** @throws Error where it cannot listen there */
  static async open(options: DashboardOptions): Promise<DashboardServer> {
    const dashboard = new DashboardServer(options);
    await dashboard.#listen(options);
    dashboard.#timer = setInterval(() => dashboard.#update(), UPDATE_MS).unref();
    return dashboard;
  }

  /** `http://127.0.0.1:4321/` */
  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://${isIP(this.#host) === 6 ? `[${this.#host}]` : this.#host}:${port}/`;
  }

  /** The last update goes out, and all connections end. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#update(true);
    this.#streams.close();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  #listen({ port, host }: DashboardOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (cause: NodeJS.ErrnoException) => {
        const advice = cause.code === 'EADDRINUSE' ? '; another --port, or 0 for any that is free' : '';
        reject(
          new Error(`the dashboard cannot listen at ${host}, port ${port}: ${cause.message}${advice}`, {
            cause,
          }),
        );
      });
      this.#server.listen(port, host, resolve);
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    setHeaders(response, this.#page.policy);
    const { method = '', url = '' } = request;
    const answer = this.#answers.get(url);
    if (!this.#isOurs(request.headers.host)) {
      refuse(response, 421, 'This server is not of that host.');
    } else if (method !== 'GET' && method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      refuse(response, 405, 'Only GET and HEAD.');
    } else if (answer === undefined) {
      refuse(response, 404, 'There is /, /events and /metrics.');
    } else {
      answer(response);
    }
  }

  /** An address of numbers cannot be made to lead elsewhere; a name can, unless it is the one that we were given. */
  #isOurs(hostHeader: string | undefined): boolean {
    const name = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::\d{1,5})?$/i.exec(hostHeader ?? '');
    if (name === null) return false;
    const host = (name[1] ?? name[2]).toLowerCase();
    return isIP(host) !== 0 || host === 'localhost' || host === this.#host.toLowerCase();
  }

  #stream(response: ServerResponse): void {
    if (response.req.method === 'HEAD') {
      end(response, EVENTS_TYPE, '');
    } else if (this.#streams.isFull) {
      response.setHeader('retry-after', '5');
      refuse(response, 503, `${MOST_STREAMS} are looking already.`);
    } else {
      // What has come since the last update is in the picture: the others are told of it first.
      this.#update();
      this.#streams.add(response, eventText('run', this.#monitor.picture()));
    }
  }

  #update(isLast = false): void {
    const { seconds, totals, status } = this.#monitor;
    const [rows, segments, incidents] = [this.#rows, this.#segments, this.#incidents];
    [this.#rows, this.#segments, this.#incidents] = [[], [], []];
    if (this.#streams.count === 0) return;
    const isTime = isLast || this.#updates++ % UPDATES_PER_CURVE === 0;
    const percentiles = isTime ? { percentiles: this.#monitor.percentiles() } : {};
    const update: RunUpdate = { seconds, rows, segments, incidents, totals, status, ...percentiles };
    this.#streams.send(eventText('update', update));
  }
}

function setHeaders(response: ServerResponse, policy: string): void {
  response.setHeaders(
    new Headers({
      'content-security-policy': policy,
      'cache-control': 'no-store',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    }),
  );
}

/** Node leaves the body of an answer to HEAD out. */
function end(response: ServerResponse, type: string, body: string): void {
  response.setHeader('content-type', type);
  response.setHeader('content-length', Buffer.byteLength(body));
  response.end(body);
}

/** The connection ends, so that a body that nobody reads does not stay in it. */
function refuse(response: ServerResponse, status: number, why: string): void {
  response.statusCode = status;
  response.setHeader('connection', 'close');
  end(response, 'text/plain; charset=utf-8', `${why}\n`);
}
