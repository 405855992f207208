import { describe, expect, it } from 'vitest';
import { MAX_PRICE } from '../src/engine/price-bitmap.js';
import { Venue } from '../src/engine/venue.js';
import { MalformedInputError } from '../src/import/faults.js';
import { LobsterFeed } from '../src/import/lobster-feed.js';
import { describeRequest, type Imported, type ImportOfOptions, imported } from './market-data.js';

function importLines(lines: readonly string[] | string, options: ImportOfOptions = {}): Imported {
  const text = typeof lines === 'string' ? lines : lines.map((line) => `${line}\n`).join('');
  return imported(
    Buffer.from(text, 'latin1'),
    (translator, faults) => new LobsterFeed(translator, faults, 3),
    options,
  );
}

const requestsOf = (...lines: string[]): string[] => importLines(lines).requests.map(describeRequest);

describe('the import of LOBSTER messages', () => {
  it('makes a limit order of a submission', () => {
    expect(requestsOf('34200.1,1,206833312,100,1186000,-1', '34200.2,1,206833313,7,1185900,1')).toEqual([
      'new 1 limit ask 100 at 11860 of 3',
      'new 2 limit bid 7 at 11859 of 3',
    ]);
  });

  it('makes a change of the quantity of a partial cancellation, the filled part included', () => {
    expect(
      requestsOf('1,1,50,100,1000000,1', '2,2,50,30,1000000,1', '3,4,50,20,1000000,1', '4,2,50,10,1000000,1'),
    ).toEqual([
      'new 1 limit bid 100 at 10000 of 3',
      'quantity 1 limit bid 70 at 0 of 3',
      'new 2 market ask 20 at 0 of 3',
      'quantity 1 limit bid 60 at 0 of 3',
    ]);
  });

  it('makes a cancel of a deletion, and forgets the order', () => {
    const { requests, translator } = importLines([
      '1,1,50,100,1000000,1',
      '2,3,50,100,1000000,1',
      '3,3,50,100,1000000,1',
    ]);
    expect(requests.map(describeRequest)[1]).toBe('cancel 1 limit bid 0 at 0 of 3');
    expect([requests.length, translator.counts.unknownOrders, translator.liveOrders]).toEqual([2, 1, 0]);
  });

  it('makes a market order from the other side of an execution, which fills the order', () => {
    const { requests, translator } = importLines(['1,1,50,100,1000000,-1', '2,4,50,100,1000000,-1']);
    expect(requests.map(describeRequest)[1]).toBe('new 2 market bid 100 at 0 of 3');
    expect(translator.liveOrders).toBe(0);
    const venue = new Venue();
    for (const request of requests) venue.apply(request);
    expect([venue.trades, venue.volume, venue.restingOrders]).toEqual([1, 100, 0]);
  });

  it('counts hidden executions, cross trades and halts, and makes nothing of them', () => {
    const { feed, requests, faults } = importLines([
      '1,5,0,100,1000000,-1',
      '1,5,0,100,1000000,1',
      '2,6,-1,9000,1000000,-1',
      '3,7,0,0,-1,-1',
      '4,7,0,0,0,-1',
      '5,7,0,0,1,-1',
    ]);
    expect(feed.skipped).toEqual({ 'execution of a hidden order': 2, 'cross trade': 1, 'trading halt': 3 });
    expect([requests.length, faults.count, feed.messages]).toEqual([0, 0, 6]);
  });

  it('counts what is about orders from before the file', () => {
    const { translator, requests, faults } = importLines([
      '1,2,9,5,1000000,1',
      '1,3,9,5,1000000,1',
      '1,4,9,5,1000000,1',
    ]);
    expect([translator.counts.unknownOrders, requests.length, faults.count]).toEqual([3, 0, 0]);
  });

  it('keeps times to the nanosecond', () => {
    const midnightNs = BigInt(Date.UTC(2012, 5, 21)) * 1_000_000n;
    const times = ['34713.685155243', '34713.6', '86399.999999999', '0', '00000.000000001'];
    const { requests } = importLines(
      times.map((time, i) => `${time},1,${i + 1},1,1000000,1`),
      { midnightNs },
    );
    expect(requests.map((event) => event.timestamp - midnightNs)).toEqual([
      34_713_685_155_243n,
      34_713_600_000_000n,
      86_399_999_999_999n,
      0n,
      1n,
    ]);
  });

  it('takes order ids beyond 32 and 53 bits for what they are', () => {
    const ids = ['4294967297', '1', '900719925474099301', '900719925474099302', '-5'];
    const { requests, faults } = importLines(ids.map((id) => `1,1,${id},10,1000000,1`));
    expect([requests.map((event) => event.orderId), faults.count]).toEqual([[1, 2, 3, 4, 5], 0]);
  });

  it('rounds prices between ticks away from the other side, and leaves out those that the book has not', () => {
    const beyond = (MAX_PRICE + 1) * 100;
    const { requests, translator } = importLines([
      '1,1,1,10,1000050,1',
      '1,1,2,10,1000050,-1',
      `1,1,3,10,${beyond},1`,
      '1,1,4,10,99,1',
      '1,1,5,10,1,-1',
      '1,1,6,10,-100,-1',
    ]);
    expect(requests.map((event) => event.price)).toEqual([10_000, 10_001, 1]);
    expect(translator.counts).toMatchObject({ pricesRounded: 3, pricesOutOfRange: 3, newOrders: 3 });
    const fine = importLines(['1,1,1,10,1000050,1'], { tick: 1 });
    expect(fine.requests.map((event) => event.price)).toEqual([1_000_050]);
  });

  it('gives each order a user of its own choice, who makes all its requests', () => {
    const { requests } = importLines([
      '1,1,1,9,1000000,1',
      '1,1,2,9,1000000,1',
      '1,2,1,1,0,1',
      '1,3,2,1,0,1',
    ]);
    const users = requests.map((event) => event.userId);
    expect(users.slice(2)).toEqual(users.slice(0, 2));
    for (const user of users) expect(user >= 1 && user <= 10).toBe(true);
  });

  it('takes lines that end with CR LF, and a last one that does not end', () => {
    const { requests, feed, faults } = importLines('1,1,1,9,1000000,1\r\n2,3,1,9,1000000,1');
    expect([requests.length, feed.messages, faults.count]).toEqual([2, 2, 0]);
    expect(importLines('').feed.messages).toBe(0);
  });
});

