/*
 * One producer, one consumer, each on a thread of its own.
 *
 *   word      written by                         read by
 *   HEAD      producer: publishes records        consumer, which may know an older one: it then sees fewer records
 *   TAIL      consumer: gives records back       producer, which may know an older one: it then sees less room
 *   records   producer in [HEAD, TAIL+capacity)  consumer in [TAIL, HEAD)
 *
 * Each word moves by `publish`, and the other side sees it by `observe`; see publish.ts for what that promises.
 *
 * Each side remembers the other's cursor and loads it again only when by what it remembers the ring is full or empty,
 * so that in a running stream the lines of the cursors change cores once in many records, not with each of them.
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

/**
 * A bounded queue of fixed-size records from one thread to one other. Nothing but the waits blocks, and nothing but
 * the waits allocates.
 *
 * Producer and consumer each have an instance of their own (`create` on one thread, `attach` on the other). A role may
 * move to another instance only while nobody uses it, with a claimed or peeked record finished before.
 */
export class SpscRing extends Ring {
  readonly #mask: number;
  /** Producer: TAIL when last loaded. */
  #knownTail: number;
  #claimed = false;
  /** Consumer: HEAD when last loaded. */
  #knownHead: number;
  #peeked = false;

  protected readonly notEmpty: Condition;
  protected readonly notFull: Condition;

  private constructor(buffer: SharedArrayBuffer, geometry: RingGeometry) {
    super(buffer, geometry);
    const { words, capacity } = this;
    this.#mask = capacity - 1;
    this.#knownTail = Atomics.load(words, TAIL);
    this.#knownHead = Atomics.load(words, HEAD);
    this.notEmpty = {
      words,
      sleepers: RECORD_SLEEPERS,
      holds: () => Atomics.load(words, HEAD) !== words[TAIL],
    };
    this.notFull = {
      words,
      sleepers: ROOM_SLEEPERS,
      holds: () => (words[HEAD] - Atomics.load(words, TAIL)) >>> 0 < capacity,
    };
  }

  /**
   * A new, empty ring.
   * @throws RangeError for a capacity that is not a power of two, records without words, or a ring of 2 GiB or more
   */
  static create(options: RingOptions): SpscRing {
    return SpscRing.attach(createRingBuffer(RingKind.Spsc, options));
  }

  /**
   * The ring that lies in `buffer`, for the thread at its other end.
   * @throws TypeError for what is not a SharedArrayBuffer
   * @throws RingError NOT_A_RING where no SPSC ring of this version lies in it
   */
  static attach(buffer: SharedArrayBuffer): SpscRing {
    return new SpscRing(buffer, readGeometry(RingKind.Spsc, buffer));
  }

  /**
   * Producer: copies `recordWords` words of `record`, from index `at`, into the ring and publishes them.
   * @returns false = full, nothing was done
   * @throws RangeError where `record` has too few words
   * @throws RingError CLAIM_OPEN between `claim()` and `commit()`
   */
  push(record: Int32Array, at = 0): boolean {
    if (this.#claimed) throw claimOpen();
    const { recordWords } = this;
    checkRange(record, at, recordWords);
    const { words } = this;
    const head = words[HEAD];
    if (!this.#hasRoom(head)) return false;
    copyWords(record, at, words, this.#recordAt(head), recordWords);
    this.#publishHead(head);
    return true;
  }

  /**
   * Producer: the record to fill next. It is the producer's alone until `commit()`; claimed again, it is the same one.
   * What lies in it is old.
   * @returns its word index in `words`, or -1 = full
   */
  claim(): number {
    const head = this.words[HEAD];
    if (!this.#hasRoom(head)) return -1;
    this.#claimed = true;
    return this.#recordAt(head);
  }

  /**
   * Producer: publishes the claimed record.
   * @throws RingError NOT_CLAIMED without one
   */
  commit(): void {
    if (!this.#claimed) throw new RingError('NOT_CLAIMED', 'commit() without claim()');
    this.#claimed = false;
    this.#publishHead(this.words[HEAD]);
  }

  /**
   * Consumer: copies the oldest record into `into`, from index `at`, and gives its place back.
   * @returns false = empty, nothing was done
   * @throws RangeError where `into` has too few words
   */
  pop(into: Int32Array, at = 0): boolean {
    const { recordWords } = this;
    checkRange(into, at, recordWords);
    const { words } = this;
    const tail = words[TAIL];
    if (!this.#hasRecord(tail)) return false;
    copyWords(words, this.#recordAt(tail), into, at, recordWords);
    this.#peeked = false;
    this.#publishTail(tail);
    return true;
  }

  /**
   * Consumer: the oldest record, to read in place until `release()`.
   * @returns its word index in `words`, or -1 = empty
   */
  peek(): number {
    const tail = this.words[TAIL];
    if (!this.#hasRecord(tail)) return -1;
    this.#peeked = true;
    return this.#recordAt(tail);
  }

  /**
   * Consumer: gives the place of the peeked record back to the producer.
   * @throws RingError NOT_PEEKED without one
   */
  release(): void {
    if (!this.#peeked) throw new RingError('NOT_PEEKED', 'release() without peek()');
    this.#peeked = false;
    this.#publishTail(this.words[TAIL]);
  }

  // Each side reads its own cursor by a plain load: nobody else moves it.

  #hasRoom(head: number): boolean {
    const { words, capacity } = this;
    if ((head - this.#knownTail) >>> 0 < capacity) return true;
    // Pairs with #publishTail: what the consumer has read of the records before TAIL is read.
    this.#knownTail = observe(words, TAIL);
    if ((head - this.#knownTail) >>> 0 < capacity) return true;
    this.#knownTail = Atomics.load(words, TAIL);
    return (head - this.#knownTail) >>> 0 < capacity;
  }

  #hasRecord(tail: number): boolean {
    // By the sign: while another instance has had the consumer's role, TAIL may have passed the HEAD known here.
    if (((this.#knownHead - tail) | 0) > 0) return true;
    // Pairs with #publishHead: the words of the records before HEAD are there.
    this.#knownHead = observe(this.words, HEAD);
    if (this.#knownHead !== tail) return true;
    this.#knownHead = Atomics.load(this.words, HEAD);
    return this.#knownHead !== tail;
  }

  /** After the last store to the record. Pairs with the loads of HEAD in #hasRecord. */
  #publishHead(head: number): void {
    publish(this.words, HEAD, (head + 1) | 0, RECORD_SLEEPERS);
  }

  /** After the last load from the record. Pairs with the loads of TAIL in #hasRoom. */
  #publishTail(tail: number): void {
    publish(this.words, TAIL, (tail + 1) | 0, ROOM_SLEEPERS);
  }

  #recordAt(position: number): number {
    return RECORDS + Math.imul(position & this.#mask, this.stride);
  }
}

function claimOpen(): RingError {
  return new RingError('CLAIM_OPEN', 'push() between claim() and commit()');
}
