import { checksum, type RequestEvent } from '@fswal/format';
import { describe, expect, it } from 'vitest';
import { decodeCheckpoint, encodeCheckpoint, UnusableCheckpoint } from '../src/checkpoint/checkpoint.js';
import { WordReader, WordWriter } from '../src/engine/state-words.js';
import { Venue } from '../src/engine/venue.js';
import { ask, bid } from './requests.js';

const HEADER_BYTES = 16;
const STATE = 80;
/** Words of an engine before its orders: counts, totals, trade hash. */
const ENGINE_WORDS = 7 * 2 + 2 * 2 + 3;
/** Byte of the first order: unknown requests, number of instruments, instrument, engine, number of orders. */
const ORDERS = STATE + 4 * (2 + 1 + 1 + ENGINE_WORDS + 1);
const ORDER_BYTES = 24;

/** Two bids, the second one partly filled, and an ask. */
function smallVenue(): { venue: Venue; event: RequestEvent } {
  const venue = new Venue();
  const requests = [bid(1, 90, 5), bid(2, 95, 5), ask(3, 95, 2), ask(4, 99, 7)];
  for (const event of requests) venue.apply(event);
  const event = requests[3];
  event.eventIdBig = 2n ** 60n + 4n;
  return { venue, event };
}

function smallCheckpoint(): Uint8Array {
  const { venue, event } = smallVenue();
  return encodeCheckpoint(event, venue, new WordWriter()).slice();
}

/** Changes a word and seals the whole again. */
function resealed(byte: number, word: number): Uint8Array {
  const bytes = smallCheckpoint();
  const view = new DataView(bytes.buffer);
  view.setInt32(byte, word, true);
  view.setBigUint64(bytes.length - 8, checksum(bytes.subarray(0, -8), 0n), true);
  return bytes;
}

const order = (index: number, word: number): number => ORDERS + index * ORDER_BYTES + word * 4;

describe('a checkpoint', () => {
  it('has the bytes that its layout says', () => {
    const bytes = smallCheckpoint();
    const view = new DataView(bytes.buffer);
    expect(bytes.length).toBe(ORDERS + 3 * ORDER_BYTES + 8);
    expect(Buffer.from(bytes.subarray(0, HEADER_BYTES)).toString('hex')).toBe(
      '46534350010000000801000000000000',
    );
    expect(view.getBigUint64(HEADER_BYTES, true)).toBe(2n ** 60n + 4n);
    expect(bytes.subarray(HEADER_BYTES, STATE)).toEqual(smallVenue().event.bytes);
    expect(view.getInt32(ORDERS - 4, true)).toBe(3);
    const words = Array.from({ length: 6 }, (_, i) => view.getInt32(order(1, i), true));
    expect(words).toEqual([2, 7, 95, 0, 5, 2]);
    expect(view.getBigUint64(bytes.length - 8, true)).toBe(checksum(bytes.subarray(0, -8), 0n));
  });

  it('is read from wherever it lies in memory', () => {
    const bytes = smallCheckpoint();
    const shifted = new Uint8Array(bytes.length + 3).subarray(3);
    shifted.set(bytes);
    expect(decodeCheckpoint(shifted).venue.stateHash()).toBe(smallVenue().venue.stateHash());
  });

  it('is refused with any bit of it changed', () => {
    const bytes = smallCheckpoint();
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      bytes[bit >> 3] ^= 1 << (bit & 7);
      expect(() => decodeCheckpoint(bytes), `bit ${bit}`).toThrow(UnusableCheckpoint);
      bytes[bit >> 3] ^= 1 << (bit & 7);
    }
    expect(decodeCheckpoint(bytes).event.eventIdBig).toBe(2n ** 60n + 4n);
  });

  it('is refused at any length but its own', () => {
    const bytes = smallCheckpoint();
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeCheckpoint(bytes.slice(0, length)), `${length} bytes`).toThrow(UnusableCheckpoint);
    }
    for (const more of [1, 4, 8, 4096]) {
      const longer = new Uint8Array(bytes.length + more);
      longer.set(bytes);
      expect(() => decodeCheckpoint(longer), `${more} more`).toThrow(UnusableCheckpoint);
    }
  });

  it.each([
    ['of another version', 4, 2, 'version is 2'],
    ['of another kind', 0, 1, 'not a checkpoint'],
    ['of more orders than it has', ORDERS - 4, 4, 'too early'],
    ['of fewer orders than it has', ORDERS - 4, 2, '6 words after its end'],
    ['of as many orders as a word can say', ORDERS - 4, -1, 'too early'],
    ['of more instruments than it has', STATE + 8, 2, 'too early'],
    ['of an instrument below 0', STATE + 12, -1, 'not the instrument'],
    ['of an instrument that there cannot be', STATE + 12, 16_384, 'not the instrument'],
    ['with a count past 2^53', STATE + 20, 0x20_0000, 'not a count'],
    ['with an order without an id', order(1, 0), 0, 'order 1'],
    ['with an order twice', order(1, 0), 1, 'order 1'],
    ['with a price of 0', order(0, 2), 0, 'order 0'],
    ['with a price below 0', order(0, 2), -1, 'order 0'],
    ['with a price above the highest', order(2, 2), 1 << 20, 'order 2'],
    ['with prices out of order', order(0, 2), 96, 'order 1'],
    ['with an ask below a bid', order(0, 3), 1, 'order 1'],
    ['with both sides at a price', order(2, 2), 95, 'order 2'],
    ['with an order of no side', order(2, 3), 2, 'order 2'],
    ['with an order that is filled', order(1, 5), 5, 'order 1'],
    ['with an order filled by less than nothing', order(1, 5), -1, 'order 1'],
    ['with an order for less than nothing', order(1, 4), -1, 'order 1'],
  ])('is refused %s, although it matches its checksum', (_, byte, word, reason) => {
    expect(() => decodeCheckpoint(resealed(byte, word))).toThrow(UnusableCheckpoint);
    expect(() => decodeCheckpoint(resealed(byte, word))).toThrow(reason);
  });
});

describe('words of a state', () => {
  it('are read as they were written, numbers up to 2^53 - 1', () => {
    const numbers = [0, 1, 2 ** 31, 2 ** 32, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER];
    const writer = new WordWriter();
    writer.add(-1);
    for (const value of numbers) writer.addNumber(value);
    const reader = new WordReader(writer.words);
    expect(reader.next()).toBe(-1);
    expect(numbers.map(() => reader.nextNumber())).toEqual(numbers);
    expect(reader.left).toBe(0);
    expect(() => reader.next()).toThrow(RangeError);
  });

  it('take memory once, and keep what was written when there has to be more of it', () => {
    const writer = new WordWriter();
    for (let i = 0; i < 5000; i++) writer.add(i);
    const { buffer } = writer.words;
    expect([...writer.words]).toEqual(Array.from({ length: 5000 }, (_, i) => i));
    writer.clear();
    writer.add(7);
    expect([...writer.words]).toEqual([7]);
    expect(writer.words.buffer).toBe(buffer);
  });
});
