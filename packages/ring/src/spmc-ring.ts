/*
 * One producer, any number of consumers, each on a thread of its own.
 *
 *   word         written by                                   read by
 *   HEAD         producer: publishes records                  consumers, never from memory: see below
 *   TAIL         consumers, by compare-and-swap: whoever      consumers
 *                moves it owns the record it was at
 *   MARK         the consumer that owns the slot's record,    producer
 *   of a slot    when it has read it: position of the next
 *                record that may be written there
 *   records      producer between MARK and HEAD, then the consumer that owns it
 *
 * HEAD and marks move by `publish`; see publish.ts for what that promises. TAIL has several writers: always Atomics.
 *
 * TAIL says which records are taken, not which are read: a producer that went by TAIL would overwrite the record that
 * a slow consumer has taken and is still reading. It goes by the mark of the slot instead, as in Vyukov's bounded
 * queue. So a consumer that sits on its record stops the producer when the ring has gone round to it, and not before.
 *
 * Consumers load HEAD anew with each record. One remembered could be 2^31 records old when its consumer comes back
 * from a long piece of work, and would then, the cursors having wrapped, show records that are not there.
 */

import { checkRange, copyWords } from './copy-words.js';
import { RingError } from './errors.js';
import {
  createRingBuffer,
  type RingGeometry,
  RingKind,
  type RingOptions,
  readGeometry,
  Word,
} from './layout.js';
import { observe, publish } from './publish.js';
import { Ring } from './ring.js';
import type { Condition } from './waiting.js';

// Constants of this module, since V8 folds those; an imported binding it loads again at every use, which makes an
// operation twice as slow.
const HEAD = Word.head;
const TAIL = Word.tail;
const RECORDS = Word.records;
const RECORD_SLEEPERS = Word.recordSleepers;
const ROOM_SLEEPERS = Word.roomSleepers;

const NONE = -1;

/**
 * A bounded queue of fixed-size records from one thread to several, which share the work: each record goes to exactly
 * one of them. Nothing but the waits blocks, and nothing but the waits allocates.
 *
 * Each thread has an instance of its own (`create` on one, `attach` on the others), and each consumer holds at most one
 * record at a time. `size` counts the records that no consumer has taken yet.
 */
export class SpmcRing extends Ring {
  readonly #mask: number;
  #claimed = false;
  /** Consumer: word index of the record that this instance owns, or NONE. */
  #held = NONE;
  /** Consumer: position of that record. */
  #heldPosition = 0;

  protected readonly notEmpty: Condition;
  protected readonly notFull: Condition;

  private constructor(buffer: SharedArrayBuffer, geometry: RingGeometry) {
    super(buffer, geometry);
    const { words } = this;
    this.#mask = this.capacity - 1;
    this.notEmpty = {
      words,
      sleepers: RECORD_SLEEPERS,
      // TAIL first, as in peek().
      holds: () => this.#held !== NONE || Atomics.load(words, TAIL) !== Atomics.load(words, HEAD),
    };
    this.notFull = {
      words,
      sleepers: ROOM_SLEEPERS,
      holds: () => Atomics.load(words, this.#recordAt(words[HEAD]) + this.recordWords) === words[HEAD],
    };
  }

  /**
   * A new, empty ring.
   * @throws RangeError for a capacity that is not a power of two, records without words, or a ring of 2 GiB or more
   */
  static create(options: RingOptions): SpmcRing {
    return SpmcRing.attach(createRingBuffer(RingKind.Spmc, options));
  }

  /**
   * The ring that lies in `buffer`, for another thread.
   * @throws TypeError for what is not a SharedArrayBuffer
   * @throws RingError NOT_A_RING where no SPMC ring of this version lies in it
   */
  static attach(buffer: SharedArrayBuffer): SpmcRing {
    return new SpmcRing(buffer, readGeometry(RingKind.Spmc, buffer));
  }

  /**
   * Producer: copies `recordWords` words of `record`, from index `at`, into the ring and publishes them.
   * @returns false = full, nothing was done
   * @throws RangeError where `record` has too few words
   * @throws RingError CLAIM_OPEN between `claim()` and `commit()`
   */
  push(record: Int32Array, at = 0): boolean {
    if (this.#claimed) throw new RingError('CLAIM_OPEN', 'push() between claim() and commit()');
    const { recordWords } = this;
    checkRange(record, at, recordWords);
    const to = this.claim();
    if (to < 0) return false;
    copyWords(record, at, this.words, to, recordWords);
    this.commit();
    return true;
  }

  /**
   * Producer: the record to fill next. It is the producer's alone until `commit()`; claimed again, it is the same one.
   * What lies in it is old.
   * @returns its word index in `words`, or -1 = full: the oldest record has not been taken, or is still being read
   */
  claim(): number {
    const { words } = this;
    // The producer's own word: nobody else moves it, so that a plain load is enough.
    const head = words[HEAD];
    const record = this.#recordAt(head);
    const mark = record + this.recordWords;
    // Pairs with the publication in release(): what its consumer has read of the record is read.
    if (observe(words, mark) !== head && Atomics.load(words, mark) !== head) return -1;
    this.#claimed = true;
    return record;
  }

  /**
   * Producer: publishes the claimed record.
   * @throws RingError NOT_CLAIMED without one
   */
  commit(): void {
    if (!this.#claimed) throw new RingError('NOT_CLAIMED', 'commit() without claim()');
    this.#claimed = false;
    // Pairs with the load of HEAD in peek(): the words of the record are there.
    publish(this.words, HEAD, (this.words[HEAD] + 1) | 0, RECORD_SLEEPERS);
  }

  /**
   * Consumer: takes the oldest record (the one held, if there is one), copies it into `into`, from index `at`, and gives
   * its place back.
   * @returns false = empty, nothing was done
   * @throws RangeError where `into` has too few words
   */
  pop(into: Int32Array, at = 0): boolean {
    const { recordWords } = this;
    checkRange(into, at, recordWords);
    const from = this.peek();
    if (from < 0) return false;
    copyWords(this.words, from, into, at, recordWords);
    this.release();
    return true;
  }

  /**
   * Consumer: takes the oldest record, to read it in place. It is this instance's alone until `release()`; peeked again,
   * it is the same one.
   * @returns its word index in `words`, or -1 = empty
   */
  peek(): number {
    if (this.#held !== NONE) return this.#held;
    const { words } = this;
    for (;;) {
      // TAIL before HEAD, or HEAD could be the older of the two and the ring look empty or more than full.
      const tail = Atomics.load(words, TAIL);
      // Pairs with the publication in commit(): the words of all records before HEAD are there.
      const head = Atomics.load(words, HEAD);
      if (head === tail) return -1;
      // Whoever moves TAIL owns the record. Whom it fails was overtaken, so that somebody gets on.
      if (Atomics.compareExchange(words, TAIL, tail, (tail + 1) | 0) === tail) {
        this.#heldPosition = tail;
        this.#held = this.#recordAt(tail);
        return this.#held;
      }
    }
  }

  /**
   * Consumer: gives the place of the peeked record back to the producer.
   * @throws RingError NOT_PEEKED without one
   */
  release(): void {
    const held = this.#held;
    if (held === NONE) throw new RingError('NOT_PEEKED', 'release() without peek()');
    this.#held = NONE;
    // After the last read of the record; pairs with the loads of the mark in claim().
    publish(this.words, held + this.recordWords, (this.#heldPosition + this.capacity) | 0, ROOM_SLEEPERS);
  }

  #recordAt(position: number): number {
    return RECORDS + Math.imul(position & this.#mask, this.stride);
  }
}
