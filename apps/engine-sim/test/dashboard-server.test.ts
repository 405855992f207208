import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DashboardServer } from '../src/dashboard/dashboard-server.js';
import { RunMonitor } from '../src/measure/run-monitor.js';

let monitor: RunMonitor;
let server: DashboardServer;
let port: number;

beforeEach(async () => {
  monitor = new RunMonitor({ command: 'crash', options: { seed: 1 } });
  server = await DashboardServer.open({ monitor, port: 0, host: '127.0.0.1' });
  port = Number(new URL(server.url).port);
});
afterEach(async () => {
  monitor.stop();
  await server.close();
});

interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Says exactly this to the server, which no client library would, and returns what it answers until it hangs up. */
async function say(request: string): Promise<RawAnswer> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  let text = '';
  socket.on('data', (more) => {
    text += more;
  });
  socket.write(request);
  await once(socket, 'close');
  const [head, body = ''] = text.split(/\r\n\r\n([\s\S]*)/);
  return { status: Number(/^HTTP\/1.1 (\d+)/.exec(head)?.[1]), head, body };
}

function get(path: string, host = `127.0.0.1:${port}`, method = 'GET'): Promise<RawAnswer> {
  return say(`${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
}

describe('the dashboard’s server', () => {
  it('has a page, a stream and metrics', async () => {
    const page = await get('/');
    expect([page.status, page.body.slice(0, 15)]).toEqual([200, '<!doctype html>']);
    const metrics = await get('/metrics');
    expect(metrics.status).toBe(200);
    expect(metrics.head).toMatch(/^content-type: application\/openmetrics-text; version=1\.0\.0/im);
    expect(metrics.body).toMatch(/^fswal_sim_appended_events_total 0$/m);
    expect(metrics.body.endsWith('# EOF\n')).toBe(true);
  });

  it.each([
    '/etc/passwd',
    '/../../etc/passwd',
    '/..%2f..%2fetc%2fpasswd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '//etc/passwd',
    '/metrics/',
    '/metrics/../',
    '/events/x',
    '/?x=1',
    '/\\..\\..\\x',
    '/.git/config',
    '/dist/cli.js',
    '/%00',
    '/%',
    `/${'a'.repeat(200)}`,
    'http://127.0.0.1/',
    '*',
  ])('knows no path %j', async (path) => {
    const { status, body } = await get(path);
    expect(status).toBe(404);
    expect(body).not.toContain('root:');
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE'])('refuses %s', async (method) => {
    for (const path of ['/', '/events', '/metrics', '/x']) {
      const { status, head } = await get(path, undefined, method);
      expect(status).toBe(405);
      expect(head).toMatch(/^allow: GET, HEAD$/im);
    }
  });

  it('refuses a body that comes along, by hanging up', async () => {
    const { status, head } = await say(
      `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\nabc`,
    );
    expect(status).toBe(405);
    expect(head).toMatch(/^connection: close$/im);
  });

  it('hangs up on who begins a request and does not end it', async () => {
    const { status } = await say('GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
    expect(status).toBe(408);
  });

  it('answers HEAD as GET, without the body', async () => {
    for (const path of ['/', '/events', '/metrics']) {
      const { status, body } = await get(path, undefined, 'HEAD');
      expect([status, body]).toEqual([200, '']);
    }
  });

  it.each([
    'evil.example',
    'evil.example:80',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '',
    'a@127.0.0.1',
    '[::1',
    '127.0.0.1:99999999',
  ])('refuses the Host %j: a name of somebody else may lead here', async (host) => {
    const { status, body } = await get('/metrics', host);
    expect(status).toBe(421);
    expect(body).not.toContain('fswal');
  });

  it.each(['localhost', 'LOCALHOST:1234', '127.0.0.1', '[::1]:80', '10.1.2.3:5'])(
    'takes the Host %j',
    async (host) => {
      expect((await get('/metrics', host)).status).toBe(200);
    },
  );

  it('tells browsers to keep, guess and embed nothing, and the page to load nothing but its stream', async () => {
    for (const path of ['/', '/metrics', '/nowhere']) {
      const { head } = await get(path);
      expect(head).toMatch(/^cache-control: no-store$/im);
      expect(head).toMatch(/^x-content-type-options: nosniff$/im);
      expect(head).toMatch(/^x-frame-options: DENY$/im);
      expect(head).toMatch(/^cross-origin-resource-policy: same-origin$/im);
      expect(head).not.toMatch(/^access-control-/im);
      const policy = /^content-security-policy: (.*)$/im.exec(head)![1];
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("connect-src 'self'");
      expect(policy).not.toContain('unsafe');
    }
  });

  it('listens at 127.0.0.1 alone, unless it is told otherwise', async () => {
    expect(server.url).toBe(`http://127.0.0.1:${port}/`);
    const elsewhere = connect(port, '127.0.0.2');
    const [error] = (await once(elsewhere, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
  });

  it('says what to do where the port is taken', async () => {
    const second = DashboardServer.open({ monitor, port, host: '127.0.0.1' });
    await expect(second).rejects.toThrow(`port ${port}`);
    await expect(second).rejects.toThrow('another --port, or 0 for any that is free');
  });
});

describe('the stream of events', () => {
  const sockets: Socket[] = [];
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  function open(): Socket {
    const socket = connect(port, '127.0.0.1').setEncoding('utf8');
    sockets.push(socket);
    socket.write(`GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    return socket;
  }

  function readUntil(socket: Socket, wanted: string): Promise<string> {
    let text = '';
    return new Promise((resolve, reject) => {
      socket.once('close', () => reject(new Error(`it ended before ${wanted}`)));
      socket.on('data', (more) => {
        text += more;
        if (text.includes(wanted)) resolve(text);
      });
    });
  }

  async function hasRoom(): Promise<boolean> {
    const [first] = (await once(open(), 'data')) as [string];
    return first.startsWith('HTTP/1.1 200');
  }

  it('begins with all of the run, and goes on with what is new', async () => {
    monitor.enter('recovering', 'a state');
    const text = await readUntil(open(), 'event: update');
    expect(text).toContain('retry: 1000');
    expect(text.indexOf('event: run\ndata: {"runId"')).toBeGreaterThan(0);
    expect(text).toContain('"status":{"state":"recovering","text":"a state"}');
  });

  it('takes only so many who look, and says so to the others', async () => {
    await Promise.all(Array.from({ length: 16 }, () => readUntil(open(), 'event: run')));
    const { status, head } = await get('/events');
    expect(status).toBe(503);
    expect(head).toMatch(/^retry-after: \d+$/im);
  });

  it('has room again when one of them has gone', async () => {
    const all = Array.from({ length: 16 }, open);
    await Promise.all(all.map((socket) => readUntil(socket, 'event: run')));
    expect(await hasRoom()).toBe(false);
    all[0].destroy();
    while (!(await hasRoom()));
  });

  it('drops those who do not read, and goes on for the one who does', async () => {
    const reader = open();
    await readUntil(reader, 'event: run');
    const idle = Array.from({ length: 15 }, open);
    for (const socket of idle) {
      await once(socket, 'data');
      socket.pause();
    }
    expect(await hasRoom()).toBe(false);
    // More with each update than the kernel's buffers and the server's patience have together, sooner or later.
    monitor.enter('recording', 'x'.repeat(2 << 20));
    while (!(await hasRoom()));
    monitor.enter('recording', 'goes on');
    expect(await readUntil(reader, 'goes on')).toContain('goes on');
  });
});
