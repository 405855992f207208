import { Side } from '@fswal/format';
import type { Faults } from './faults.js';
import { type Feed, Tally } from './feed.js';
import {
  AddOffset,
  ChangeOffset,
  DirectoryOffset,
  ITCH_TYPES,
  ItchOffset,
  LENGTH_BYTES,
  ReplaceOffset,
  STOCK_BYTES,
} from './itch-layout.js';
import type { ForeignId, OrderTranslator } from './order-translator.js';

const BUY = 0x42; // 'B'
const SELL = 0x53; // 'S'
const HIGH_OF_2_53 = 0x20_0000;
const TWO_32 = 4_294_967_296;

/** Messages of a Nasdaq TotalView-ITCH 5.0 file. The instrument of a request is the stock locate. */
export class ItchFeed implements Feed {
  readonly #translator: OrderTranslator;
  readonly #faults: Faults;
  readonly #skipped = new Tally();
  /** Those to import, undefined = all; and, of those in the stock directory so far, by symbol and by locate. */
  readonly #wanted: ReadonlySet<string> | undefined;
  readonly #locates = new Map<string, number>();
  readonly #isWanted = new Set<number>();
  /** The message that has begun: never longer than its length can say. */
  #rest: Buffer = Buffer.alloc(0);
  /** Of the first byte of `#rest` in the input. */
  #offset = 0;
  #messages = 0;
  #hasEnded = false;

  /** @param symbols to import; undefined = all */
  constructor(translator: OrderTranslator, faults: Faults, symbols?: readonly string[]) {
    this.#translator = translator;
    this.#faults = faults;
    this.#wanted = symbols && new Set(symbols);
  }

  get messages(): number {
    return this.#messages;
  }
  get skipped(): Readonly<Record<string, number>> {
    return this.#skipped.counts;
  }
  /** The stock locates of the symbols to import, as far as the stock directory has named them. */
  get locates(): ReadonlyMap<string, number> {
    return this.#locates;
  }

  push(bytes: Buffer): void {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let at = 0;
    while (at + LENGTH_BYTES <= all.length) {
      const length = all.readUInt16BE(at);
      const end = at + LENGTH_BYTES + length;
      if (end > all.length) break;
      this.#takeFrame(all.subarray(at + LENGTH_BYTES, end), this.#offset + at);
      at = end;
    }
    this.#offset += at;
    this.#rest = all.subarray(at);
  }

  end(): void {
    if (this.#rest.length === 0) return;
    this.#messages++;
    this.#faults.add(`offset ${this.#offset}`, 'the input ends within a message');
  }

  /** @param offset of its length in the input */
  #takeFrame(message: Buffer, offset: number): void {
    // A message of no length is how a file may say that it ends.
    if (message.length === 0 && !this.#hasEnded) {
      this.#hasEnded = true;
      this.#skipped.add('end of session');
      return;
    }
    this.#messages++;
    const problem = this.#hasEnded ? 'it comes after the end of the session' : this.#take(message);
    if (problem !== undefined) this.#faults.add(`offset ${offset}`, problem);
  }

  /** @returns what is wrong with it */
  #take(message: Buffer): string | undefined {
    const letter = String.fromCharCode(message[0]);
    const type = ITCH_TYPES.get(letter);
    if (type === undefined) return `there is no message type ${JSON.stringify(letter)}`;
    const { name, bytes, isOrder = false } = type;
    if (message.length !== bytes) return `${name} has ${message.length} bytes, not ${bytes}`;
    const locate = message.readUInt16BE(ItchOffset.locate);
    if (letter === 'R') this.#list(message, locate);
    if (!isOrder || (this.#wanted !== undefined && !this.#isWanted.has(locate))) {
      this.#skipped.add(isOrder ? 'other symbols' : name);
      return undefined;
    }
    this.#translator.nowNs = message.readUIntBE(ItchOffset.timestamp, 6);
    return this.#translate(message, letter, locate);
  }

  /** Keeps what the stock directory says of the symbols to import alone. */
  #list(message: Buffer, locate: number): void {
    const symbol = message
      .toString('latin1', DirectoryOffset.stock, DirectoryOffset.stock + STOCK_BYTES)
      .trimEnd();
    if (this.#wanted?.has(symbol) !== true) return;
    this.#locates.set(symbol, locate);
    this.#isWanted.add(locate);
  }

  #translate(message: Buffer, letter: string, instrument: number): string | undefined {
    const translator = this.#translator;
    const id = readId(message, ChangeOffset.reference);
    switch (letter) {
      case 'A':
      case 'F': {
        const side = message[AddOffset.side];
        if (side !== BUY && side !== SELL) return `side is ${JSON.stringify(String.fromCharCode(side))}`;
        return translator.add({
          id,
          instrument,
          side: side === BUY ? Side.Bid : Side.Ask,
          quantity: message.readUInt32BE(AddOffset.shares),
          price: message.readUInt32BE(AddOffset.price),
        });
      }
      case 'E':
      case 'C':
        return translator.execute(id, message.readUInt32BE(ChangeOffset.shares));
      case 'X':
        return translator.reduce(id, message.readUInt32BE(ChangeOffset.shares));
      case 'U': {
        const newId = readId(message, ReplaceOffset.newReference);
        const shares = message.readUInt32BE(ReplaceOffset.shares);
        return translator.replace(id, newId, shares, message.readUInt32BE(ReplaceOffset.price));
      }
      default:
        translator.cancel(id);
        return undefined;
    }
  }
}

function readId(message: Buffer, offset: number): ForeignId {
  const high = message.readUInt32BE(offset);
  if (high >= HIGH_OF_2_53) return message.readBigUInt64BE(offset);
  return high * TWO_32 + message.readUInt32BE(offset + 4);
}
