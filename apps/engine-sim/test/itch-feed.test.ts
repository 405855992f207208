import { describe, expect, it } from 'vitest';
import { MalformedInputError } from '../src/import/faults.js';
import { ItchFeed } from '../src/import/itch-feed.js';
import { ITCH_TYPES } from '../src/import/itch-layout.js';
import {
  describeRequest,
  type Imported,
  type ImportOfOptions,
  imported,
  itch,
  itchAdd,
  itchCancel,
  itchDelete,
  itchExecuted,
  itchListed,
  itchReplace,
  unsigned,
} from './market-data.js';

function importMessages(
  messages: readonly Buffer[],
  options: ImportOfOptions & { symbols?: string[] } = {},
): Imported {
  return imported(
    Buffer.concat(messages),
    (translator, faults) => new ItchFeed(translator, faults, options.symbols),
    options,
  );
}

const requestsOf = (...messages: Buffer[]): string[] =>
  importMessages(messages).requests.map(describeRequest);

const ADDED = itchAdd(13, 500, 'B', 100, 1_234_500);
const ADD = 'new 1 limit bid 100 at 12345 of 13';

describe('the import of ITCH messages', () => {
  it('makes limit orders of add orders, with and without attribution', () => {
    const attributed = itch('F', 14, 1, ['u8', 501], 'S', ['u4', 7], 'MSFT    ', ['u4', 990_000], 'NSDQ');
    expect(requestsOf(ADDED, attributed)).toEqual([ADD, 'new 2 limit ask 7 at 9900 of 14']);
  });

  it('has messages of the documented bytes', () => {
    // Written out once by hand: length 36, A, locate 13, tracking 7, 34,200 s, reference 500, buy, 100 shares, price.
    const bytes = Buffer.from(
      '0024 41 000d 0007 1f1aced9f000 00000000000001f4 42 00000064 4141504c20202020 0012d644'.replaceAll(
        ' ',
        '',
      ),
      'hex',
    );
    const { requests } = importMessages([bytes]);
    expect(requests.map(describeRequest)).toEqual([ADD]);
    expect(requests[0].timestamp).toBe(34_200_000_000_000n);
  });

  it('makes market orders from the other side of executions, at whatever price they are printed', () => {
    const withPrice = itch('C', 13, 1, ['u8', 500], ['u4', 60], ['u8', 9], 'Y', ['u4', 1_234_600]);
    const { requests, translator } = importMessages([ADDED, itchExecuted(13, 500, 40), withPrice]);
    expect(requests.map(describeRequest)).toEqual([
      ADD,
      'new 2 market ask 40 at 0 of 13',
      'new 3 market ask 60 at 0 of 13',
    ]);
    expect(translator.liveOrders).toBe(0);
  });

  it('makes changes of quantity of cancels, and cancels of deletes', () => {
    expect(
      requestsOf(ADDED, itchExecuted(13, 500, 10), itchCancel(13, 500, 30), itchDelete(13, 500)),
    ).toEqual([
      ADD,
      'new 2 market ask 10 at 0 of 13',
      'quantity 1 limit bid 70 at 0 of 13',
      'cancel 1 limit bid 0 at 0 of 13',
    ]);
  });

  it('makes a change of price of a replaced order, which goes on under its first id, and one of quantity if need be', () => {
    expect(
      requestsOf(
        ADDED,
        itchExecuted(13, 500, 10),
        itchReplace(13, 500, 600, 90, 1_234_600),
        itchReplace(13, 600, 700, 50, 1_234_600),
        itchDelete(13, 700),
        itchDelete(13, 500),
      ),
    ).toEqual([
      ADD,
      'new 2 market ask 10 at 0 of 13',
      'price 1 limit bid 0 at 12346 of 13',
      'price 1 limit bid 0 at 12346 of 13',
      'quantity 1 limit bid 60 at 0 of 13',
      'cancel 1 limit bid 0 at 0 of 13',
    ]);
  });

  it('cancels an order that is replaced by one that the book has no price for', () => {
    const { requests, translator } = importMessages([ADDED, itchReplace(13, 500, 600, 5, 4_000_000_000)]);
    expect(requests.map(describeRequest)).toEqual([ADD, 'cancel 1 limit bid 0 at 0 of 13']);
    expect([translator.counts.pricesOutOfRange, translator.liveOrders]).toEqual([1, 0]);
  });

  it('counts all other messages by kind', () => {
    const others = [...ITCH_TYPES].filter(([, { isOrder }]) => isOrder !== true);
    const messages = others.map(([letter, { bytes }]) => itch(letter, 1, 2, 'x'.repeat(bytes - 11)));
    const { feed, faults, requests } = importMessages([...messages, ...messages]);
    expect(feed.skipped).toEqual(Object.fromEntries(others.map(([, { name }]) => [name, 2])));
    expect([faults.count, requests.length, feed.messages]).toEqual([0, 0, 2 * others.length]);
    expect(others).toHaveLength(16);
  });

  it('takes only the symbols that it is told to', () => {
    const { requests, feed } = importMessages(
      [
        itchListed(13, 'AAPL'),
        itchListed(14, 'MSFT'),
        itchListed(15, 'AAPLW'),
        ADDED,
        itchAdd(14, 501, 'S', 5, 100, 0, 'MSFT'),
        itchAdd(15, 502, 'S', 5, 100, 0, 'AAPLW'),
        itchDelete(14, 501),
        itchDelete(13, 500),
      ],
      { symbols: ['AAPL'] },
    );
    expect(requests.map(describeRequest)).toEqual([ADD, 'cancel 1 limit bid 0 at 0 of 13']);
    expect(feed.skipped).toEqual({ 'stock directory': 3, 'other symbols': 3 });
    expect(Object.fromEntries((feed as ItchFeed).locates)).toEqual({ AAPL: 13 });
  });

  it('takes order references of 64 bits for what they are', () => {
    const ids = [2n ** 53n, 2n ** 53n + 1n, 2n ** 64n - 1n, 1n, 2n ** 32n + 1n];
    const { requests, faults } = importMessages(ids.map((id) => itchAdd(1, id, 'B', 1, 1_000_000)));
    expect([requests.length, faults.count]).toEqual([5, 0]);
  });

  it('takes a message of no length for the end', () => {
    const end = unsigned(2, 0);
    expect(importMessages([ADDED, end]).faults.count).toBe(0);
    const { reports, requests } = importMessages([end, ADDED]);
    expect(reports).toEqual(['data, offset 2: it comes after the end of the session']);
    expect(requests).toHaveLength(0);
  });
});

