import type { RequestEvent } from '@fswal/format';
import { WordWriter } from '../engine/state-words.js';
import type { Venue } from '../engine/venue.js';
import { encodeCheckpoint } from './checkpoint.js';
import type { CheckpointStore } from './checkpoint-store.js';

/** How often a checkpoint is taken: after so many events, or after so many seconds. */
export type CheckpointPace = { readonly events: number } | { readonly seconds: number };

export interface CheckpointerOptions {
  readonly store: CheckpointStore;
  readonly pace: CheckpointPace;
  /** How many are kept. */
  readonly keep: number;
  /** Resolves when the log is durable up to an event. */
  readonly durable: (eventId: bigint) => Promise<unknown>;
  /** Requests that the venue has seen already. */
  readonly requests: number;
}

/** What has become of a recording's checkpoints. */
export interface CheckpointCounts {
  readonly written: number;
  /** Event id of the last one written, null = none. */
  readonly lastEventId: bigint | null;
  /** How often one could not be written, or an old one not be deleted, and why the last time; null = it always could. */
  readonly failed: number;
  readonly lastFailure: string | null;
  /** The longest time that one kept the engine from its work, in microseconds. */
  readonly longestCopyUs: number;
}

/**
 * Takes checkpoints of a venue at a pace: copies the state at once, in the time that `longestCopyUs` tells, and writes
 * the copy while the engine goes on. One is written at a time; what is due meanwhile is taken as soon as that is over.
 *
 * A checkpoint that cannot be written is counted and not tried again: the log has all that it would have saved, and the
 * next one is as good.
 */
export class Checkpointer {
  readonly #options: CheckpointerOptions;
  /** The copy that is being written. Its memory is used again for the next one. */
  readonly #copy = new WordWriter();
  #writing: Promise<void> | undefined;
  /** Of the last one taken. */
  #requests: number;
  #takenMs = performance.now();
  #written = 0;
  #lastEventId: bigint | null = null;
  #failed = 0;
  #lastFailure: string | null = null;
  #longestCopyUs = 0;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    this.#requests = options.requests;
  }

  /**
   * Takes a checkpoint if it is time for one and none is being written.
   * @param requests that the venue has seen
   * @param lastEvent the last of them
   */
  takeIfDue(venue: Venue, requests: number, lastEvent: RequestEvent): void {
    if (this.#writing !== undefined || !this.#isDue(requests)) return;
    const startMs = performance.now();
    this.#requests = requests;
    this.#takenMs = startMs;
    this.#writing = this.#take(venue, lastEvent).finally(() => {
      this.#writing = undefined;
    });
    this.#longestCopyUs = Math.max(this.#longestCopyUs, Math.ceil(1000 * (performance.now() - startMs)));
  }

  /** Whether one is being written: it comes on each time the calling thread sees to its event loop. */
  get isWriting(): boolean {
    return this.#writing !== undefined;
  }

  /** Resolves when none is being written. Never rejects. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  get counts(): CheckpointCounts {
    return {
      written: this.#written,
      lastEventId: this.#lastEventId,
      failed: this.#failed,
      lastFailure: this.#lastFailure,
      longestCopyUs: this.#longestCopyUs,
    };
  }

  #isDue(requests: number): boolean {
    const { pace } = this.#options;
    const since = requests - this.#requests;
    if ('events' in pace) return since >= pace.events;
    return since > 0 && performance.now() - this.#takenMs >= 1000 * pace.seconds;
  }

  /** What comes before the first `await` is the copy. */
  async #take(venue: Venue, lastEvent: RequestEvent): Promise<void> {
    const { store, keep, durable } = this.#options;
    try {
      const { eventIdBig: eventId } = lastEvent;
      const bytes = encodeCheckpoint(lastEvent, venue, this.#copy);
      await store.write(eventId, bytes, () => durable(eventId));
      this.#written++;
      this.#lastEventId = eventId;
      await store.keepNewest(keep);
    } catch (error) {
      this.#failed++;
      this.#lastFailure = error instanceof Error ? error.message : String(error);
    }
  }
}
