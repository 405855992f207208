/** What file systems allocate by, as a rule. */
const UNIT_BYTES = 4096;

/** The room on the disk that a repair takes, at most at a time. It does not depend on the order of what it writes. */
export class RepairRoom {
  #kept = 0;
  /** The metadata file is written last, and is never larger. */
  #passing = UNIT_BYTES;

  /** Bytes. */
  get bytes(): number {
    return this.#kept + this.#passing;
  }

  /** A file that is written and stays, beside all that was there. */
  keep(bytes: number): void {
    this.#kept += allocated(bytes);
  }

  /** A file that is written beside one whose place it then takes. */
  pass(bytes: number): void {
    this.#passing = Math.max(this.#passing, allocated(bytes));
  }
}

function allocated(bytes: number): number {
  return Math.ceil(bytes / UNIT_BYTES) * UNIT_BYTES;
}
