import { type RequestEvent, Side } from '@fswal/format';
import { describe, expect, it } from 'vitest';
import { Venue } from '../src/engine/venue.js';
import { Xoshiro128 } from '../src/flow/xoshiro128.js';
import { ItchFeed } from '../src/import/itch-feed.js';
import { AddOffset, ITCH_TYPES } from '../src/import/itch-layout.js';
import { LobsterFeed } from '../src/import/lobster-feed.js';
import {
  type Imported,
  type ImportOfOptions,
  imported,
  itchAdd,
  itchCancel,
  itchDelete,
  itchExecuted,
  itchReplace,
  unsigned,
} from './market-data.js';
import { resting } from './requests.js';

const SEED = 21;
const INSTRUMENTS = 3;

const lobster = (bytes: Buffer, options?: ImportOfOptions): Imported =>
  imported(bytes, (translator, faults) => new LobsterFeed(translator, faults, 0), options);
const itchFile = (bytes: Buffer, options?: ImportOfOptions): Imported =>
  imported(bytes, (translator, faults) => new ItchFeed(translator, faults), options);

interface ModelOrder {
  id: number;
  readonly instrument: number;
  readonly side: Side;
  price: number;
  open: number;
  /** Among the orders of a price, the smallest one trades first. */
  priority: number;
}

/** A market that random things happen to, and what they look like in both formats. */
class Market {
  readonly orders: ModelOrder[] = [];
  readonly itch: Buffer[] = [];
  readonly lobster: string[] = [];
  readonly #random: Xoshiro128;
  readonly #instruments: number;
  #lastId = 0;
  #clock = 0;

  constructor(random: Xoshiro128, instruments: number) {
    this.#random = random;
    this.#instruments = instruments;
  }

  /** @param replaces whether orders are replaced, too, of which LOBSTER knows nothing */
  step(replaces: boolean): void {
    const what = this.#random.below(replaces ? 10 : 8);
    const order = this.orders[this.#random.below(this.orders.length)];
    if (this.orders.length < 5 || what < 3) this.#add();
    else if (what < 5) this.#execute(order);
    else if (what < 6) this.#reduce(order, this.#random.below(order.open) + 1);
    else if (what < 8) this.#delete(order);
    else this.#replace(order);
  }

  #add(): void {
    const side = this.#random.below(2) === 0 ? Side.Bid : Side.Ask;
    const [open, instrument] = [1 + this.#random.below(50), this.#random.below(this.#instruments)];
    const order = {
      id: ++this.#lastId,
      instrument,
      side,
      price: this.#price(side),
      open,
      priority: ++this.#clock,
    };
    this.orders.push(order);
    this.itch.push(itchAdd(instrument, order.id, side === Side.Bid ? 'B' : 'S', open, order.price * 100));
    this.#line(1, order, open);
  }

  /** The order that trades first on that side, since nothing else is executed. */
  #execute({ instrument, side }: ModelOrder): void {
    const sign = side === Side.Bid ? -1 : 1;
    const [first] = this.orders
      .filter((order) => order.instrument === instrument && order.side === side)
      .sort((a, b) => sign * (a.price - b.price) || a.priority - b.priority);
    const quantity = 1 + this.#random.below(first.open);
    this.itch.push(itchExecuted(instrument, first.id, quantity));
    this.#line(4, first, quantity);
    this.#take(first, quantity);
  }

  #reduce(order: ModelOrder, quantity: number): void {
    this.itch.push(itchCancel(order.instrument, order.id, quantity));
    this.#line(2, order, quantity);
    this.#take(order, quantity);
  }

  #delete(order: ModelOrder): void {
    this.itch.push(itchDelete(order.instrument, order.id));
    this.#line(3, order, order.open);
    this.#take(order, order.open);
  }

  #replace(order: ModelOrder): void {
    const from = order.id;
    order.id = ++this.#lastId;
    order.price = this.#price(order.side);
    order.open = 1 + this.#random.below(50);
    order.priority = ++this.#clock;
    this.itch.push(itchReplace(order.instrument, from, order.id, order.open, order.price * 100));
  }

  #take(order: ModelOrder, quantity: number): void {
    order.open -= quantity;
    if (order.open === 0) this.orders.splice(this.orders.indexOf(order), 1);
  }

  #price(side: Side): number {
    return side === Side.Bid ? 990 + this.#random.below(10) : 1001 + this.#random.below(10);
  }

  #line(type: number, { id, price, side }: ModelOrder, quantity: number): void {
    this.lobster.push(
      `${34_200 + this.lobster.length}.5,${type},${id},${quantity},${price * 100},${side === Side.Bid ? 1 : -1}\n`,
    );
  }

  /** What should rest, in the order of `OrderBook.visit`. */
  resting(instrument: number): string[] {
    return this.orders
      .filter((order) => order.instrument === instrument)
      .sort((a, b) => a.price - b.price || a.priority - b.priority)
      .map(({ side, price, open }) => `${side} ${open} at ${price}`);
  }
}

