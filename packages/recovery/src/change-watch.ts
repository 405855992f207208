import fs from 'node:fs';

/** How long a watch is believed that nothing has changed. */
const TRUST_MS = 250;
/** How often to look where nobody tells: a new event is to be seen within a millisecond. */
const LOOK_MS = 0.8;
/** So many changes in a row that were found and not heard of make a watch deaf. */
const MOST_MISSED = 3;

/** What else may wake who waits. */
export interface Wakeable {
  waitNotEmpty(timeoutMs: number): boolean;
  waitNotEmptyAsync(timeoutMs: number): Promise<boolean>;
}

/**
 * Waits for changes of the files in a directory. Where the system tells of them (inotify), waiting costs next to nothing
 * and ends within some tens of microseconds. It tells nothing on file systems of the network, or where its limits are
 * reached; that is noticed, and from then on the directory is looked at often.
 */
export class ChangeWatch {
  readonly #watcher: fs.FSWatcher | undefined;
  readonly #other: Wakeable;
  /** Whether something is in `other`; kept while changes come in between. */
  #waiting: Promise<void> | undefined;
  #wake = () => {};
  #isDeaf = false;
  /** Whether the last wait ended with nothing heard. */
  #hasTimedOut = false;
  #missed = 0;

  constructor(dir: string, other: Wakeable) {
    this.#other = other;
    try {
      this.#watcher = fs.watch(dir, { persistent: false }, () => this.#hear());
      this.#watcher.on('error', () => this.#goDeaf());
    } catch {
      // Whatever the reason, there is the other way.
      this.#goDeaf();
    }
  }

  /** Whether changes are found by looking, and not heard of. */
  get isDeaf(): boolean {
    return this.#isDeaf;
  }

  /** Waits until a file may have changed, there is something in `other`, or it is time to look. */
  async wait(): Promise<void> {
    if (this.#isDeaf) {
      this.#other.waitNotEmpty(LOOK_MS);
      return;
    }
    this.#waiting ??= this.#awaitOther();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Something new was found: was it heard of? */
  found(): void {
    if (!this.#hasTimedOut) return;
    this.#hasTimedOut = false;
    if (++this.#missed >= MOST_MISSED) this.#goDeaf();
  }

  close(): void {
    this.#watcher?.close();
  }

  async #awaitOther(): Promise<void> {
    this.#hasTimedOut = !(await this.#other.waitNotEmptyAsync(TRUST_MS));
    this.#waiting = undefined;
    this.#wake();
  }

  #hear(): void {
    this.#missed = 0;
    this.#hasTimedOut = false;
    this.#wake();
  }

  #goDeaf(): void {
    this.#isDeaf = true;
    this.#watcher?.close();
    this.#wake();
  }
}
