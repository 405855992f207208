import { mkdirSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type FlowSpec, openFlow } from '../flow/flow-spec.js';
import { Xoshiro128 } from '../flow/xoshiro128.js';
import type { Pace } from '../log/paced-flow.js';
import { Phase, PublishedPosition } from '../log/published-position.js';
import { ForeignLogError } from '../log/recording.js';
import { Reference } from '../log/reference.js';
import { Replay } from '../log/replay.js';
import { replayLogIfAny } from '../log/replay-log.js';
import type { EngineNews } from '../measure/engine-probe.js';
import type { RunMonitor } from '../measure/run-monitor.js';
import { type CheckpointProofs, drawHabit, proveCheckpoints } from './checkpoint-proof.js';
import { killDue } from './kill-due.js';
import { drawKillMoment, type KillMoment } from './kill-plan.js';
import { RecordingChild } from './recording-child.js';

/**
 * Sizes of the tail ring, one drawn for each life. The small ones wrap many times in a life and make the engine wait;
 * the default one holds all of it.
 */
export const TAIL_BLOCKS = [16, 64, 256, 2048];

export interface CrashOptions {
  readonly dir: string;
  readonly kills: number;
  /** Of the kills. */
  readonly seed: number;
  readonly flow: FlowSpec;
  readonly pace?: Pace;
  /** Most events of one life. */
  readonly events: number;
  readonly blocks: number;
  /** Each life takes checkpoints, too, and goes on from those of the one before. It has a pace of its own then. */
  readonly checkpoints?: boolean;
  readonly monitor?: RunMonitor | undefined;
  readonly onLife?: (life: Life, verdict: Verdict) => void;
  /** For tests: does to the log what a worse failure than SIGKILL would have done. */
  readonly afterKill?: (dir: string) => void;
}

/** One life of the recording process. */
export interface Life {
  /** From 1. */
  readonly number: number;
  readonly moment: KillMoment;
  readonly tailBlocks: number;
  /** Events whose append had returned before the kill. */
  readonly appended: number;
  /** Id of the last of them, or 0. */
  readonly lastAppendedId: number;
  /** Whether more were to come: the kill fell into the recording. */
  readonly isCutShort: boolean;
}

/** What recovery made of the log after a kill. */
export interface Verdict {
  readonly recovered: number;
  /** Events whose append had returned in this life or that earlier recoveries had delivered, and that are not there. */
  readonly lost: number;
  /** Why the recovered state is not that of a fresh engine fed the same prefix; undefined where it is. */
  readonly mismatch: string | undefined;
}

/** What a crash run found, and what `crash --json` prints. */
export interface CrashResult {
  kills: number;
  appended: number;
  /** Events that the last recovery delivered. */
  recovered: number;
  lost: number;
  mismatches: number;
  /** Only of a run with checkpoints. */
  checkpoints?: CheckpointProofs;
}

/**
 * Kills a recording process again and again on one log, and holds the whole log against the flow after each kill.
 *
 * The comparison never takes the log's word: an event counts as appended by what the dead process left in shared
 * memory, an event's bytes and the engine's state are made anew from the seed.
 */
export class CrashRun {
  readonly #options: CrashOptions;
  readonly #dir: string;
  readonly #publishedPath: string;
  readonly #random: Xoshiro128;
  readonly #reference: Reference;
  readonly #result: CrashResult = { kills: 0, appended: 0, recovered: 0, lost: 0, mismatches: 0 };
  #child: RecordingChild | undefined;
  #stopping = false;

  constructor(options: CrashOptions) {
    this.#options = options;
    if (options.checkpoints === true) this.#result.checkpoints = { recoveries: 0, cutShort: 0 };
    this.#dir = resolve(options.dir);
    // Beside the log, not in it: nothing but the log's own files belongs there.
    this.#publishedPath = `${this.#dir}.published`;
    this.#random = new Xoshiro128(options.seed);
    this.#reference = new Reference(options.flow);
  }

