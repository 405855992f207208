/*
 * How the coordinator learns what became of its orders to the maintainers, of whom there are several and a ring has one
 * producer. Role contract:
 *
 *   a slot, free          the coordinator's: it marks the slot as ordered and puts its number into the order
 *   ordered               the maintainer's that took the order: it stores the bytes, then the outcome
 *   done, failed          the coordinator's again: it reads the bytes and frees the slot
 *
 * The store of the state hands the slot on, and pairs with the load of the other side.
 */
const SLOTS = 16;
const SLOT_WORDS = 32;
const State = { free: 0, ordered: 1, done: 2, failed: 3 } as const;

/** What became of an order. */
export interface Outcome {
  readonly done: boolean;
  /** Size of the file that was made. */
  readonly bytes: number;
}

export class MaintenanceBoard {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(buffer = new SharedArrayBuffer(SLOTS * SLOT_WORDS * 4)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
  }

  /** Coordinator: takes a free slot. @returns its number, or -1 */
  take(): number {
    for (let slot = 0; slot < SLOTS; slot++) {
      if (Atomics.load(this.#words, slot * SLOT_WORDS) !== State.free) continue;
      Atomics.store(this.#words, slot * SLOT_WORDS, State.ordered);
      return slot;
    }
    return -1;
  }

  /** Coordinator: frees a slot that no order was given for. */
  giveBack(slot: number): void {
    Atomics.store(this.#words, slot * SLOT_WORDS, State.free);
  }

  /** Maintainer: says what became of the order. */
  report(slot: number, { done, bytes }: Outcome): void {
    this.#words[slot * SLOT_WORDS + 1] = bytes;
    Atomics.store(this.#words, slot * SLOT_WORDS, done ? State.done : State.failed);
  }

  /** Coordinator: the outcome, once; the slot is free then. @returns undefined while the order is under way */
  collect(slot: number): Outcome | undefined {
    const state = Atomics.load(this.#words, slot * SLOT_WORDS);
    if (state !== State.done && state !== State.failed) return undefined;
    const bytes = this.#words[slot * SLOT_WORDS + 1];
    Atomics.store(this.#words, slot * SLOT_WORDS, State.free);
    return { done: state === State.done, bytes };
  }
}
