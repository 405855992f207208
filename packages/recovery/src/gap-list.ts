import type { Gap } from './recovery-report.js';

type OpenGap = { -readonly [Key in keyof Gap]: Gap[Key] };

/** The gaps of a log in its order. Of the last ones nobody knows yet what comes after them. */
export class GapList {
  readonly #gaps: OpenGap[] = [];
  #open = 0;

  get gaps(): readonly Gap[] {
    return this.#gaps;
  }

  /** Whether no event was found behind the last gap so far. */
  get isOpen(): boolean {
    return this.#open > 0;
  }

  add(gap: Omit<Gap, 'beforeEventId'>): void {
    this.#gaps.push({ ...gap, beforeEventId: 0n });
    this.#open++;
  }

  /** The log goes on with this event. */
  goOn(eventId: bigint): void {
    for (; this.#open > 0; this.#open--) this.#gaps[this.#gaps.length - this.#open].beforeEventId = eventId;
  }
}