describe('malformed LOBSTER lines', () => {
  it.each([
    ['', 'it has 1 columns, not 6'],
    ['1,1,1,9,1000000', 'it has 5 columns, not 6'],
    ['1,1,1,9,1000000,1,', 'it has 7 columns, not 6'],
    ['Time,Type,ID,Size,Price,Direction', 'time is "Time", not seconds after midnight'],
    ['-1,1,1,9,1000000,1', 'time is "-1"'],
    ['86400,1,1,9,1000000,1', 'time is "86400"'],
    ['1.0000000001,1,1,9,1000000,1', 'time is "1.0000000001"'],
    ['1,8,1,9,1000000,1', 'type is "8", not a digit from 1 to 7'],
    ['1,0,1,9,1000000,1', 'type is "0"'],
    ['1,1,x,9,1000000,1', 'order id is "x", not a whole number'],
    ['1,1,1,9.5,1000000,1', 'size is "9.5"'],
    ['1,1,1,9,1e6,1', 'price is "1e6"'],
    ['1,1,1,9,1000000,0', 'direction is "0", not 1 or -1'],
    ['1,7,0,0,x,-1', 'price is "x"'],
    ['1,1,1,0,1000000,1', '0 is no quantity'],
    ['1,1,1,-9,1000000,1', '-9 is no quantity'],
    ['1,1,1,2147483648,1000000,1', '2147483648 is no quantity'],
    ['1,1,77,9,1000000,1', 'order 77 is there already'],
    ['1,2,77,6,1000000,1', 'it takes 6 of order 77, of which 5 are left'],
    ['1,2,77,0,1000000,1', '0 is no quantity'],
    ['1,4,77,6,1000000,1', 'it takes 6 of order 77, of which 5 are left'],
    ['x'.repeat(1025), 'it is longer than 1024 bytes'],
    ['x'.repeat(500_000), 'it is longer than 1024 bytes'],
  ])('%j: reported by its number, and passed over', (line, problem) => {
    const { requests, reports, faults, feed } = importLines([
      '1,1,77,5,1000000,1',
      line,
      '3,3,77,5,1000000,1',
    ]);
    expect(reports).toHaveLength(1);
    expect(reports[0]).toContain(`data, line 2: ${problem}`);
    expect([faults.count, requests.length, feed.messages]).toEqual([1, 2, 3]);
  });

  it('are reported so many times, and counted each time', () => {
    const { reports, faults } = importLines(new Array(50).fill('bad'), { maxReports: 3 });
    expect(faults.count).toBe(50);
    expect(reports).toHaveLength(4);
    expect(reports[3]).toBe('what else is malformed is only counted');
  });

  it('end the import where they are to', () => {
    expect(() => importLines(['1,1,1,9,1000000,1', 'bad'], { stop: true })).toThrow(MalformedInputError);
    expect(() => importLines(['1,1,1,9,1000000,1', 'bad'], { stop: true })).toThrow(
      'data, line 2: it has 1 columns',
    );
  });
});
