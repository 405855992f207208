import { SpmcRing, SpscRing } from '@fswal/ring';
import { RingBuffer } from 'ringbuf.js';
import type { Patience } from './patience.js';

/** A record: 16 words, 64 bytes. */
const RECORD_WORDS = 16;
const RECORD_BYTES = 4 * RECORD_WORDS;
/** Sum of the words of a record filled in place, but for its number. */
const OTHER_WORDS_SUM = (RECORD_WORDS * (RECORD_WORDS - 1)) / 2;

/**
 * One way to move records. Made of plain functions over a buffer, so that either end can be in any thread.
 *
 * Ways that copy are given a record of 16 words that is ready but for its number; ways that do not, fill and read the
 * 16 words where they lie. So each is charged for bringing 64 bytes over once, and for nothing else. All wait alike, by
 * trying again (see Patience): ringbuf.js has no waits of its own, and ours would compare waits instead of rings.
 */
export interface RingStream {
  name: string;
  create(capacity: number): SharedArrayBuffer;
  /** Writes records `from` to `to - 1`; waits while the ring is full. */
  producer(buffer: SharedArrayBuffer, patience: Patience): (from: number, to: number) => void;
  /** Reads `count` records; waits while the ring is empty. Returns the sum of their numbers, int32. */
  consumer(buffer: SharedArrayBuffer, patience: Patience): (count: number) => number;
}

/**
 * ringbuf.js moves elements, not records. Its capacity is a whole number of records here, so that a record goes in and
 * comes out whole or not at all, and a user need not ask for room first.
 */
function ringbufStream(Type: Uint8ArrayConstructor | Uint32ArrayConstructor): RingStream {
  const length = RECORD_BYTES / Type.BYTES_PER_ELEMENT;
  return {
    name: `ringbuf.js ${Type.name}`,
    create: (capacity) => RingBuffer.getStorageForCapacity(capacity * length, Type),
    producer: (buffer, patience) => {
      const ring = new RingBuffer(buffer, Type);
      const words = new Int32Array(RECORD_WORDS);
      const elements = new Type(words.buffer);
      return (from, to) => {
        for (let value = from; value < to; value++) {
          words[0] = value;
          for (let tries = 1; ring.push(elements) !== length; tries++) patience.failed(tries);
        }
      };
    },
    consumer: (buffer, patience) => {
      const ring = new RingBuffer(buffer, Type);
      const words = new Int32Array(RECORD_WORDS);
      const elements = new Type(words.buffer);
      return (count) => {
        let total = 0;
        for (let i = 0; i < count; i++) {
          for (let tries = 1; ring.pop(elements) !== length; tries++) patience.failed(tries);
          total = (total + words[0]) | 0;
        }
        return total;
      };
    },
  };
}

function copyStream(Ring: typeof SpscRing | typeof SpmcRing): RingStream {
  return {
    name: `${Ring.name} push/pop`,
    create: (capacity) => Ring.create({ capacity, recordWords: RECORD_WORDS }).buffer,
    producer: (buffer, patience) => {
      const ring = Ring.attach(buffer);
      const words = new Int32Array(RECORD_WORDS);
      return (from, to) => {
        for (let value = from; value < to; value++) {
          words[0] = value;
          for (let tries = 1; !ring.push(words); tries++) patience.failed(tries);
        }
      };
    },
    consumer: (buffer, patience) => {
      const ring = Ring.attach(buffer);
      const words = new Int32Array(RECORD_WORDS);
      return (count) => {
        let total = 0;
        for (let i = 0; i < count; i++) {
          for (let tries = 1; !ring.pop(words); tries++) patience.failed(tries);
          total = (total + words[0]) | 0;
        }
        return total;
      };
    },
  };
}

function inPlaceStream(Ring: typeof SpscRing | typeof SpmcRing): RingStream {
  return {
    name: `${Ring.name} claim/commit, peek/release`,
    create: (capacity) => Ring.create({ capacity, recordWords: RECORD_WORDS }).buffer,
    producer: (buffer, patience) => {
      const ring = Ring.attach(buffer);
      const { words } = ring;
      return (from, to) => {
        for (let value = from; value < to; value++) {
          let at = ring.claim();
          for (let tries = 1; at < 0; tries++) {
            patience.failed(tries);
            at = ring.claim();
          }
          words[at] = value;
          for (let i = 1; i < RECORD_WORDS; i++) words[at + i] = i;
          ring.commit();
        }
      };
    },
    consumer: (buffer, patience) => {
      const ring = Ring.attach(buffer);
      const { words } = ring;
      return (count) => {
        let total = 0;
        let others = 0;
        for (let i = 0; i < count; i++) {
          let at = ring.peek();
          for (let tries = 1; at < 0; tries++) {
            patience.failed(tries);
            at = ring.peek();
          }
          total = (total + words[at]) | 0;
          for (let i = 1; i < RECORD_WORDS; i++) others = (others + words[at + i]) | 0;
          ring.release();
        }
        if (others !== Math.imul(count, OTHER_WORDS_SUM)) throw new Error('a record is torn');
        return total;
      };
    },
  };
}

export const RIVAL_STREAMS = [ringbufStream(Uint8Array), ringbufStream(Uint32Array)];
export const SPSC_STREAMS = [copyStream(SpscRing), inPlaceStream(SpscRing)];
export const SPMC_STREAMS = [copyStream(SpmcRing), inPlaceStream(SpmcRing)];
export const RING_STREAMS: readonly RingStream[] = [...RIVAL_STREAMS, ...SPSC_STREAMS, ...SPMC_STREAMS];
