import { RequestEvent, WalError } from '@fswal/format';
import { RecorderManager } from '@fswal/recorder';
import { checkpointDirectory } from '../checkpoint/checkpoint-files.js';
import { CheckpointStore } from '../checkpoint/checkpoint-store.js';
import { type CheckpointCounts, Checkpointer, type CheckpointPace } from '../checkpoint/checkpointer.js';
import type { Venue } from '../engine/venue.js';
import type { OrderFlow } from '../flow/order-flow.js';
import { breathe, sleep } from './pause.js';
import { PublishedPosition } from './published-position.js';
import { type RecoveredState, recoverState } from './recover-state.js';

/** How long a stall of the device may stop the engine: there is nothing better to do than to wait. */
const BACKPRESSURE_TIMEOUT_MS = 30_000;
/**
 * Requests between two visits to the event loop: the events of a default segment, some ten milliseconds. Within a
 * slice the engine's thread makes no system call.
 */
const SLICE_EVENTS = 262_144;
/** The same while a checkpoint is being written, which takes a dozen of those visits: about a millisecond. */
const WRITING_SLICE_EVENTS = 8192;
const KEPT_CHECKPOINTS = 2;

export interface RecordingOptions {
  readonly dir: string;
  /** Of the order flow. A log is continued with the seed that it was begun with. */
  readonly seed: number;
  /** Blocks of a segment file, for a new log. */
  readonly blocks?: number | undefined;
  /** Blocks of the tail ring. */
  readonly tailBlocks?: number | undefined;
  /** How often to take a checkpoint; undefined = never. They lie beside the log, in `DIR.checkpoints`. */
  readonly checkpoints?: CheckpointPace | undefined;
  /** How many of them are kept. Default 2. */
  readonly keptCheckpoints?: number | undefined;
  /** Where to say how far it has come. */
  readonly published?: PublishedPosition;
  /** Called now and then while a log that is there is replayed, with the events so far. */
  readonly onReplay?: (events: number) => void;
}

/**
 * A matching engine with its log: what it has applied is in the log first. Opening it on a directory that holds a log
 * rebuilds the engine, from a checkpoint and the events after it if there is one, and goes on where the log ends.
 */
export class Recording {
  readonly recorder: RecorderManager;
  readonly venue: Venue;
  /** What it began with. */
  readonly recovered: RecoveredState;
  readonly #flow: OrderFlow;
  readonly #published: PublishedPosition;
  readonly #checkpointer: Checkpointer | undefined;
  /** Requests between two visits to the event loop, where checkpoints are taken. */
  readonly #sliceEvents: number;
  readonly #event = new RequestEvent();
  readonly #resumedAt: number;
  #stopping = false;

  private constructor(
    recorder: RecorderManager,
    recovered: RecoveredState,
    checkpointer: Checkpointer | undefined,
    { published, checkpoints }: RecordingOptions,
  ) {
    this.recorder = recorder;
    this.recovered = recovered;
    this.venue = recovered.replay.venue;
    this.#flow = recovered.replay.flow!;
    this.#published = published ?? PublishedPosition.unwatched();
    this.#checkpointer = checkpointer;
    const pace = checkpoints !== undefined && 'events' in checkpoints ? checkpoints.events : SLICE_EVENTS;
    this.#sliceEvents = Math.min(SLICE_EVENTS, pace);
    this.#resumedAt = this.#flow.count;
  }

  /**
   * @throws WalError where the log cannot be read or written, is damaged, is in use, or no longer has the events that the
   * engine's state would follow from
   * @throws ForeignLogError where the log there is not of this seed
   */
  static async open(options: RecordingOptions): Promise<Recording> {
    const { dir, seed, blocks, tailBlocks } = options;
    const recovered = await recoverState({ dir, seed, onProgress: options.onReplay });
    const { replay, log, incomplete } = recovered;
    if (!(log instanceof WalError) && log.damage !== undefined) throw log.damage;
    if (incomplete !== undefined) throw new WalError('SEGMENT_NOT_FOUND', incomplete, { file: dir });
    if (replay.difference !== undefined) throw new ForeignLogError(dir, seed, replay.difference.reason);
    const recorder = await RecorderManager.open({
      dir,
      backpressureTimeoutMs: BACKPRESSURE_TIMEOUT_MS,
      ...(blocks === undefined ? {} : { blocksPerSegment: blocks }),
      ...(tailBlocks === undefined ? {} : { tailBlocks }),
    });
    try {
      const { eventId } = recorder.metaState;
      if (eventId !== replay.lastEventId) {
        throw new Error(
          `the recorder goes on after event ${eventId}, recovery ended at ${replay.lastEventId}`,
        );
      }
      const recording = new Recording(
        recorder,
        recovered,
        openCheckpointer(recorder, recovered, options),
        options,
      );
      recording.#published.begin(recording.#resumedAt);
      return recording;
    } catch (error) {
      await recorder.close();
      throw error;
    }
  }

  /** Events that were in the log when it was opened. */
  get resumedAt(): number {
    return this.#resumedAt;
  }
  /** Events appended since. */
  get appended(): number {
    return this.#flow.count - this.#resumedAt;
  }

  /** What has become of the checkpoints so far; undefined where none are taken. */
  get checkpoints(): CheckpointCounts | undefined {
    return this.#checkpointer?.counts;
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
      const most = this.#checkpointer?.isWriting ? WRITING_SLICE_EVENTS : this.#sliceEvents;
      const due = rate === Infinity ? most : Math.min(most, Math.floor(seconds * rate) + 1 - done);
      const slice = Math.max(0, Math.min(events - done, due));
      this.#appendAndMatch(slice);
      done += slice;
      this.#checkpointer?.takeIfDue(this.venue, this.#flow.count, this.#event);
      onProgress?.(done);
      await (due === most ? breathe() : sleep(1));
    }
    return (performance.now() - start) / 1000;
  }

  /** Waits for a checkpoint that is being written. */
  async close(): Promise<void> {
    await this.#checkpointer?.settled();
    await this.recorder.close();
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

/** Only now, when no other process has the log. What recovery could not use is moved aside. */
function openCheckpointer(
  recorder: RecorderManager,
  { replay, skipped }: RecoveredState,
  { dir, checkpoints: pace, keptCheckpoints: keep = KEPT_CHECKPOINTS }: RecordingOptions,
): Checkpointer | undefined {
  if (pace === undefined) return undefined;
  const store = CheckpointStore.open(checkpointDirectory(dir));
  for (const { file } of skipped) store.moveAside(file);
  const durable = (eventId: bigint): Promise<bigint> => recorder.waitDurable(eventId);
  return new Checkpointer({ store, pace, keep, durable, requests: replay.flow!.count });
}

/** A log that is not what the seed's flow says: recording on would make it nobody's. */
export class ForeignLogError extends Error {
  override readonly name = 'ForeignLogError';

  constructor(dir: string, seed: number, reason: string) {
    super(`the log in ${dir} was not recorded with seed ${seed}: ${reason}`);
  }
}
