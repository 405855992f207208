import { Side } from '@fswal/format';
import type { Faults } from './faults.js';
import { type Feed, Tally } from './feed.js';
import type { ForeignId, OrderTranslator } from './order-translator.js';

/*
 * LOBSTER message files (lobsterdata.com, "Data structure"): lines of six columns, without a header.
 *
 *     time,type,order id,size,price,direction      34713.685155243,1,206833312,100,118600,-1
 *
 * Time: seconds after midnight, with up to nine decimals. Price: dollars times 10,000. Direction: of the order that
 * rests, 1 = buy, -1 = sell, with an execution, too.
 */
const COLUMNS = ['time', 'type', 'order id', 'size', 'price', 'direction'] as const;
const Type = { submission: 1, cancellation: 2, deletion: 3, execution: 4 } as const;
const SKIPPED: Readonly<Record<number, string>> = {
  5: 'execution of a hidden order',
  6: 'cross trade',
  7: 'trading halt',
};
/** Many times what a message needs. */
const MAX_LINE_BYTES = 1024;
const NEWLINE = 0x0a;
const SECONDS_A_DAY = 86_400;

export class LobsterFeed implements Feed {
  readonly #translator: OrderTranslator;
  readonly #faults: Faults;
  readonly #instrument: number;
  readonly #skipped = new Tally();
  /** The line that has begun, up to one byte more than a line may have. */
  readonly #line = Buffer.alloc(MAX_LINE_BYTES + 1);
  #lineBytes = 0;
  #messages = 0;

  constructor(translator: OrderTranslator, faults: Faults, instrument: number) {
    this.#translator = translator;
    this.#faults = faults;
    this.#instrument = instrument;
  }

  get messages(): number {
    return this.#messages;
  }
  get skipped(): Readonly<Record<string, number>> {
    return this.#skipped.counts;
  }

  push(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const newline = bytes.indexOf(NEWLINE, at);
      const end = newline === -1 ? bytes.length : newline;
      const room = this.#line.length - this.#lineBytes;
      this.#lineBytes += bytes.copy(this.#line, this.#lineBytes, at, Math.min(end, at + room));
      if (newline !== -1) this.#endLine();
      at = end + 1;
    }
  }

  end(): void {
    if (this.#lineBytes > 0) this.#endLine();
  }

  #endLine(): void {
    this.#messages++;
    const isTooLong = this.#lineBytes > MAX_LINE_BYTES;
    const text = this.#line.toString('latin1', 0, this.#lineBytes);
    this.#lineBytes = 0;
    const problem = isTooLong
      ? `it is longer than ${MAX_LINE_BYTES} bytes`
      : this.#takeLine(text.endsWith('\r') ? text.slice(0, -1) : text);
    if (problem !== undefined) this.#faults.add(`line ${this.#messages}`, problem);
  }

  /** @returns what is wrong with it */
  #takeLine(text: string): string | undefined {
    const columns = text.split(',');
    if (columns.length !== COLUMNS.length) return `it has ${columns.length} columns, not ${COLUMNS.length}`;
    const [time, type, id, size, price, direction] = columns;
    const nowNs = parseTime(time);
    if (nowNs === undefined) return notIn(0, time, 'seconds after midnight');
    if (!/^[1-7]$/.test(type)) return notIn(1, type, 'a digit from 1 to 7');
    for (let i = 2; i < COLUMNS.length; i++) {
      if (!/^-?\d{1,18}$/.test(columns[i])) return notIn(i, columns[i], 'a whole number');
    }
    const skipped = SKIPPED[Number(type)];
    if (skipped !== undefined) {
      this.#skipped.add(skipped);
      return undefined;
    }
    if (direction !== '1' && direction !== '-1') return notIn(5, direction, '1 or -1');
    this.#translator.nowNs = nowNs;
    const side = direction === '1' ? Side.Bid : Side.Ask;
    return this.#translate(Number(type), parseId(id), Number(size), Number(price), side);
  }

  #translate(type: number, id: ForeignId, quantity: number, price: number, side: Side): string | undefined {
    const translator = this.#translator;
    switch (type) {
      case Type.submission:
        return translator.add({ id, instrument: this.#instrument, side, quantity, price });
      case Type.cancellation:
        return translator.reduce(id, quantity);
      case Type.execution:
        return translator.execute(id, quantity);
      default:
        translator.cancel(id);
        return undefined;
    }
  }
}

function parseId(text: string): ForeignId {
  const id = Number(text);
  return Number.isSafeInteger(id) ? id : BigInt(text);
}

/** Nanoseconds after midnight, or undefined. */
function parseTime(text: string): number | undefined {
  const match = /^(\d{1,5})(?:\.(\d{1,9}))?$/.exec(text);
  if (match === null || Number(match[1]) >= SECONDS_A_DAY) return undefined;
  // In whole numbers: seconds with nine decimals are no double.
  return Number(match[1]) * 1e9 + Number((match[2] ?? '').padEnd(9, '0'));
}

function notIn(column: number, text: string, what: string): string {
  return `${COLUMNS[column]} is ${JSON.stringify(text)}, not ${what}`;
}
