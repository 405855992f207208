/*
 * The segments that are between creation and persistence, in shared memory: the state of each, and the descriptors
 * that are open for it, so that a recorder whose worker died can still close them.
 *
 *   prepared --writer--> active --writer--> persisting --maintainer--> persisted
 *
 * What comes after that (compressed, freed, recycled) has no descriptors open, and is on the maintenance board.
 *
 * Role contract. An entry belongs to the role that owns the segment in its state; the store of the state hands it on.
 * Everybody may read. An entry is reused for the segment `ENTRIES` later.
 */
export const SegmentState = { none: 0, prepared: 1, active: 2, persisting: 3, persisted: 4 } as const;
export type SegmentState = (typeof SegmentState)[keyof typeof SegmentState];

/** More than can be prepared, active, in the rings of maintainers and coordinator, or full and not on the device. */
const ENTRIES = 512;
const ENTRY_WORDS = 4;
const Entry = { segmentIndex: 0, state: 1, fd: 2, syncFd: 3 } as const;
const CLOSED = -1;

export class OpenSegments {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer(ENTRIES * ENTRY_WORDS * 4);
    this.#words = new Int32Array(this.buffer);
    if (buffer === undefined) this.#words.fill(CLOSED);
  }

  add(segmentIndex: number, state: SegmentState, fd: number, syncFd: number): void {
    const at = entryOf(segmentIndex);
    this.#words[at + Entry.segmentIndex] = segmentIndex;
    Atomics.store(this.#words, at + Entry.fd, fd);
    Atomics.store(this.#words, at + Entry.syncFd, syncFd);
    Atomics.store(this.#words, at + Entry.state, state);
  }

  setState(segmentIndex: number, state: SegmentState): void {
    Atomics.store(this.#words, entryOf(segmentIndex) + Entry.state, state);
  }

  isPersisted(segmentIndex: number): boolean {
    const at = entryOf(segmentIndex);
    return (
      Atomics.load(this.#words, at + Entry.state) === SegmentState.persisted &&
      Atomics.load(this.#words, at + Entry.segmentIndex) === segmentIndex
    );
  }

  /** To be called before the descriptor is closed. */
  forgetFd(segmentIndex: number): void {
    Atomics.store(this.#words, entryOf(segmentIndex) + Entry.fd, CLOSED);
  }

  /** To be called before the descriptor is closed. */
  forgetSyncFd(segmentIndex: number): void {
    Atomics.store(this.#words, entryOf(segmentIndex) + Entry.syncFd, CLOSED);
  }

  /** Every descriptor that is still open. Only when no worker runs any more. */
  *descriptors(): Generator<number> {
    for (let at = 0; at < this.#words.length; at += ENTRY_WORDS) {
      for (const word of [Entry.fd, Entry.syncFd]) {
        const fd = Atomics.exchange(this.#words, at + word, CLOSED);
        if (fd !== CLOSED) yield fd;
      }
    }
  }
}

function entryOf(segmentIndex: number): number {
  return (segmentIndex % ENTRIES) * ENTRY_WORDS;
}
