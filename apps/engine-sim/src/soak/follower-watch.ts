import { StateHash } from '../engine/state-hash.js';
import type { Xoshiro128 } from '../flow/xoshiro128.js';
import { sleep } from '../log/pause.js';
import { ChildProgram, programPath } from './child-program.js';
import { Discrepancy } from './discrepancy.js';
import type { FlowWindow } from './flow-window.js';
import { FollowedMark } from './followed-mark.js';
import { addEvent } from './follower.js';
import type { FollowerArguments } from './follower-program.js';
import { Stall } from './stall.js';

/** Of 5 followers, one is killed this soon: while it starts, or has hardly begun. The others live for up to this long. */
const EARLY_MS = 400;
const LATE_MS = 8000;
/** How long there is none, at most. */
const PAUSE_MS = 500;
/** Between two looks at it. */
const POLL_MS = 1;

export interface FollowerWatchOptions {
  readonly dir: string;
  /** For what is shared with the follower. There must be no such file yet. */
  readonly markPath: string;
  /** Holds every request since the last one that the follower has confirmed. */
  readonly window: FlowWindow;
  readonly random: Xoshiro128;
  /** For tests: the script of another follower. */
  readonly program?: string | undefined;
}

/**
 * A follower of a log in a process of its own, killed and started again at random, each time to go on after the last event
 * that it has confirmed. What it confirms is held against the flow: a hash over every event up to that one.
 */
export class FollowerWatch {
  readonly #options: FollowerWatchOptions;
  readonly #mark: FollowedMark;
  /** Over the flow, up to `#followed`. */
  readonly #hash = new StateHash();
  #followed = 0;
  #child: ChildProgram | undefined;
  #isKilled = false;
  #kills = 0;
  /** When to kill it, or to start the next one. */
  #nextMs = 0;

  constructor(options: FollowerWatchOptions) {
    this.#options = options;
    this.#mark = FollowedMark.create(options.markPath);
  }

  /** The last event that it has confirmed, with the flow's own hash. */
  get followed(): number {
    return this.#followed;
  }
  get kills(): number {
    return this.#kills;
  }
  /** What it has confirmed last, right or wrong, and the digest of its hash. */
  get confirmed(): { readonly eventId: number; readonly hash: string } {
    const { eventId, hash } = this.#mark.read();
    return { eventId, hash: hash.digest() };
  }

  /**
   * To be called often while there is a log: starts it, kills it, and looks at what it has confirmed.
   * @throws Discrepancy, also where it has ended by itself
   */
  attend(): void {
    const { dir, markPath, random, program = programPath('follower-program') } = this.#options;
    const now = performance.now();
    if (this.#child?.hasExited === true) {
      if (!this.#isKilled) {
        throw new Discrepancy('follower', `the follower ended by itself: ${this.#child.lastWords}`, {
          eventId: this.#mark.read().eventId,
        });
      }
      this.#child = undefined;
      this.#kills++;
      this.#nextMs = now + random.below(PAUSE_MS);
    } else if (now >= this.#nextMs && this.#child === undefined) {
      this.#child = ChildProgram.start(program, { dir, markPath } satisfies FollowerArguments);
      this.#isKilled = false;
      this.#nextMs = now + random.below(random.below(5) === 0 ? EARLY_MS : LATE_MS);
    } else if (now >= this.#nextMs && !this.#isKilled) {
      this.#isKilled = true;
      void this.#child!.kill();
    }
    this.compare(this.#options.window.count);
  }

  /** Attends it until it has confirmed this event, without which the log is not whole. @throws Discrepancy */
  async followTo(eventId: number, onPause: () => void): Promise<void> {
    const stall = new Stall();
    while (this.#followed < eventId) {
      this.attend();
      if (stall.isReached(this.#followed)) {
        const message = `the follower stands at event ${this.#followed}, and the log ends with event ${eventId}`;
        throw new Discrepancy('follower', message, { eventId: this.#followed + 1 });
      }
      onPause();
      await sleep(POLL_MS);
    }
  }

  /** Holds what it has confirmed against the flow. @param last event that it can have seen. @throws Discrepancy */
  compare(last: number): void {
    const { eventId, hash } = this.#mark.read();
    const { window } = this.#options;
    if (eventId < this.#followed) {
      const message = `the follower has confirmed event ${this.#followed}, and event ${eventId} after that`;
      throw new Discrepancy('follower', message, { eventId });
    }
    if (eventId > last) {
      const message = `the follower has seen event ${eventId}, and there are events up to ${last}`;
      throw new Discrepancy('follower', message, { eventId: last + 1 });
    }
    const before = this.#followed;
    while (this.#followed < eventId) addEvent(this.#hash, window.eventAt(++this.#followed));
    const expected = this.#hash.digest();
    const found = hash.digest();
    if (found === expected) return;
    this.#followed = before;
    const message = `what the follower has seen after event ${before}, up to event ${eventId}, is not the flow`;
    throw new Discrepancy('follower', message, { eventId: before + 1, expected, found });
  }

  /** Ends it for good. */
  async end(): Promise<void> {
    await this.#child?.kill();
  }
}
