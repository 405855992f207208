/** The states of a segment, in their order; a short life leaves some out. */
export const SEGMENT_STATES = ['prepared', 'active', 'sealed', 'persisted', 'compressed', 'deleted'] as const;
export type SegmentState = (typeof SEGMENT_STATES)[number];

/** A segment, and the second at which it came into each of its states. */
export type SegmentLife = { readonly segmentIndex: number } & { readonly [State in SegmentState]?: number };

export interface SegmentChange {
  readonly segmentIndex: number;
  readonly state: SegmentState;
  readonly second: number;
}

/** More lives than these cannot be told apart on a screen. */
const MOST_LIVES = 1024;

/** The lives of a log's segments. Of a log that has had too many, every second, fourth, eighth ... one is kept. */
export class SegmentLives {
  readonly #lives = new Map<number, SegmentLife>();
  #stride = 1;

  static from(lives: readonly SegmentLife[], stride: number): SegmentLives {
    const all = new SegmentLives();
    all.#stride = stride;
    for (const life of lives) all.#lives.set(life.segmentIndex, life);
    return all;
  }

  /** Of so many segments one is kept. */
  get stride(): number {
    return this.#stride;
  }

  take({ segmentIndex, state, second }: SegmentChange): void {
    if (segmentIndex % this.#stride !== 0) return;
    const known = this.#lives.get(segmentIndex);
    if (state === 'deleted' && (known === undefined || known.deleted !== undefined)) return;
    // One that was made ahead and not needed goes, and its index is used again.
    const life = known === undefined || known.deleted !== undefined ? { segmentIndex } : known;
    if (life[state] !== undefined) return;
    this.#lives.set(segmentIndex, { ...life, [state]: second });
    if (this.#lives.size > MOST_LIVES) this.#thin();
  }

  /** In the order of their indexes. */
  list(): readonly SegmentLife[] {
    return [...this.#lives.values()].sort((a, b) => a.segmentIndex - b.segmentIndex);
  }

  #thin(): void {
    this.#stride *= 2;
    for (const segmentIndex of this.#lives.keys()) {
      if (segmentIndex % this.#stride !== 0) this.#lives.delete(segmentIndex);
    }
  }
}
