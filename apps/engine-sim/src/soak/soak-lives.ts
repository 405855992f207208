import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { BLOCK_EVENTS } from '@fswal/format';
import type { Durability } from '@fswal/recorder';
import { killDue } from '../crash/kill-due.js';
import { type FlowSpec, openFlow } from '../flow/flow-spec.js';
import { Xoshiro128 } from '../flow/xoshiro128.js';
import { type Pace, PacedFlow } from '../log/paced-flow.js';
import { PublishedPosition } from '../log/published-position.js';
import type { EngineNews } from '../measure/engine-probe.js';
import type { RunMonitor } from '../measure/run-monitor.js';
import { collectGarbage } from './collect-garbage.js';
import { Discrepancy } from './discrepancy.js';
import { evidenceDir, keepEvidence } from './evidence.js';
import { FlowWindow } from './flow-window.js';
import { FollowerWatch } from './follower-watch.js';
import { drawLife, type LifePlan } from './life-plan.js';
import { LogJudge } from './log-judge.js';
import { RecordingLife } from './recording-life.js';
import { refuseLog } from './refuse-log.js';

/** Retention must leave so many segments, or a follower could not keep up with it. */
const MIN_KEPT_SEGMENTS = 4;
/** Segments beyond those that retention is to leave, for when it is late. */
const LATE_SEGMENTS = 8;
/** Requests that may be held in memory: 4 GiB of them. */
const MAX_WINDOW_EVENTS = 2 ** 26;
const LAST_LIFE = { moment: { kind: 'opening', afterMs: 0 }, closingMs: 60_000, tailBlocks: 16 } as const;

export interface SoakLivesOptions {
  /** The log's directory, without a log. */
  readonly dir: string;
  readonly seconds: number;
  /** Of the kills. */
  readonly seed: number;
  readonly flow: FlowSpec;
  readonly pace: Pace;
  /** Most events of one life. */
  readonly events: number;
  readonly blocks: number;
  readonly durability: Durability;
  readonly maxSegments: number;
  /** 0: nothing is compressed. */
  readonly maxCompressed: number;
  readonly monitor?: RunMonitor | undefined;
  /** Called often. */
  readonly onProgress?: (totals: SoakTotals) => void;
  /** For tests: it ends after so many lives. */
  readonly lives?: number;
  /** For tests: does to the log what a worse failure than SIGKILL would have done. */
  readonly afterKill?: (dir: string, life: number) => void;
  /** For tests: the script of another follower. */
  readonly followerProgram?: string;
}

/** What a soak has done so far. */
export interface SoakTotals {
  seconds: number;
  /** Recording processes started. */
  lives: number;
  /** Of those, killed. The others had closed their log by then. */
  kills: number;
  followerKills: number;
  /** Events whose append had returned. */
  events: number;
  recovered: number;
  lost: number;
  /** Events that the follower has seen, each once, and in order. */
  followed: number;
  /** Events held against the flow: one that is kept over several lives counts with each. */
  comparedEvents: number;
  /** Bytes of segment files that recovery has verified, counted in the same way. */
  verifiedBytes: number;
}

export interface SoakLivesResult {
  readonly totals: SoakTotals;
  readonly discrepancy: Discrepancy | undefined;
  /** What says all about the discrepancy. */
  readonly evidence: string | undefined;
}

/**
 * Records, kills, recovers, compares, verifies, again and again on one log, while a follower in another process, killed at
 * random as well, sees all of it. Ends at the first discrepancy, and keeps the log as it was found.
 *
 * The requests are made here, once, and fed to the processes that record them. So neither memory nor the time that a life
 * takes depend on how long it has been running.
 */