describe('malformed ITCH messages', () => {
  it.each([
    [itch('Z', 1, 1), 'there is no message type "Z"'],
    [itch('A', 1, 1), 'add order has 11 bytes, not 36'],
    [Buffer.from([0, 1, 0x41]), 'add order has 1 bytes, not 36'],
    [itch('D', 1, 1, ['u8', 1], 'x'), 'order delete has 20 bytes, not 19'],
    [itchAdd(1, 5, 'X' as 'B', 1, 1_000_000), 'side is "X"'],
    [itchAdd(1, 5, 'B', 0, 1_000_000), '0 is no quantity'],
    [itchAdd(1, 5, 'B', 2 ** 31, 1_000_000), '2147483648 is no quantity'],
    [itchAdd(16_384, 5, 'B', 1, 1_000_000), 'there is no instrument 16384'],
    [ADDED, 'order 500 is there already'],
    [itchCancel(13, 500, 101), 'it takes 101 of order 500, of which 100 are left'],
    [itchExecuted(13, 500, 101), 'it takes 101 of order 500, of which 100 are left'],
    [itchReplace(13, 500, 600, 0, 1_000_000), '0 is no quantity'],
    [
      Buffer.concat([itchAdd(13, 7, 'B', 1, 1_000_000), itchReplace(13, 500, 7, 1, 1_000_000)]),
      'order 7 is there already',
    ],
  ])('%#: reported by their offset, and passed over', (bad, problem) => {
    const { reports, faults, requests } = importMessages([ADDED, bad, itchDelete(13, 500)]);
    expect(reports).toHaveLength(1);
    expect(reports[0]).toMatch(/^data, offset (38|76): /);
    expect(reports[0]).toContain(problem);
    expect(faults.count).toBe(1);
    expect(requests.map(describeRequest).at(-1)).toBe('cancel 1 limit bid 0 at 0 of 13');
  });

  it('say where the input ends within one, wherever that is', () => {
    const whole = Buffer.concat([ADDED, itchDelete(13, 500)]);
    for (let size = ADDED.length + 1; size < whole.length; size++) {
      const { reports, requests } = importMessages([whole.subarray(0, size)]);
      expect(reports).toEqual([`data, offset ${ADDED.length}: the input ends within a message`]);
      expect(requests).toHaveLength(1);
    }
  });

  it('end the import where they are to', () => {
    expect(() => importMessages([ADDED, ADDED], { stop: true })).toThrow(MalformedInputError);
  });
});