function venueOf(requests: readonly RequestEvent[]): Venue {
  const venue = new Venue();
  for (const request of requests) venue.apply(request);
  return venue;
}

function restingOf(venue: Venue, instrument: number): string[] {
  const engine = venue.engine(instrument);
  if (engine === undefined) return [];
  return resting(engine).map(
    ({ side, price, quantity, filled }) => `${side} ${quantity - filled} at ${price}`,
  );
}

describe(`an imported market, seed ${SEED}`, () => {
  it('ends with the book that the market had, ITCH, and nothing is refused', () => {
    const market = new Market(new Xoshiro128(SEED), INSTRUMENTS);
    for (let i = 0; i < 3000; i++) market.step(true);
    const { requests, faults, translator } = itchFile(Buffer.concat(market.itch));
    const venue = venueOf(requests);
    expect([faults.count, venue.rejects, translator.counts.unknownOrders]).toEqual([0, 0, 0]);
    expect(venue.trades).toBe(translator.counts.executions);
    for (let i = 0; i < INSTRUMENTS; i++) expect(restingOf(venue, i)).toEqual(market.resting(i));
    expect(market.orders.length).toBeGreaterThan(5);
  });

  it('ends with the book that the market had, LOBSTER, and nothing is refused', () => {
    const market = new Market(new Xoshiro128(SEED), 1);
    for (let i = 0; i < 3000; i++) market.step(false);
    const { requests, faults, translator } = lobster(Buffer.from(market.lobster.join('')));
    const venue = venueOf(requests);
    expect([faults.count, venue.rejects, translator.counts.unknownOrders]).toEqual([0, 0, 0]);
    expect(venue.trades).toBe(translator.counts.executions);
    expect(restingOf(venue, 0)).toEqual(market.resting(0));
  });
});

describe(`any bytes, seed ${SEED}`, () => {
  const random = new Xoshiro128(SEED);
  const bytesOf = (count: number): Buffer =>
    Buffer.from(Array.from({ length: count }, () => random.below(256)));
  const letters = [...ITCH_TYPES.keys()];

  /** A message of a type that there is, and mostly of its length, but otherwise of anything. */
  function anyMessage(): Buffer {
    const letter = letters[random.below(letters.length)];
    const length = random.below(10) === 0 ? random.below(60) : ITCH_TYPES.get(letter)!.bytes;
    const message = Buffer.alloc(length);
    // The last bytes of ids, shares and prices, small, so that messages are about each other; and a byte anywhere.
    for (const at of [18, 22, 23, 26, 30, 34, 35]) if (at < length) message[at] = random.below(4);
    message[random.below(length)] = random.below(256);
    message.write(letter, 0, 'latin1');
    if (length > AddOffset.side) message.write(random.below(2) === 0 ? 'B' : 'S', AddOffset.side);
    return Buffer.concat([unsigned(2, length), message.subarray(0, length)]);
  }

  function anyLine(): string {
    const alphabet = '0123456789.,-x\r ';
    const noise = () =>
      Array.from({ length: random.below(30) }, () => alphabet[random.below(alphabet.length)]).join('');
    const number = () => (random.below(30) === 0 ? noise() : String(random.below(10)));
    return random.below(10) === 0 ? noise() : Array.from({ length: 6 }, number).join(',');
  }

  it.each([
    { name: 'noise as ITCH', run: itchFile, make: () => bytesOf(random.below(3000)), asks: false },
    { name: 'noise as LOBSTER', run: lobster, make: () => bytesOf(random.below(3000)), asks: false },
    {
      name: 'messages of anything',
      run: itchFile,
      make: () => Buffer.concat(Array.from({ length: 200 }, anyMessage)),
      asks: true,
    },
    {
      name: 'lines of anything',
      run: lobster,
      make: () => Buffer.from(Array.from({ length: 200 }, anyLine).join('\n')),
      asks: true,
    },
  ])('$name: faults at most, the same however they are cut, and requests that an engine takes', (input) => {
    const { run, make, asks } = input;
    let [faultCount, requestCount] = [0, 0];
    for (let i = 0; i < 100; i++) {
      const bytes = make();
      const whole = run(bytes, { tick: 1 });
      const cut = run(bytes, { tick: 1, pieceBytes: () => 1 + random.below(40) });
      expect(cut.reports).toEqual(whole.reports);
      expect(cut.requests.map((event) => [...event.words])).toEqual(
        whole.requests.map((event) => [...event.words]),
      );
      expect(cut.feed.messages).toBe(whole.feed.messages);
      expect(venueOf(whole.requests).requests).toBe(whole.requests.length);
      faultCount += whole.faults.count;
      requestCount += whole.requests.length;
    }
    expect(faultCount).toBeGreaterThan(0);
    expect(requestCount > 100).toBe(asks);
  });
});
