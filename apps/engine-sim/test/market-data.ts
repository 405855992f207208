import { RequestEvent } from '@fswal/format';
import { instrumentOf } from '../src/engine/instrument.js';
import { Faults, type FaultsOptions } from '../src/import/faults.js';
import type { Feed } from '../src/import/feed.js';
import { OrderTranslator, type TranslatorOptions } from '../src/import/order-translator.js';

/** What came of some market data. */
export interface Imported {
  readonly feed: Feed;
  readonly translator: OrderTranslator;
  readonly requests: RequestEvent[];
  readonly reports: string[];
  readonly faults: Faults;
}

export interface ImportOfOptions extends Partial<TranslatorOptions>, Partial<FaultsOptions> {
  /** Pieces that the bytes come in; undefined = in one. */
  readonly pieceBytes?: () => number;
}

/** Feeds `bytes` to what `create` makes. */
export function imported(
  bytes: Buffer,
  create: (translator: OrderTranslator, faults: Faults) => Feed,
  { pieceBytes = () => bytes.length, ...options }: ImportOfOptions = {},
): Imported {
  const requests: RequestEvent[] = [];
  const reports: string[] = [];
  const translator = new OrderTranslator({
    tick: 100,
    users: 10,
    midnightNs: 0n,
    ...options,
    write: (event) => requests.push(new RequestEvent(event.words.slice())),
  });
  const say = (line: string) => reports.push(line);
  const faults = new Faults({ file: 'data', stop: false, maxReports: 100, say, ...options });
  const feed = create(translator, faults);
  for (let at = 0; at < bytes.length; ) {
    const piece = bytes.subarray(at, at + Math.max(1, pieceBytes()));
    feed.push(piece);
    at += piece.length;
  }
  feed.end();
  return { feed, translator, requests, reports, faults };
}

/** A request in a line, such as `new 1 limit bid 100 at 5000 of 0`; what it does not use must be 0. */
export function describeRequest(event: RequestEvent): string {
  const { type, orderId, orderType, side, quantity, price } = event;
  const kind = ['new', 'price', 'quantity', 'cancel'][type];
  const order = `${['limit', 'market'][orderType]} ${['bid', 'ask'][side]}`;
  return `${kind} ${orderId} ${order} ${quantity} at ${price} of ${instrumentOf(event)}`;
}

/** An ITCH message with its length before it: `u1` to `u8` are integers of so many bytes, the rest is text. */
export function itch(
  letter: string,
  locate: number,
  ns: number,
  ...fields: (readonly [string, number | bigint] | string)[]
): Buffer {
  const parts = [Buffer.from(letter, 'latin1'), unsigned(2, locate), unsigned(2, 7), unsigned(6, ns)];
  for (const field of fields) {
    parts.push(
      typeof field === 'string'
        ? Buffer.from(field, 'latin1')
        : unsigned(Number(field[0].slice(1)), field[1]),
    );
  }
  const message = Buffer.concat(parts);
  return Buffer.concat([unsigned(2, message.length), message]);
}

export function unsigned(bytes: number, value: number | bigint): Buffer {
  return Buffer.from(
    BigInt(value)
      .toString(16)
      .padStart(2 * bytes, '0'),
    'hex',
  );
}

export const itchAdd = (
  locate: number,
  id: number | bigint,
  side: 'B' | 'S',
  shares: number,
  price: number,
  ns = 0,
  stock = 'AAPL',
): Buffer => itch('A', locate, ns, ['u8', id], side, ['u4', shares], stock.padEnd(8), ['u4', price]);
export const itchExecuted = (locate: number, id: number | bigint, shares: number, ns = 0): Buffer =>
  itch('E', locate, ns, ['u8', id], ['u4', shares], ['u8', 99]);
export const itchCancel = (locate: number, id: number | bigint, shares: number, ns = 0): Buffer =>
  itch('X', locate, ns, ['u8', id], ['u4', shares]);
export const itchDelete = (locate: number, id: number | bigint, ns = 0): Buffer =>
  itch('D', locate, ns, ['u8', id]);
export const itchReplace = (
  locate: number,
  id: number | bigint,
  newId: number | bigint,
  shares: number,
  price: number,
  ns = 0,
): Buffer => itch('U', locate, ns, ['u8', id], ['u8', newId], ['u4', shares], ['u4', price]);
/** Stock directory. */
export const itchListed = (locate: number, stock: string): Buffer =>
  itch(
    'R',
    locate,
    0,
    stock.padEnd(8),
    'Q',
    'N',
    ['u4', 100],
    'N',
    'C',
    'Z ',
    'P',
    'N',
    ' ',
    '1',
    'N',
    ['u4', 0],
    'N',
  );
