import type { RequestEvent } from '@fswal/format';
import { instrumentOf, MAX_INSTRUMENTS } from './instrument.js';
import { MatchingEngine } from './matching-engine.js';
import { Outcome } from './outcome.js';
import { StateHash } from './state-hash.js';
import type { WordReader, WordSink } from './state-words.js';

/**
 * A market of several instruments: a matching engine for each, made at the first request for it. The engine of
 * instrument 0 is always there, and a venue that only saw that one has its state.
 *
 * A request for an instrument from `MAX_INSTRUMENTS` on is counted and changes nothing else; `apply` never throws.
 */
export class Venue {
  readonly #engines: (MatchingEngine | undefined)[] = new Array(MAX_INSTRUMENTS).fill(undefined);
  /** Those that are there, by instrument. */
  readonly #instruments: number[] = [];
  #unknown = 0;

  /**
   * @param instruments so many, from 0 on, get their engines at once: making one takes milliseconds, which its first
   * request is spared then. It changes no state.
   */
  constructor(instruments = 1) {
    for (let instrument = 0; instrument < instruments; instrument++) this.#open(instrument);
  }

  /** The instruments that have an engine, from the lowest. */
  get instruments(): readonly number[] {
    return this.#instruments;
  }
  /** The engine of an instrument; undefined before its first request. */
  engine(instrument: number): MatchingEngine | undefined {
    return this.#engines[instrument];
  }

  /** Requests applied so far, refused ones included. */
  get requests(): number {
    return this.#sum((engine) => engine.requests) + this.#unknown;
  }
  /** Requests refused so far. */
  get rejects(): number {
    return this.#sum((engine) => engine.rejects) + this.#unknown;
  }
  /** Requests so far that had this outcome. */
  count(outcome: Outcome): number {
    return outcome === Outcome.UnknownInstrument
      ? this.#unknown
      : this.#sum((engine) => engine.count(outcome));
  }
  get trades(): number {
    return this.#sum((engine) => engine.trades);
  }
  /** Quantity traded so far. */
  get volume(): number {
    return this.#sum((engine) => engine.volume);
  }
  get restingOrders(): number {
    return this.#sum((engine) => engine.book.size);
  }

  /** Carries a request out. Reads the event in place and keeps nothing of it. */
  apply(event: RequestEvent): Outcome {
    const instrument = instrumentOf(event);
    if (instrument >= MAX_INSTRUMENTS) {
      this.#unknown++;
      return Outcome.UnknownInstrument;
    }
    return (this.#engines[instrument] ?? this.#open(instrument)).apply(event);
  }

  /** 16 hexadecimal digits over the state of all instruments. Walks the books: not for every event. */
  stateHash(): string {
    const hash = new StateHash();
    for (const instrument of this.#instruments) {
      const engine = this.#engines[instrument]!;
      if (instrument > 0 && engine.requests === 0) continue;
      if (instrument > 0) hash.add(instrument);
      engine.writeTo(hash);
    }
    if (this.#unknown > 0) hash.addNumber(this.#unknown);
    return hash.digest();
  }

  /** All that `stateHash` is over and that requests to come depend on. Walks the books. */
  writeTo(sink: WordSink): void {
    sink.addNumber(this.#unknown);
    sink.add(this.#instruments.length);
    for (const instrument of this.#instruments) {
      sink.add(instrument);
      this.#engines[instrument]!.writeTo(sink);
    }
  }

  /** The venue whose state `writeTo` wrote. @throws RangeError for what no venue writes */
  static readFrom(words: WordReader): Venue {
    const venue = new Venue();
    venue.#unknown = words.nextNumber();
    const count = words.next() >>> 0;
    let last = -1;
    for (let i = 0; i < count; i++) {
      const instrument = words.next();
      if (instrument <= last || instrument >= MAX_INSTRUMENTS) {
        throw new RangeError(`${instrument} is not the instrument after ${last}`);
      }
      (venue.#engines[instrument] ?? venue.#open(instrument)).readFrom(words);
      last = instrument;
    }
    return venue;
  }

  #open(instrument: number): MatchingEngine {
    const engine = new MatchingEngine();
    this.#engines[instrument] = engine;
    this.#instruments.push(instrument);
    this.#instruments.sort((a, b) => a - b);
    return engine;
  }

  #sum(value: (engine: MatchingEngine) => number): number {
    return this.#instruments.reduce((sum, instrument) => sum + value(this.#engines[instrument]!), 0);
  }
}
