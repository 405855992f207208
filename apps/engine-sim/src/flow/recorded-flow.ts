import { EVENT_WORDS, type RequestEvent, RequestEventOffset, WORD_BYTES } from '@fswal/format';
import type { Flow } from './flow.js';
import { CHUNK_REQUESTS, type FlowFileIndex, readFlowChunk, readFlowIndex } from './flow-file.js';

const TIMESTAMP = RequestEventOffset.timestamp / WORD_BYTES;
const TWO_32 = 4_294_967_296;

/**
 * A flow that comes from a file. It has one chunk of the file in memory, and the file open only while it reads one, so
 * there is nothing to close.
 */
export class RecordedFlow implements Flow {
  readonly #file: string;
  readonly #index: FlowFileIndex;
  #chunk = -1;
  #words: Int32Array = new Int32Array(0);
  #count = 0;
  #openingLow = 0;
  #openingHigh = 0;
  #elapsedNs = 0;

  /** @throws FlowFileError */
  constructor(file: string) {
    this.#file = file;
    this.#index = readFlowIndex(file);
    if (this.length === 0) return;
    this.#load(0);
    this.#openingLow = this.#words[TIMESTAMP];
    this.#openingHigh = this.#words[TIMESTAMP + 1];
  }

  get count(): number {
    return this.#count;
  }
  get length(): number {
    return this.#index.requests;
  }
  get elapsedNs(): number {
    return this.#elapsedNs;
  }

  /** @throws FlowFileError where the file is damaged; RangeError at its end */
  next(event: RequestEvent): number {
    if (this.#count >= this.length) throw new RangeError(`${this.#file} ends with request ${this.length}`);
    const chunk = Math.floor(this.#count / CHUNK_REQUESTS);
    if (chunk !== this.#chunk) this.#load(chunk);
    const from = this.#words;
    const at = (this.#count % CHUNK_REQUESTS) * EVENT_WORDS;
    const { words, base } = event;
    for (let i = TIMESTAMP; i < EVENT_WORDS; i++) words[base + i] = from[at + i];
    this.#elapsedNs =
      (from[at + TIMESTAMP + 1] - this.#openingHigh) * TWO_32 +
      ((from[at + TIMESTAMP] >>> 0) - (this.#openingLow >>> 0));
    return ++this.#count;
  }

  /** @throws as `next` does */
  skip(count: number, scratch: RequestEvent): void {
    if (count === 0) return;
    this.#count += count - 1;
    this.next(scratch);
  }

  #load(chunk: number): void {
    const bytes = readFlowChunk(this.#file, this.#index, chunk);
    this.#words = new Int32Array(bytes.buffer);
    this.#chunk = chunk;
  }
}