  /** @throws WalError or Error where the log or the processes cannot be worked with */
  async run(): Promise<CrashResult> {
    mkdirSync(dirname(this.#dir), { recursive: true });
    this.#options.monitor?.watchLog(this.#dir);
    await this.#checkOldLog();
    rmSync(this.#publishedPath, { force: true });
    const published = PublishedPosition.create(this.#publishedPath);
    try {
      while (this.#result.kills < this.#options.kills && !this.#stopping) {
        const life = await this.#live(published);
        this.#options.afterKill?.(this.#dir);
        const verdict = await this.#judge(life);
        this.#options.onLife?.(life, verdict);
      }
    } catch (error) {
      // A child that stop() killed did not end by itself.
      if (!this.#stopping) throw error;
    } finally {
      rmSync(this.#publishedPath, { force: true });
    }
    return this.#result;
  }

  /** Ends the run soon, and the child at once. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#child?.kill();
  }

  async #checkOldLog(): Promise<void> {
    const { flow } = this.#options;
    const replay = new Replay({ flow: openFlow(flow) });
    const replayed = await replayLogIfAny(this.#dir, replay);
    if (replayed?.damage !== undefined) throw replayed.damage;
    if (replay.difference !== undefined) throw new ForeignLogError(this.#dir, flow, replay.difference.reason);
    this.#result.recovered = replay.events;
  }

  async #live(published: PublishedPosition): Promise<Life> {
    const { flow, pace, events, blocks, monitor } = this.#options;
    const moment = drawKillMoment(this.#random, events);
    const tailBlocks = TAIL_BLOCKS[this.#random.below(TAIL_BLOCKS.length)];
    const habit = this.#result.checkpoints && drawHabit(this.#random, events);
    const options = { dir: this.#dir, flow, pace, events, blocks, tailBlocks, ...habit };
    monitor?.enter('starting', `life ${this.#result.kills + 1}: opens the log`);
    const onNews = monitor && ((news: EngineNews) => monitor.hear(news));
    const child = RecordingChild.start(options, this.#publishedPath, published, onNews);
    this.#child = child;
    try {
      await child.until(killDue(moment, published, this.#dir));
    } finally {
      await child.kill();
    }
    const { phase, appended, baseEventId } = published;
    this.#result.kills++;
    this.#result.appended += appended;
    const lastAppendedId = appended === 0 ? 0 : baseEventId + appended;
    monitor?.killed(appended, lastAppendedId, `life ${this.#result.kills}: SIGKILL`);
    return {
      number: this.#result.kills,
      moment,
      tailBlocks,
      appended,
      lastAppendedId,
      isCutShort: phase !== Phase.Done,
    };
  }

  async #judge(life: Life): Promise<Verdict> {
    const result = this.#result;
    const { monitor } = this.#options;
    const dueBefore = result.recovered;
    // Without an append in this life, all that was there before is still due.
    const countUpTo = life.lastAppendedId || Number.MAX_SAFE_INTEGER;
    const replay = new Replay({ flow: openFlow(this.#options.flow), countUpTo });
    monitor?.enter('recovering', `life ${life.number}: replaying what it left`);
    const replayed = await replayLogIfAny(this.#dir, replay, (events) => monitor?.replayed(events));
    const lost = Math.max(0, dueBefore + life.appended - replay.eventsUpTo);
    const mismatch =
      replayed?.damage?.message ??
      replay.difference?.reason ??
      this.#compareStates(replay) ??
      (await this.#compareCheckpoints(replay));
    result.recovered = replay.events;
    result.lost += lost;
    if (replayed !== undefined) monitor?.add(replayed.telemetry);
    monitor?.recovered(
      Number(replay.lastEventId),
      lost,
      mismatch ?? 'as a fresh engine of the same requests',
    );
    if (mismatch !== undefined) {
      result.mismatches++;
      // Nobody can go on with a log that is not the flow's; and it is evidence.
      this.#stopping = true;
    }
    return { recovered: replay.events, lost, mismatch };
  }

  async #compareCheckpoints(whole: Replay): Promise<string | undefined> {
    const { checkpoints } = this.#result;
    return checkpoints && proveCheckpoints(this.#dir, this.#options.flow, whole, checkpoints);
  }

  #compareStates(replay: Replay): string | undefined {
    const expected = this.#reference.stateHashAt(Number(replay.lastEventId));
    const found = replay.venue.stateHash();
    return found === expected
      ? undefined
      : `state ${found} after event ${replay.lastEventId}, not ${expected}`;
  }
}
