import { WalError } from '@fswal/format';
import { RecorderManager } from '@fswal/recorder';
import { checkpointDirectory } from '../checkpoint/checkpoint-files.js';
import { CheckpointStore } from '../checkpoint/checkpoint-store.js';
import { type CheckpointCounts, Checkpointer, type CheckpointPace } from '../checkpoint/checkpointer.js';
import type { Venue } from '../engine/venue.js';
import type { FlowFileWriter } from '../flow/flow-file-writer.js';
import { describeFlow, type FlowSpec } from '../flow/flow-spec.js';
import { type Pace, PacedFlow } from './paced-flow.js';
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
  /** A log is continued with the flow that it was begun with. */
  readonly flow: FlowSpec;
  readonly pace?: Pace | undefined;
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
  /** Where to write what was appended, too. */
  readonly flowOut?: FlowFileWriter | undefined;
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
  readonly #flow: PacedFlow;
  readonly #published: PublishedPosition;
  readonly #checkpointer: Checkpointer | undefined;
  /** Requests between two visits to the event loop, where checkpoints are taken. */
  readonly #sliceEvents: number;
  readonly #flowOut: FlowFileWriter | undefined;
  readonly #resumedAt: number;
  #stopping = false;

  private constructor(
    recorder: RecorderManager,
    recovered: RecoveredState,
    checkpointer: Checkpointer | undefined,
    { published, flowOut, pace = {}, checkpoints }: RecordingOptions,
  ) {
    this.recorder = recorder;
    this.recovered = recovered;
    this.venue = recovered.replay.venue;
    this.#flow = new PacedFlow(recovered.replay.flow!, pace);
    this.#published = published ?? PublishedPosition.unwatched();
    this.#flowOut = flowOut;
    this.#checkpointer = checkpointer;
    const due = checkpoints !== undefined && 'events' in checkpoints ? checkpoints.events : SLICE_EVENTS;
    this.#sliceEvents = Math.min(SLICE_EVENTS, due);
    this.#resumedAt = this.#flow.count;
  }

  /**
   * @throws WalError where the log cannot be read or written, is damaged, is in use, or no longer has the events that the
   * engine's state would follow from
   * @throws ForeignLogError where the log there is not of this flow
   * @throws FlowFileError where the flow cannot be read
   */
  static async open(options: RecordingOptions): Promise<Recording> {
    const { dir, flow, blocks, tailBlocks } = options;
    const recovered = await recoverState({ dir, flow, onProgress: options.onReplay });
    const { replay, log, incomplete } = recovered;
    if (!(log instanceof WalError) && log.damage !== undefined) throw log.damage;
    if (incomplete !== undefined) throw new WalError('SEGMENT_NOT_FOUND', incomplete, { file: dir });
    if (replay.difference !== undefined) throw new ForeignLogError(dir, flow, replay.difference.reason);
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
      const checkpointer = openCheckpointer(recorder, recovered, options);
      const recording = new Recording(recorder, recovered, checkpointer, options);
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

  /** Requests that the flow still has. */
  get remaining(): number {
    return this.#flow.remaining;
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
      const slice = this.#checkpointer?.isWriting ? WRITING_SLICE_EVENTS : this.#sliceEvents;
      const done = this.#appendAndMatch(Math.min(left, slice));
      left -= done;
      this.#checkpointer?.takeIfDue(this.venue, this.#flow.count, this.#flow.last);
      onProgress?.(total - left);
      await (done === slice ? breathe() : sleep(1));
    }
    return (performance.now() - start) / 1000;
  }

  /** Waits for a checkpoint that is being written. */
  async close(): Promise<void> {
    await this.#checkpointer?.settled();
    await this.recorder.close();
  }

  /** @returns how many of up to `count` were due */
  #appendAndMatch(count: number): number {
    const flow = this.#flow;
    const published = this.#published;
    const flowOut = this.#flowOut;
    for (let i = 0; i < count; i++) {
      if (!flow.offer()) return i;
      const { event } = flow;
      this.recorder.append(event);
      flow.take();
      published.appended = this.appended;
      this.venue.apply(event);
      flowOut?.add(event);
    }
    return count;
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

/** A log that is not what the flow says: recording on would make it nobody's. */
export class ForeignLogError extends Error {
  override readonly name = 'ForeignLogError';

  constructor(dir: string, flow: FlowSpec, reason: string) {
    super(`the log in ${dir} was not recorded with ${describeFlow(flow)}: ${reason}`);
  }
}
