import { type RingGeometry, Word } from './layout.js';
import { type Condition, waitUntil, waitUntilAsync } from './waiting.js';

/** What both rings have in common: the memory, its geometry, and waiting. */
export abstract class Ring {
  /** The memory of the ring, to hand over to another thread, which attaches to it. */
  readonly buffer: SharedArrayBuffer;
  /** Records that the ring holds. */
  readonly capacity: number;
  /** 32-bit words of a record. */
  readonly recordWords: number;
  /** The memory as words. Records lie in it, at the word index that `claim()` and `peek()` return. */
  readonly words: Int32Array;
  /** Words from a record to the next. */
  protected readonly stride: number;

  protected abstract readonly notEmpty: Condition;
  protected abstract readonly notFull: Condition;

  protected constructor(buffer: SharedArrayBuffer, geometry: RingGeometry) {
    this.buffer = buffer;
    this.capacity = geometry.capacity;
    this.recordWords = geometry.recordWords;
    this.stride = geometry.stride;
    this.words = new Int32Array(buffer);
  }

  /** Records published and not yet taken, 0 to `capacity`. A snapshot: stale as soon as it is there. */
  get size(): number {
    // TAIL first: loaded the other way round, it could be ahead of HEAD.
    const tail = Atomics.load(this.words, Word.tail);
    const head = Atomics.load(this.words, Word.head);
    return Math.min((head - tail) >>> 0, this.capacity);
  }

  /**
   * For the consumer: blocks this thread until there is a record.
   * @param timeoutMs milliseconds, Infinity allowed
   * @returns true = there is something (with several consumers, another may be faster still); false = the time is up
   */
  waitNotEmpty(timeoutMs: number): boolean {
    return waitUntil(this.notEmpty, timeoutMs);
  }

  /**
   * For the producer: blocks this thread until there is room for a record.
   * @param timeoutMs milliseconds, Infinity allowed
   * @returns true = there is room; false = the time is up
   */
  waitNotFull(timeoutMs: number): boolean {
    return waitUntil(this.notFull, timeoutMs);
  }

  /** `waitNotEmpty` without blocking the thread. Keeps the process alive until it resolves. */
  waitNotEmptyAsync(timeoutMs: number): Promise<boolean> {
    return waitUntilAsync(this.notEmpty, timeoutMs);
  }

  /** `waitNotFull` without blocking the thread. Keeps the process alive until it resolves. */
  waitNotFullAsync(timeoutMs: number): Promise<boolean> {
    return waitUntilAsync(this.notFull, timeoutMs);
  }
}
