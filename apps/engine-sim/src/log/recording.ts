import { RequestEvent } from '@fswal/format';
import { RecorderManager } from '@fswal/recorder';
import type { Venue } from '../engine/venue.js';
import type { OrderFlow } from '../flow/order-flow.js';
import { breathe, sleep } from './pause.js';
import { PublishedPosition } from './published-position.js';
import { Replay } from './replay.js';
import { replayLogIfAny } from './replay-log.js';

/** How long a stall of the device may stop the engine: there is nothing better to do than to wait. */
const BACKPRESSURE_TIMEOUT_MS = 30_000;
/**
 * Requests between two visits to the event loop: the events of a default segment, some ten milliseconds. Within a
 * slice the engine's thread makes no system call.
 */
const SLICE_EVENTS = 262_144;

export interface RecordingOptions {
  readonly dir: string;
  /** Of the order flow. A log is continued with the seed that it was begun with. */
  readonly seed: number;
  /** Blocks of a segment file, for a new log. */
  readonly blocks?: number | undefined;
  /** Blocks of the tail ring. */
  readonly tailBlocks?: number | undefined;
  /** Where to say how far it has come. */
  readonly published?: PublishedPosition;
  /** Called now and then while a log that is there is replayed, with the events so far. */
  readonly onReplay?: (events: number) => void;
}

/**
 * A matching engine with its log: what it has applied is in the log first. Opening it on a directory that holds a log
 * rebuilds the engine from that log and goes on where it ends.
 */
export class Recording {
  readonly recorder: RecorderManager;
  readonly venue: Venue;
  readonly #flow: OrderFlow;
  readonly #published: PublishedPosition;
  readonly #event = new RequestEvent();
  readonly #resumedAt: number;
  #stopping = false;

  private constructor(
    recorder: RecorderManager,
    venue: Venue,
    flow: OrderFlow,
    published: PublishedPosition,
  ) {
    this.recorder = recorder;
    this.venue = venue;
    this.#flow = flow;
    this.#published = published;
    this.#resumedAt = flow.count;
  }

  /**
   * @throws WalError where the log cannot be read or written, is damaged, or is in use
   * @throws ForeignLogError where the log there is not of this seed
   */
  static async open(options: RecordingOptions): Promise<Recording> {
    const { dir, seed, blocks, tailBlocks } = options;
    const replay = new Replay({ seed });
    const replayed = await replayLogIfAny(dir, replay, options.onReplay);
    if (replayed?.damage !== undefined) throw replayed.damage;
    if (replay.difference !== undefined) throw new ForeignLogError(dir, seed, replay.difference.reason);
    const recorder = await RecorderManager.open({
      dir,
      backpressureTimeoutMs: BACKPRESSURE_TIMEOUT_MS,
      ...(blocks === undefined ? {} : { blocksPerSegment: blocks }),
      ...(tailBlocks === undefined ? {} : { tailBlocks }),
    });
    const { eventId } = recorder.metaState;
    if (eventId !== replay.lastEventId) {
      await recorder.close();
      throw new Error(`the recorder goes on after event ${eventId}, recovery ended at ${replay.lastEventId}`);
    }
    const published = options.published ?? PublishedPosition.unwatched();
    const recording = new Recording(recorder, replay.venue, replay.flow!, published);
    published.begin(recording.#resumedAt);
    return recording;
  }

  /** Events that were in the log when it was opened. */
  get resumedAt(): number {
    return this.#resumedAt;
  }
  /** Events appended since. */
  get appended(): number {
    return this.#flow.count - this.#resumedAt;
  }

  /** Makes `run` return soon. */
  stop(): void {
    this.#stopping = true;
  }

  /**
   * Records and matches `events` more requests, or fewer after `stop`.
   *
   * @param rate requests per second at most
   * @param onProgress called now and then
   * @returns seconds that it took
   * @throws WalError what append throws
   */
  async run(events: number, rate = Infinity, onProgress?: (appended: number) => void): Promise<number> {
    const start = performance.now();
    let done = 0;
    while (done < events && !this.#stopping) {
      const seconds = (performance.now() - start) / 1000;
      const due =
        rate === Infinity ? SLICE_EVENTS : Math.min(SLICE_EVENTS, Math.floor(seconds * rate) + 1 - done);
      const slice = Math.max(0, Math.min(events - done, due));
      this.#appendAndMatch(slice);
      done += slice;
      onProgress?.(done);
      await (due === SLICE_EVENTS ? breathe() : sleep(1));
    }
    return (performance.now() - start) / 1000;
  }

  close(): Promise<void> {
    return this.recorder.close();
  }

  #appendAndMatch(count: number): void {
    const event = this.#event;
    const flow = this.#flow;
    const published = this.#published;
    for (let i = 0; i < count; i++) {
      const eventId = flow.next(event);
      event.eventId = eventId;
      this.recorder.append(event);
      published.appended = eventId - this.#resumedAt;
      this.venue.apply(event);
    }
  }
}

/** A log that is not what the seed's flow says: recording on would make it nobody's. */
export class ForeignLogError extends Error {
  override readonly name = 'ForeignLogError';

  constructor(dir: string, seed: number, reason: string) {
    super(`the log in ${dir} was not recorded with seed ${seed}: ${reason}`);
  }
}