export class SoakLives {
  readonly #options: SoakLivesOptions;
  readonly #dir: string;
  readonly #publishedPath: string;
  readonly #markPath: string;
  readonly #random: Xoshiro128;
  readonly #window: FlowWindow;
  readonly #judge: LogJudge;
  /** The follower may be so many events behind: retention would else take what it has not seen. */
  readonly #mostLag: number;
  readonly #totals: SoakTotals = {
    seconds: 0,
    lives: 0,
    kills: 0,
    followerKills: 0,
    events: 0,
    recovered: 0,
    lost: 0,
    followed: 0,
    comparedEvents: 0,
    verifiedBytes: 0,
  };
  #published!: PublishedPosition;
  #follower!: FollowerWatch;
  #life: RecordingLife | undefined;
  #plan: LifePlan | undefined;
  #startMs = 0;
  #stopping = false;
  readonly #onPause = (): void => this.#options.onProgress?.(this.totals);

  /** @throws RangeError where retention leaves too little to follow, or too much is to be held in memory */
  constructor(options: SoakLivesOptions) {
    const { seed, flow, pace, blocks, events } = options;
    const segmentsKept = options.maxSegments + options.maxCompressed;
    if (segmentsKept < MIN_KEPT_SEGMENTS) {
      throw new RangeError(
        `a soak with kills keeps ${MIN_KEPT_SEGMENTS} segments or more, of both kinds together`,
      );
    }
    this.#options = options;
    this.#dir = resolve(options.dir);
    // Beside the log, not in it: nothing but the log's own files belongs there.
    this.#publishedPath = `${this.#dir}.published`;
    this.#markPath = `${this.#dir}.followed`;
    this.#random = new Xoshiro128(seed);
    const segmentEvents = blocks * BLOCK_EVENTS;
    const windowEvents = events + (segmentsKept + LATE_SEGMENTS) * segmentEvents;
    if (windowEvents > MAX_WINDOW_EVENTS) {
      throw new RangeError(
        `a soak with kills holds ${windowEvents} events in memory with these options, and ${MAX_WINDOW_EVENTS} at most: choose fewer events, blocks or segments`,
      );
    }
    this.#window = new FlowWindow(new PacedFlow(openFlow(flow), pace), windowEvents);
    this.#judge = new LogJudge(this.#dir, this.#window, segmentsKept);
    this.#mostLag = ((segmentsKept - 2) * segmentEvents) / 2;
  }

  /** @throws Error where there is a log already, or evidence; WalError or Error where the processes cannot be worked with */
  async run(): Promise<SoakLivesResult> {
    this.#prepare();
    try {
      while (!this.#isOver) await this.#live(drawLife(this.#random, this.#options.events));
      await this.#finish();
      return { totals: this.totals, discrepancy: undefined, evidence: undefined };
    } catch (error) {
      if (!(error instanceof Discrepancy)) throw error;
      return await this.#stopAt(error);
    } finally {
      await this.#endProcesses();
      for (const path of [this.#publishedPath, this.#markPath]) rmSync(path, { force: true });
    }
  }

  /** Ends the life that is under way; what follows is as when the time is over. */
  stop(): void {
    this.#stopping = true;
  }

  get totals(): SoakTotals {
    const totals = this.#totals;
    totals.seconds = (performance.now() - this.#startMs) / 1000;
    totals.followed = this.#follower.followed;
    totals.followerKills = this.#follower.kills;
    return totals;
  }

  /** The last event whose append has returned. */
  get #due(): number {
    return this.#judge.recovered + this.#published.appended;
  }

  get #isOver(): boolean {
    const { seconds, lives = Number.POSITIVE_INFINITY } = this.#options;
    const isRecorded = this.#window.isExhausted && this.#judge.recovered === this.#window.count;
    const isLate = performance.now() - this.#startMs >= seconds * 1000;
    return this.#stopping || isRecorded || isLate || this.#totals.lives >= lives;
  }

  #prepare(): void {
    refuseLog(this.#dir);
    const evidence = evidenceDir(this.#dir);
    if (existsSync(evidence)) throw new Error(`${evidence} is there from an earlier run: move it away first`);
    mkdirSync(dirname(this.#dir), { recursive: true });
    this.#options.monitor?.watchLog(this.#dir);
    for (const path of [this.#publishedPath, this.#markPath]) rmSync(path, { force: true });
    this.#published = PublishedPosition.create(this.#publishedPath);
    this.#follower = new FollowerWatch({
      dir: this.#dir,
      markPath: this.#markPath,
      window: this.#window,
      // Of its own: what it draws depends on time, and the lives are to follow from the seed alone.
      random: new Xoshiro128(this.#options.seed),
      program: this.#options.followerProgram,
    });
    this.#startMs = performance.now();
  }

  async #live(plan: LifePlan): Promise<void> {
    const life = this.#begin(plan);
    const isTime = killDue(plan.moment, this.#published, this.#dir);
    await life.record(() => this.#isOver || isTime(), this.#onPause);
    if (plan.closingMs !== undefined) await life.close(plan.closingMs);
    if (!life.hasExited) this.#totals.kills++;
    await this.#judgeLog(life);
  }

  /** A last life that adds nothing and closes the log: the follower then sees all of it. */
  async #finish(): Promise<void> {
    const life = this.#begin(LAST_LIFE);
    await life.close(LAST_LIFE.closingMs);
    if (!life.hasExited)
      throw new Discrepancy('recorder', 'the last recording process did not close its log');
    await this.#judgeLog(life);
    await this.#follower.followTo(this.#judge.recovered, this.#onPause);
  }

  #begin(plan: LifePlan): RecordingLife {
    const { blocks, durability, maxSegments, maxCompressed, events, monitor } = this.#options;
    const { recovered } = this.#judge;
    this.#plan = plan;
    this.#totals.lives++;
    monitor?.enter('starting', `life ${this.#totals.lives}: opens the log`);
    this.#life = new RecordingLife({
      recorder: {
        publishedPath: this.#publishedPath,
        dir: this.#dir,
        recovered,
        blocks,
        tailBlocks: plan.tailBlocks,
        durability,
        maxSegments,
        maxCompressed,
      },
      published: this.#published,
      window: this.#window,
      follower: this.#follower,
      mostEvents: events,
      mostLag: this.#mostLag,
      onNews: monitor && ((news) => monitor.hear(this.#withBook(news))),
    });
    return this.#life;
  }

  /** The recording process only records: the engine that takes what recovery delivers is here. */
  #withBook(news: EngineNews): EngineNews {
    if (!('sample' in news)) return news;
    return { sample: { ...news.sample, bookDepth: this.#judge.restingOrders } };
  }

  /** Judges what a process has left that has closed its log, or is killed now. @throws Discrepancy, WalError */
  async #judgeLog(life: RecordingLife): Promise<void> {
    life.throwIfFailed();
    const isKilled = !life.hasExited;
    await life.kill();
    const { appended } = life;
    const ofLife = appended - this.#judge.recovered;
    this.#totals.events += ofLife;
    const { monitor, afterKill } = this.#options;
    const name = `life ${this.#totals.lives}`;
    if (isKilled) monitor?.killed(ofLife, appended, `${name}: SIGKILL`);
    else monitor?.closed(ofLife);
    afterKill?.(this.#dir, this.#totals.lives);
    monitor?.enter('recovering', `${name}: verifying all that is left of the log`);
    const judged = await this.#judge.judge(appended, (events) => monitor?.replayed(events));
    const { recovered, kept, bytes, telemetry } = judged;
    if (telemetry !== undefined) monitor?.add(telemetry);
    monitor?.recovered(this.#judge.recovered, 0, 'every event and the state are as they should be');
    // They are counted as recovered from here on.
    this.#published.reset();
    this.#totals.recovered += recovered;
    this.#totals.comparedEvents += kept;
    this.#totals.verifiedBytes += bytes;
    this.#follower.compare(this.#judge.recovered);
    collectGarbage();
  }

  async #stopAt(discrepancy: Discrepancy): Promise<SoakLivesResult> {
    // Nobody may write to what is evidence.
    await this.#endProcesses();
    if (discrepancy.kind === 'lost') this.#totals.lost = this.#due + 1 - Number(discrepancy.place.eventId);
    const { totals } = this;
    const { onProgress, afterKill, followerProgram, monitor, flow, ...options } = this.#options;
    monitor?.recovered(this.#judge.recovered, totals.lost, discrepancy.message);
    const evidence = keepEvidence(this.#dir, discrepancy, {
      flow,
      options: { ...options, dir: this.#dir },
      life: { number: totals.lives, ...this.#plan },
      due: this.#due,
      recovered: this.#judge.recovered,
      followed: this.#follower.confirmed,
      totals,
    });
    return { totals, discrepancy, evidence };
  }

  async #endProcesses(): Promise<void> {
    await this.#life?.kill();
    await this.#follower.end();
  }
}
