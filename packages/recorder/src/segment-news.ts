import type { RecorderSegmentState } from './recorder-channels.js';

/** What a thread tells of a segment. */
export interface SegmentNews {
  /** Counts what all threads tell: one that hears of something and tells what comes of it has a higher number. */
  readonly order: number;
  readonly segmentIndex: number;
  readonly state: RecorderSegmentState;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export type AnnounceSegment = (segmentIndex: number, state: RecorderSegmentState) => void;

/** Where nobody wants to hear of it. */
export const announceNothing: AnnounceSegment = () => {};

/**
 * Tells of the segments that one thread works on. To be called before the segment is handed on, or the next one to have it
 * would seem to be earlier. What is tried again is told once.
 * @param orders the counter, of all threads
 */
export function announceSegments(
  orders: SharedArrayBuffer,
  tell: (news: SegmentNews) => void,
): AnnounceSegment {
  const counter = new Int32Array(orders);
  let last: Pick<SegmentNews, 'segmentIndex' | 'state'> | undefined;
  return (segmentIndex, state) => {
    if (last?.segmentIndex === segmentIndex && last.state === state) return;
    last = { segmentIndex, state };
    tell({ order: Atomics.add(counter, 0, 1), segmentIndex, state, at: Date.now() });
  };
}

/** Brings what several threads tell, which arrives as it likes, into its order. */
export class OrderedNews {
  readonly orders = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  readonly #take: (news: SegmentNews) => void;
  readonly #early = new Map<number, SegmentNews>();
  #next = 0;
  #isOpen = false;

  constructor(take: (news: SegmentNews) => void) {
    this.#take = take;
  }

  /** Until then, what comes is kept. */
  open(): void {
    this.#isOpen = true;
    this.#passOn();
  }

  add(news: SegmentNews): void {
    this.#early.set(news.order, news);
    this.#passOn();
  }

  /** All threads have ended. What one of them did not come to tell is not waited for. */
  end(): void {
    for (const order of [...this.#early.keys()].sort((a, b) => a - b)) {
      this.#next = order;
      this.#passOn();
    }
  }

  #passOn(): void {
    if (!this.#isOpen) return;
    for (;;) {
      const news = this.#early.get(this.#next);
      if (news === undefined) return;
      this.#early.delete(this.#next++);
      this.#take(news);
    }
  }
}
