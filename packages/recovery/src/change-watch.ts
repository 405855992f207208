import fs from 'node:fs';

/** How long a watch is believed that nothing has changed. */
const TRUST_MS = 20;
/** How often to look where nobody tells: half of the time in which a new event is to be seen. */
const LOOK_MS = 0.5;
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
  #isDeaf = false;
  #hasLooked = false;
  #missed = 0;

  /** @param onChange called on the thread's event loop whenever there may be something new */
  constructor(dir: string, onChange: () => void) {
    const heard = () => {
      this.#missed = 0;
      onChange();
    };
    try {
      this.#watcher = fs.watch(dir, { persistent: false }, heard);
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

  /** Waits until there is something in `other`, or it is time to look. Meanwhile `onChange` may be called. */
  async wait(other: Wakeable): Promise<void> {
    if (this.#isDeaf) other.waitNotEmpty(LOOK_MS);
    else this.#hasLooked = !(await other.waitNotEmptyAsync(TRUST_MS));
  }

  /** Something new was found: was it heard of? */
  found(): void {
    if (!this.#hasLooked) return;
    this.#hasLooked = false;
    if (++this.#missed >= MOST_MISSED) this.#goDeaf();
  }

  close(): void {
    this.#watcher?.close();
  }

  #goDeaf(): void {
    this.#isDeaf = true;
    this.#watcher?.close();
  }
}
