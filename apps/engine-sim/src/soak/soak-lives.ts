import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { BLOCK_EVENTS, EVENT_BYTES } from '@fswal/format';
import type { Durability } from '@fswal/recorder';
import { killDue } from '../crash/kill-due.js';
import { type FlowSpec, openFlow } from '../flow/flow-spec.js';
import { Xoshiro128 } from '../flow/xoshiro128.js';
import { type Pace, PacedFlow } from '../log/paced-flow.js';
import { sleep } from '../log/pause.js';
import { Phase, PublishedPosition } from '../log/published-position.js';
import { ChildProgram, programPath } from './child-program.js';
import { Discrepancy } from './discrepancy.js';
import { evidenceDir, keepEvidence } from './evidence.js';
import { FlowWindow } from './flow-window.js';
import { FollowerWatch } from './follower-watch.js';
import { drawLife, type LifePlan } from './life-plan.js';
import { LogJudge } from './log-judge.js';
import type { RecorderArguments } from './recorder-program.js';
import { refuseLog } from './refuse-log.js';

/** Retention must leave so many segments, or a follower could not keep up with it. */
const MIN_KEPT_SEGMENTS = 4;
/** Segments beyond those that retention is to leave, for when it is late. */
const LATE_SEGMENTS = 8;
/** Requests that may be held in memory: 4 GiB of them. */
const MAX_WINDOW_EVENTS = 2 ** 26;
/** Requests made and fed between two looks at the processes. */
const SLICE_EVENTS = 8192;
/** Between two looks. */
const POLL_MS = 1;
/** Processes that have something to do and show no progress for so long hang. */
const STALL_MS = 60_000;
/** The last life is to close its log within so long. */
const CLOSE_MS = 60_000;

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
  #child: ChildProgram | undefined;
  #plan: LifePlan | undefined;
  #startMs = 0;
  /** How long requests were asked for: the flow stands still while nobody records. */
  #feedMs = 0;
  #stopping = false;

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
    const child = this.#start(plan);
    await this.#record(child, killDue(plan.moment, this.#published, this.#dir));
    if (plan.closingMs !== undefined) await child.endFeed(plan.closingMs);
    if (!child.hasExited) this.#totals.kills++;
    await this.#judgeLog(child);
  }

  /** A last life that adds nothing and closes the log: the follower then sees all of it. */
  async #finish(): Promise<void> {
    const child = this.#start({
      moment: { kind: 'opening', afterMs: 0 },
      closingMs: CLOSE_MS,
      tailBlocks: 16,
    });
    await child.endFeed(CLOSE_MS);
    if (!child.hasExited)
      throw new Discrepancy('recorder', 'the last recording process has not closed its log');
    await this.#judgeLog(child);
    const { recovered } = this.#judge;
    const stall = new Stall();
    while (this.#follower.followed < recovered) {
      this.#follower.attend();
      stall.check(this.#follower.followed, () => {
        const message = `the follower stands at event ${this.#follower.followed} of ${recovered}`;
        return new Discrepancy('follower', message, { eventId: this.#follower.followed + 1 });
      });
      await this.#pause();
    }
  }

  #start(plan: LifePlan): ChildProgram {
    const { blocks, durability, maxSegments, maxCompressed } = this.#options;
    const { recovered } = this.#judge;
    this.#plan = plan;
    this.#totals.lives++;
    const args: RecorderArguments = {
      publishedPath: this.#publishedPath,
      dir: this.#dir,
      recovered,
      blocks,
      tailBlocks: plan.tailBlocks,
      durability,
      maxSegments,
      maxCompressed,
    };
    this.#child = ChildProgram.start(programPath('recorder-program'), args);
    return this.#child;
  }

  /** Feeds the process what is due, until it is time to end it or it has had as much as a life may. @throws Discrepancy */
  async #record(child: ChildProgram, due: () => boolean): Promise<void> {
    const base = this.#judge.recovered;
    const stall = new Stall();
    let fed = base;
    for (let now = performance.now(); !due() && !this.#isOver; ) {
      if (child.hasExited) throw endedByItself(child);
      const before = now;
      now = performance.now();
      if (this.#published.phase === Phase.Recording) {
        this.#feedMs += now - before;
        fed = this.#feed(child, base, fed);
        this.#follower.attend();
      }
      const appended = base + this.#published.appended;
      if (
        appended === base + this.#options.events ||
        (this.#window.isExhausted && appended === this.#window.count)
      )
        return;
      const isIdle =
        this.#published.phase === Phase.Recording && appended === fed && this.#follower.followed === fed;
      stall.check(isIdle ? Number.NaN : appended + this.#follower.followed, () => {
        const message = `no progress: ${fed - base} events fed, ${appended - base} appended, followed up to event ${this.#follower.followed}`;
        return new Discrepancy(appended < fed || fed === base ? 'recorder' : 'follower', message);
      });
      await this.#pause();
    }
  }

  /** @returns the last event that was fed */
  #feed(child: ChildProgram, base: number, fed: number): number {
    const window = this.#window;
    const last = Math.min(base + this.#options.events, this.#follower.followed + this.#mostLag);
    let at = fed;
    for (let sliceEnd = at + SLICE_EVENTS; at < Math.min(last, sliceEnd) && child.hasRoom; ) {
      if (window.count === at) window.fill(Math.min(last, sliceEnd), this.#feedMs);
      const count = Math.min(window.count, last, sliceEnd) - at;
      if (count <= 0) break;
      const bytes = window.bytesFrom(at + 1, count);
      child.feed(bytes);
      at += bytes.length / EVENT_BYTES;
    }
    return at;
  }

  /** Judges what a process has left that has closed its log, or is killed now. @throws Discrepancy, WalError */
  async #judgeLog(child: ChildProgram): Promise<void> {
    if (child.hasExited && this.#published.phase !== Phase.Done) throw endedByItself(child);
    await child.kill();
    const { appended } = this.#published;
    this.#totals.events += appended;
    this.#options.afterKill?.(this.#dir, this.#totals.lives);
    const { recovered, kept, bytes } = await this.#judge.judge(this.#due);
    // They are counted as recovered from here on.
    this.#published.reset();
    this.#totals.recovered += recovered;
    this.#totals.comparedEvents += kept;
    this.#totals.verifiedBytes += bytes;
    this.#follower.compare();
    if (this.#follower.followed > this.#judge.recovered) {
      const message = `the follower has seen event ${this.#follower.followed}, and recovery ends with event ${this.#judge.recovered}`;
      throw new Discrepancy('follower', message, { eventId: this.#judge.recovered + 1 });
    }
    await this.#pause();
  }

  async #stopAt(discrepancy: Discrepancy): Promise<SoakLivesResult> {
    // Nobody may write to what is evidence.
    await this.#endProcesses();
    if (discrepancy.kind === 'lost') this.#totals.lost = this.#due + 1 - Number(discrepancy.place.eventId);
    const { totals } = this;
    const { onProgress, afterKill, followerProgram, flow, ...options } = this.#options;
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
    await this.#child?.kill();
    await this.#follower.end();
  }

  async #pause(): Promise<void> {
    this.#options.onProgress?.(this.totals);
    await sleep(POLL_MS);
  }
}

function endedByItself(child: ChildProgram): Discrepancy {
  return new Discrepancy('recorder', `the recording process ended by itself: ${child.lastWords}`);
}

/** Finds out that a value has not changed for too long. */
class Stall {
  #value = Number.NaN;
  #sinceMs = performance.now();

  /** @param value NaN where there is nothing to wait for. @throws what `error` makes */
  check(value: number, error: () => Discrepancy): void {
    const now = performance.now();
    if (value !== this.#value) {
      this.#value = value;
      this.#sinceMs = now;
    } else if (now - this.#sinceMs > STALL_MS) {
      throw error();
    }
  }
}
