import type { ServerResponse } from 'node:http';

/** Who is further behind than this does not read: it is dropped, and may come again. */
const MOST_BEHIND_BYTES = 4 << 20;
export const EVENTS_TYPE = 'text/event-stream; charset=utf-8';

/** How soon a browser that lost the connection tries again. */
const RETRY_MS = 1000;

/** The open streams of server-sent events. */
export class EventClients {
  readonly #limit: number;
  readonly #clients = new Set<ServerResponse>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get isFull(): boolean {
    return this.#clients.size >= this.#limit;
  }
  get count(): number {
    return this.#clients.size;
  }

  /** @param first the event that it begins with */
  add(client: ServerResponse, first: string): void {
    this.#clients.add(client);
    client.once('close', () => this.#clients.delete(client));
    // What cannot be written is a client that has gone: 'close' says so, too.
    client.on('error', () => client.destroy());
    client.writeHead(200, { 'content-type': EVENTS_TYPE });
    client.write(`retry: ${RETRY_MS}\n\n${first}`);
  }

  send(event: string): void {
    for (const client of this.#clients) {
      if (client.writableLength > MOST_BEHIND_BYTES) client.destroy();
      else client.write(event);
    }
  }

  close(): void {
    for (const client of this.#clients) client.destroy();
  }
}

/** One event of the stream; JSON has no line breaks, which would end it. */
export function eventText(name: string, value: object): string {
  return `event: ${name}\ndata: ${JSON.stringify(value, shorten)}\n\n`;
}

/** Fractions to as many digits as a screen shows. */
function shorten(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(8)) : value;
}
