import { loadProvider } from '@fswal/mmap';

/*
 * How far a recording process has come, in a small mapped file: what it stored there outlives it, whatever ends it.
 *
 * The child alone writes. The parent reads at any time and sees a past state; once the child is dead it sees the last
 * one. `phase` Recording is stored after the base words, so who sees it sees them. `appended` is stored after the
 * append that it counts has returned: it never counts one that has not, and lags by one at most.
 */
const Word = {
  phase: 0,
  /** Last event id in the log when this process began to append, in two halves. */
  baseLow: 1,
  baseHigh: 2,
  /** Alone on its cache lines: it is stored after each append and polled by another process. */
  appended: 32,
} as const;
const WORDS = 64;
const TWO_32 = 4_294_967_296;

export const Phase = { Opening: 0, Recording: 1, Done: 2 } as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

export class PublishedPosition {
  readonly #words: Int32Array;

  private constructor(buffer: ArrayBuffer) {
    this.#words = new Int32Array(buffer, 0, WORDS);
  }

  /** The parent's side. @throws WalError, also where `path` exists */
  static create(path: string): PublishedPosition {
    return new PublishedPosition(loadProvider().createMapped(path, WORDS * 4).buffer);
  }

  /** The child's side. @throws WalError */
  static open(path: string): PublishedPosition {
    return new PublishedPosition(loadProvider().openMapped(path).buffer);
  }

  /** For a recording that nobody watches. */
  static unwatched(): PublishedPosition {
    return new PublishedPosition(new ArrayBuffer(WORDS * 4));
  }

  get phase(): Phase {
    return Atomics.load(this.#words, Word.phase) as Phase;
  }

  /** Last event id before this process's first. Not before phase Recording. */
  get baseEventId(): number {
    return (this.#words[Word.baseHigh] >>> 0) * TWO_32 + (this.#words[Word.baseLow] >>> 0);
  }

  /** Events of this process whose append had returned; at most 2^31 - 1. */
  get appended(): number {
    return Atomics.load(this.#words, Word.appended);
  }
  set appended(count: number) {
    Atomics.store(this.#words, Word.appended, count | 0);
  }

  begin(baseEventId: number): void {
    this.#words[Word.baseLow] = baseEventId | 0;
    this.#words[Word.baseHigh] = Math.floor(baseEventId / TWO_32);
    Atomics.store(this.#words, Word.phase, Phase.Recording);
  }

  end(): void {
    Atomics.store(this.#words, Word.phase, Phase.Done);
  }

  /** The parent's: before the next child opens it. */
  reset(): void {
    this.#words.fill(0);
  }
}
