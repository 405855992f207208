import { EVENT_WORDS, type RequestEvent } from '@fswal/format';
import { RecoveryManager } from '@fswal/recovery';
import type { StateHash } from '../engine/state-hash.js';
import type { EventSource } from '../log/replay.js';
import type { FollowedMark } from './followed-mark.js';

/** Events between two confirmations while there are more to take. */
const CONFIRM_EVENTS = 1024;

/** Adds the whole event to a hash over a log. */
export function addEvent(hash: StateHash, { words, base }: RequestEvent): void {
  for (let i = 0; i < EVENT_WORDS; i++) hash.add(words[base + i]);
}

/**
 * Takes the events of a log in their order and keeps a hash over all of them, from the last one that was confirmed on.
 */
export class Follower {
  readonly #mark: Pick<FollowedMark, 'read' | 'confirm'>;
  readonly #hash: StateHash;
  #eventId: number;

  /** @param mark where an earlier follower of the same log has come to, and where to say how far this one has */
  constructor(mark: Pick<FollowedMark, 'read' | 'confirm'>) {
    const { eventId, hash } = mark.read();
    this.#mark = mark;
    this.#eventId = eventId;
    this.#hash = hash;
  }

  /** Follows the log in `dir` until something is wrong: never resolves. @throws WalError, Error */
  async follow(dir: string): Promise<never> {
    const recovery = await RecoveryManager.open({ dir, follow: true, fromEventId: this.#eventId + 1 });
    for (;;) {
      await recovery.waitForNext();
      this.take(recovery);
    }
  }

  /** Takes what there is, and confirms it. @throws Error for an event that is not the next one; what `source` throws */
  take(source: EventSource): void {
    const { event } = source;
    while (source.next()) {
      if (event.eventIdBig !== BigInt(this.#eventId + 1)) {
        throw new Error(`event ${event.eventIdBig} came after event ${this.#eventId}`);
      }
      addEvent(this.#hash, event);
      this.#eventId++;
      if (this.#eventId % CONFIRM_EVENTS === 0) this.#confirm();
    }
    this.#confirm();
  }

  #confirm(): void {
    this.#mark.confirm({ eventId: this.#eventId, hash: this.#hash });
  }
}
