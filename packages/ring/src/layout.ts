/*
 * Where everything lies in the memory of a ring, in 32-bit words.
 *
 *   0             32            64            96            128
 *   +-------------+-------------+-------------+-------------+----------+----------+-----
 *   | geometry,   | HEAD        | TAIL        | SLEEPERS    | record 0 | record 1 | ...
 *   | constant    |             |             | (two words) |          |          |
 *   +-------------+-------------+-------------+-------------+----------+----------+-----
 *
 *   SpscRing   record = recordWords words, without gaps
 *   SpmcRing   slot   = record | MARK | padding up to whole cache lines
 *
 * HEAD is the number of the next record to write, TAIL that of the next to read. They count up, wrap at 2^32, and are
 * only ever compared by their difference.
 *
 * Words of different writers are LINE_WORDS apart. That is two cache lines, for two reasons: a SharedArrayBuffer need
 * not start at a line's edge, and processors fetch lines in pairs.
 */

import { RingError } from './errors.js';

const WORD_BYTES = 4;
const CACHE_LINE_WORDS = 16;
const LINE_WORDS = 2 * CACHE_LINE_WORDS;

const MAGIC = 0x474e_5253; // "SRNG"
const VERSION = 1;

const GeometryWord = { magic: 0, version: 1, kind: 2, capacity: 3, recordWords: 4 } as const;

/** Word indices of what moves. */
export const Word = {
  /** The producer's cursor. */
  head: LINE_WORDS,
  /** The consumers' cursor. */
  tail: 2 * LINE_WORDS,
  /** Whether somebody sleeps until there is a record. Both SLEEPERS words are written rarely; see waiting.ts. */
  recordSleepers: 3 * LINE_WORDS,
  /** Whether the producer sleeps until there is room. */
  roomSleepers: 3 * LINE_WORDS + 1,
  /** The first record. */
  records: 4 * LINE_WORDS,
} as const;

/** Word indices are int32, and so are byte offsets. */
const MAX_BYTES = 2 ** 31 - 1;

export const RingKind = { Spsc: 1, Spmc: 2 } as const;
export type RingKind = (typeof RingKind)[keyof typeof RingKind];

export interface RingOptions {
  /** Records that the ring holds: a power of two. */
  capacity: number;
  /** 32-bit words of a record, at least 1. */
  recordWords: number;
}

export interface RingGeometry extends RingOptions {
  /** Words from a record to the next. */
  stride: number;
  bytes: number;
}

/**
 * Allocates the memory of a ring: header written, no record inside.
 * @param firstPosition number of the first record; tests start close to where the cursors wrap
 * @throws RangeError for a capacity that is not a power of two, records without words, or a ring of 2 GiB or more
 */
export function createRingBuffer(kind: RingKind, options: RingOptions, firstPosition = 0): SharedArrayBuffer {
  const { capacity, recordWords, stride, bytes } = geometryOf(kind, options);
  const buffer = new SharedArrayBuffer(bytes);
  const words = new Int32Array(buffer);
  words[GeometryWord.version] = VERSION;
  words[GeometryWord.kind] = kind;
  words[GeometryWord.capacity] = capacity;
  words[GeometryWord.recordWords] = recordWords;
  words[Word.head] = firstPosition;
  words[Word.tail] = firstPosition;
  if (kind === RingKind.Spmc) {
    for (let i = 0; i < capacity; i++) {
      const position = (firstPosition + i) | 0;
      words[Word.records + (position & (capacity - 1)) * stride + recordWords] = position;
    }
  }
  // Publishes the header: last, and pairs with the load in readGeometry.
  Atomics.store(words, GeometryWord.magic, MAGIC);
  return buffer;
}

/**
 * Reads the geometry of a ring that another thread has created.
 * @throws TypeError for what is not a SharedArrayBuffer
 * @throws RingError NOT_A_RING where the header is not that of a ring of this kind and size
 */
export function readGeometry(kind: RingKind, buffer: SharedArrayBuffer): RingGeometry {
  if (!(buffer instanceof SharedArrayBuffer)) throw new TypeError('a ring lies in a SharedArrayBuffer');
  if (buffer.byteLength < Word.records * WORD_BYTES || buffer.byteLength % WORD_BYTES !== 0) {
    throw notARing(`${buffer.byteLength} bytes are not the size of a ring`);
  }
  const words = new Int32Array(buffer);
  if (Atomics.load(words, GeometryWord.magic) !== MAGIC) throw notARing('the buffer holds no ring');
  const version = words[GeometryWord.version];
  if (version !== VERSION)
    throw notARing(`the ring is of version ${version}, this code of version ${VERSION}`);
  const foundKind = words[GeometryWord.kind];
  if (foundKind !== kind) throw notARing(`the ring is of kind ${foundKind}, not ${kind} (1 SPSC, 2 SPMC)`);
  const capacity = words[GeometryWord.capacity];
  const recordWords = words[GeometryWord.recordWords];
  if (!isCapacity(capacity) || !isRecordWords(recordWords)) {
    throw notARing(`no ring has a capacity of ${capacity} records of ${recordWords} words`);
  }
  const stride = strideOf(kind, recordWords);
  const bytes = bytesOf(capacity, stride);
  if (bytes !== buffer.byteLength) {
    throw notARing(`the ring has ${bytes} bytes by its header, its buffer ${buffer.byteLength}`);
  }
  return { capacity, recordWords, stride, bytes };
}

function geometryOf(kind: RingKind, { capacity, recordWords }: RingOptions): RingGeometry {
  if (!isCapacity(capacity)) throw new RangeError(`a ring's capacity is a power of two, not ${capacity}`);
  if (!isRecordWords(recordWords)) throw new RangeError(`a record has 1 word or more, not ${recordWords}`);
  const stride = strideOf(kind, recordWords);
  const bytes = bytesOf(capacity, stride);
  if (bytes > MAX_BYTES) throw new RangeError(`a ring has less than 2 GiB, not ${bytes} bytes`);
  return { capacity, recordWords, stride, bytes };
}

function isCapacity(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 2 ** 30 && (value & (value - 1)) === 0;
}

function isRecordWords(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= MAX_BYTES / WORD_BYTES;
}

function strideOf(kind: RingKind, recordWords: number): number {
  if (kind === RingKind.Spsc) return recordWords;
  // Neighbouring slots belong to different threads: whole lines, so that they do not slow each other down.
  return Math.ceil((recordWords + 1) / CACHE_LINE_WORDS) * CACHE_LINE_WORDS;
}

function bytesOf(capacity: number, stride: number): number {
  return (Word.records + capacity * stride) * WORD_BYTES;
}

function notARing(message: string): RingError {
  return new RingError('NOT_A_RING', message);
}
