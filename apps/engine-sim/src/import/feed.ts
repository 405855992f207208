/** Market data of some format, read piece by piece. Whatever the bytes are, only faults come of it. */
export interface Feed {
  /** Messages so far, malformed ones included. */
  readonly messages: number;
  /** Messages that make no request, by kind. */
  readonly skipped: Readonly<Record<string, number>>;
  /** The next bytes, cut anywhere. @throws MalformedInputError where a fault is to end the import */
  push(bytes: Buffer): void;
  /** There are no more. @throws as `push` does */
  end(): void;
}

/** Counts by name, from the first of each on. */
export class Tally {
  readonly counts: Record<string, number> = {};

  add(name: string): void {
    this.counts[name] = (this.counts[name] ?? 0) + 1;
  }
}
