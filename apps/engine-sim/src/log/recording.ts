import { RecorderManager } from '@fswal/recorder';
import type { Venue } from '../engine/venue.js';
import type { FlowFileWriter } from '../flow/flow-file-writer.js';
import { describeFlow, type FlowSpec, openFlow } from '../flow/flow-spec.js';
import { type Pace, PacedFlow } from './paced-flow.js';
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
  /** A log is continued with the flow that it was begun with. */
  readonly flow: FlowSpec;
  readonly pace?: Pace | undefined;
  /** Blocks of a segment file, for a new log. */
  readonly blocks?: number | undefined;
  /** Blocks of the tail ring. */
  readonly tailBlocks?: number | undefined;
  /** Where to say how far it has come. */
  readonly published?: PublishedPosition;
  /** Where to write what was appended, too. */
  readonly flowOut?: FlowFileWriter | undefined;
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
  readonly #flow: PacedFlow;
  readonly #published: PublishedPosition;
  readonly #flowOut: FlowFileWriter | undefined;
  readonly #resumedAt: number;
  #stopping = false;

  private constructor(
    recorder: RecorderManager,
    venue: Venue,
    flow: PacedFlow,
    published: PublishedPosition,
    flowOut: FlowFileWriter | undefined,
  ) {
    this.recorder = recorder;
    this.venue = venue;
    this.#flow = flow;
    this.#published = published;
    this.#flowOut = flowOut;
    this.#resumedAt = flow.count;
  }

  /**
   * @throws WalError where the log cannot be read or written, is damaged, or is in use
   * @throws ForeignLogError where the log there is not of this flow
   * @throws FlowFileError where the flow cannot be read
   */
  static async open(options: RecordingOptions): Promise<Recording> {
    const { dir, blocks, tailBlocks } = options;
    const flow = openFlow(options.flow);
    const replay = new Replay({ flow });
    const replayed = await replayLogIfAny(dir, replay, options.onReplay);
    if (replayed?.damage !== undefined) throw replayed.damage;
    if (replay.difference !== undefined)
      throw new ForeignLogError(dir, options.flow, replay.difference.reason);
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
    const paced = new PacedFlow(flow, options.pace ?? {});
    const recording = new Recording(recorder, replay.venue, paced, published, options.flowOut);
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

  /** Requests that the flow still has. */
  get remaining(): number {
    return this.#flow.remaining;
  }

  /** Makes `run` return soon. */
  stop(): void {
    this.#stopping = true;
  }

  /**
   * Records and matches `events` more requests, or fewer after `stop` and where the flow ends.
   *
   * @param onProgress called now and then
   * @returns seconds that it took
   * @throws WalError what append throws; FlowFileError where the flow cannot be read or written
   */
  async run(events: number, onProgress?: (appended: number) => void): Promise<number> {
    const start = performance.now();
    let left = Math.min(events, this.remaining);
    const total = left;
    while (left > 0 && !this.#stopping) {
      this.#flow.tick(performance.now() - start);
      const done = this.#appendAndMatch(Math.min(left, SLICE_EVENTS));
      left -= done;
      onProgress?.(total - left);
      await (done === SLICE_EVENTS ? breathe() : sleep(1));
    }
    return (performance.now() - start) / 1000;
  }

  close(): Promise<void> {
    return this.recorder.close();
  }

  /** @returns how many of up to `count` were due */
  #appendAndMatch(count: number): number {
    const flow = this.#flow;
    const { event } = flow;
    const published = this.#published;
    const flowOut = this.#flowOut;
    for (let i = 0; i < count; i++) {
      if (!flow.offer()) return i;
      this.recorder.append(event);
      flow.take();
      published.appended = this.appended;
      this.venue.apply(event);
      flowOut?.add(event);
    }
    return count;
  }
}

/** A log that is not what the flow says: recording on would make it nobody's. */
export class ForeignLogError extends Error {
  override readonly name = 'ForeignLogError';

  constructor(dir: string, flow: FlowSpec, reason: string) {
    super(`the log in ${dir} was not recorded with ${describeFlow(flow)}: ${reason}`);
  }
}
