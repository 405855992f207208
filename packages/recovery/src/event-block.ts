/**
 * Events of one block, for consumers that take many at a time: `count` events of `EVENT_WORDS` words each, from index
 * `base` of `words` on. Reused: valid until the next call that moves the replay.
 */
export class EventBlock {
  /** 32-bit words of the memory that the block lies in. Read only. */
  words: Int32Array;
  /** Index in `words` of the first event. */
  base = 0;
  count = 0;

  constructor(words: Int32Array) {
    this.words = words;
  }
}
