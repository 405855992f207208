import {
  BLOCK_EVENTS,
  BLOCK_WORDS,
  EVENT_WORDS,
  encodeTailRingHeader,
  eventOffset,
  idAt,
  type SegmentsEnd,
  type TailRingContent,
  tailRingBytes,
  tailRingEventWord,
  WORD_BYTES,
} from '../../src/index.js';
import { writeEvent } from './build-segment.js';

/** One life of a recorder, as far as the tail ring sees it: an appender, and a writer that follows it. */
export class RingModel {
  readonly image: Uint8Array;
  readonly words: Int32Array;
  readonly tailBlocks: number;
  readonly afterEventId: bigint;
  readonly salt: number;
  /** Every event appended, by its 16 words. */
  readonly appended: Int32Array[] = [];
  /** How many of them are in the segments. */
  written = 0;
  lastId: bigint;

  constructor(options: {
    tailBlocks: number;
    afterEventId: bigint;
    bootId: string;
    salt?: number;
    over?: Uint8Array;
  }) {
    const { tailBlocks, afterEventId, bootId, salt = 0, over } = options;
    this.image = over?.slice() ?? new Uint8Array(tailRingBytes(tailBlocks));
    this.words = new Int32Array(this.image.buffer);
    this.tailBlocks = tailBlocks;
    this.afterEventId = afterEventId;
    this.lastId = afterEventId;
    this.salt = salt;
    encodeTailRingHeader({ tailBlocks, afterEventId, link: 0n, bootId }, this.image);
  }

  #wordOf(index: number): number {
    const block = Math.floor(index / BLOCK_EVENTS);
    return tailRingEventWord(block % this.tailBlocks, index % BLOCK_EVENTS);
  }

  /** The slot of the last block that is wholly written is kept: the ring must connect to the segments there. */
  get #released(): number {
    return Math.max(0, Math.floor(this.written / BLOCK_EVENTS) - 1);
  }

  get full(): boolean {
    return Math.floor(this.appended.length / BLOCK_EVENTS) - this.#released >= this.tailBlocks;
  }

  append(step = 1n): void {
    if (this.full) throw new Error('the ring is full');
    this.lastId += step;
    const at = this.#wordOf(this.appended.length);
    writeEvent(this.words, at, this.lastId, this.salt);
    this.appended.push(this.words.slice(at, at + EVENT_WORDS));
  }

  /** The first `stores` of the 17 stores of an append: low word 0, high word, the rest; the low word would be last. */
  beginAppend(stores: number, step = 1n): void {
    if (this.full) return;
    const event = new Int32Array(EVENT_WORDS);
    writeEvent(event, 0, this.lastId + step, this.salt);
    const at = this.#wordOf(this.appended.length);
    if (stores > 0) this.words[at] = 0;
    for (let word = 1; word < EVENT_WORDS && word < stores; word++) this.words[at + word] = event[word];
  }

  /** The writer writes `count` more events. */
  write(count: number): void {
    this.written = Math.min(this.appended.length, this.written + count);
  }

  /** The end of segments that hold the first `count` events of this life; `before` stands for an earlier life's end. */
  end(count = this.written): SegmentsEnd {
    const words = new Int32Array(BLOCK_WORDS);
    const inBlock = count === 0 ? 0 : ((count - 1) % BLOCK_EVENTS) + 1;
    for (let i = 0; i < inBlock; i++)
      words.set(this.appended[count - inBlock + i], eventOffset(i) / WORD_BYTES);
    const lastEventWord = eventOffset(Math.max(0, inBlock - 1)) / WORD_BYTES;
    const lastEventId = count === 0 ? this.afterEventId : idAt(words, lastEventWord);
    return { lastEventId, words, lastEventWord, eventsInBlock: Math.max(0, inBlock - 1) };
  }
}

/** Why what a ring gave is not the first `content.events` events behind the `from`-th of the model, or undefined. */
export function differs(
  image: Uint8Array,
  content: TailRingContent,
  model: RingModel,
  from: number,
): string | undefined {
  const words = new Int32Array(image.buffer, image.byteOffset);
  let nth = from;
  for (const { wordIndex, count } of content.runs) {
    if (count === 0) return 'a run without events';
    for (let i = 0; i < count; i++, nth++) {
      const expected = model.appended[nth];
      if (expected === undefined) return `invented event ${idAt(words, wordIndex + i * EVENT_WORDS)}`;
      for (let word = 0; word < EVENT_WORDS; word++) {
        if (words[wordIndex + i * EVENT_WORDS + word] !== expected[word]) {
          return `event ${idAt(words, wordIndex + i * EVENT_WORDS)} instead of ${idAt(expected, 0)}`;
        }
      }
    }
  }
  if (nth - from !== content.events) return `${content.events} events announced, ${nth - from} in the runs`;
  const last = content.events === 0 ? 0n : idAt(model.appended[nth - 1], 0);
  return content.lastEventId === last ? undefined : `last id ${content.lastEventId} instead of ${last}`;
}
