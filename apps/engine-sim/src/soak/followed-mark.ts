import { loadProvider } from '@fswal/mmap';
import { StateHash } from '../engine/state-hash.js';
import { WordReader, WordWriter } from '../engine/state-words.js';

/*
 * How far a follower has come, in a small mapped file that outlives it.
 *
 * The follower alone writes, its successor goes on from there, the parent reads at any time and sees a past mark. There
 * are two slots, written in turns: `turn` is stored last and names the slot that is whole, so a follower that is killed
 * while it writes the other one has confirmed nothing by it.
 */
const TURN = 0;
/** Words of a slot, each slot and `turn` on cache lines of their own. */
const SLOT_WORDS = 32;
const Word = { idLow: 0, idHigh: 1, hash: 2 } as const;
const HASH_WORDS = 3;
const WORDS = 3 * SLOT_WORDS;
const TWO_32 = 4_294_967_296;

/** What a follower has confirmed: the last event it has seen, and its hash over all of them up to that one. */
export interface Followed {
  readonly eventId: number;
  readonly hash: StateHash;
}

export class FollowedMark {
  readonly #words: Int32Array;
  readonly #hashWords = new WordWriter();

  private constructor(buffer: ArrayBuffer) {
    this.#words = new Int32Array(buffer, 0, WORDS);
  }

  /** The parent's side, with nothing confirmed. @throws WalError, also where `path` exists */
  static create(path: string): FollowedMark {
    const mark = new FollowedMark(loadProvider().createMapped(path, WORDS * 4).buffer);
    mark.confirm({ eventId: 0, hash: new StateHash() });
    return mark;
  }

  /** The follower's side. @throws WalError */
  static open(path: string): FollowedMark {
    return new FollowedMark(loadProvider().openMapped(path).buffer);
  }

  confirm({ eventId, hash }: Followed): void {
    const words = this.#words;
    const turn = (words[TURN] + 1) | 0;
    const at = slotOf(turn);
    words[at + Word.idLow] = eventId | 0;
    words[at + Word.idHigh] = Math.floor(eventId / TWO_32);
    this.#hashWords.clear();
    hash.writeTo(this.#hashWords);
    words.set(this.#hashWords.words, at + Word.hash);
    // Publishes the slot; read() loads it.
    Atomics.store(words, TURN, turn);
  }

  read(): Followed {
    const words = this.#words;
    for (;;) {
      const turn = Atomics.load(words, TURN);
      const at = slotOf(turn);
      const eventId = (words[at + Word.idHigh] >>> 0) * TWO_32 + (words[at + Word.idLow] >>> 0);
      const hashWords = words.slice(at + Word.hash, at + Word.hash + HASH_WORDS);
      // The slot is written again only after the turn has moved on.
      if (Atomics.load(words, TURN) !== turn) continue;
      const hash = new StateHash();
      hash.readFrom(new WordReader(hashWords));
      return { eventId, hash };
    }
  }
}

function slotOf(turn: number): number {
  return SLOT_WORDS * (1 + (turn & 1));
}
