/* Events as lines of text, straight from the words of a block: what `dump` and `tail` print millions of. */
import { EVENT_WORDS, RequestEventOffset, WORD_BYTES } from '@fswal/format';

export const EVENT_FORMATS = ['jsonl', 'csv'] as const;
export type EventFormat = (typeof EVENT_FORMATS)[number];

/** Events in memory: `count` of them, one after the other, from word `base` of `words` on. */
export interface EventWords {
  readonly words: Int32Array;
  readonly base: number;
  readonly count: number;
}

const TIMESTAMP = RequestEventOffset.timestamp / WORD_BYTES;
const PRICE = RequestEventOffset.price / WORD_BYTES;
const QUANTITY = RequestEventOffset.quantity / WORD_BYTES;
const USER_ID = RequestEventOffset.userId / WORD_BYTES;
const ORDER_ID = RequestEventOffset.orderId / WORD_BYTES;
/** The word that holds type, order type and side, a byte each. */
const KIND = RequestEventOffset.type / WORD_BYTES;

const TWO_32 = 4_294_967_296;
const BILLION = 1_000_000_000;
/** Upper halves below this make a number that a double holds exactly. */
const HIGH_OF_2_53 = 0x20_0000;

/** The first line of a CSV file. */
export const CSV_HEADER = 'eventId,timestamp,price,quantity,userId,orderId,type,orderType,side\n';

/** One line for each event, each with its end. 64-bit fields are strings in JSON: a JSON number may not hold them. */
export function eventLines({ words, base, count }: EventWords, format: EventFormat): string {
  const line = format === 'csv' ? csvLine : jsonLine;
  let text = '';
  for (let at = base, end = base + count * EVENT_WORDS; at < end; at += EVENT_WORDS) text += line(words, at);
  return text;
}

function jsonLine(words: Int32Array, at: number): string {
  const kind = words[at + KIND];
  return (
    `{"eventId":"${unsigned(words, at)}","timestamp":"${unsigned(words, at + TIMESTAMP)}",` +
    `"price":"${signed(words, at + PRICE)}","quantity":"${signed(words, at + QUANTITY)}",` +
    `"userId":${words[at + USER_ID] >>> 0},"orderId":${words[at + ORDER_ID] >>> 0},` +
    `"type":${kind & 0xff},"orderType":${(kind >>> 8) & 0xff},"side":${(kind >>> 16) & 0xff}}\n`
  );
}

function csvLine(words: Int32Array, at: number): string {
  const kind = words[at + KIND];
  return (
    `${unsigned(words, at)},${unsigned(words, at + TIMESTAMP)},${signed(words, at + PRICE)},` +
    `${signed(words, at + QUANTITY)},${words[at + USER_ID] >>> 0},${words[at + ORDER_ID] >>> 0},` +
    `${kind & 0xff},${(kind >>> 8) & 0xff},${(kind >>> 16) & 0xff}\n`
  );
}

/** A number where that is exact: BigInts are slow to make. */
function unsigned(words: Int32Array, at: number): number | string {
  const low = words[at] >>> 0;
  const high = words[at + 1] >>> 0;
  return high < HIGH_OF_2_53 ? high * TWO_32 + low : wide(high, low);
}

function signed(words: Int32Array, at: number): number | bigint {
  const low = words[at] >>> 0;
  const high = words[at + 1];
  if (high < HIGH_OF_2_53 && high >= -HIGH_OF_2_53) return high * TWO_32 + low;
  return (BigInt(high) << 32n) | BigInt(low);
}

/** An upper half, and what it stands for: `billions` * 10^9 + `rest`. */
const upper = { half: 0, billions: 0, rest: 0 };

/**
 * The decimal digits of a u64 above 2^53, as timestamps in nanoseconds are. Their upper half changes every 4 seconds,
 * so what it stands for is kept.
 */
function wide(high: number, low: number): string {
  if (upper.half !== high) {
    const value = BigInt(high) << 32n;
    upper.half = high;
    upper.billions = Number(value / 1_000_000_000n);
    upper.rest = Number(value % 1_000_000_000n);
  }
  const rest = upper.rest + low;
  const carry = Math.floor(rest / BILLION);
  return `${upper.billions + carry}${String(rest - carry * BILLION).padStart(9, '0')}`;
}
