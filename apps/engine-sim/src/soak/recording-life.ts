import { EVENT_BYTES } from '@fswal/format';
import { sleep } from '../log/pause.js';
import { Phase, type PublishedPosition } from '../log/published-position.js';
import type { EngineNews } from '../measure/engine-probe.js';
import { ChildProgram, programPath } from './child-program.js';
import { Discrepancy } from './discrepancy.js';
import type { FlowWindow } from './flow-window.js';
import type { FollowerWatch } from './follower-watch.js';
import type { RecorderArguments } from './recorder-program.js';
import { Stall } from './stall.js';

/** Requests fed between two looks at the processes. */
const SLICE_EVENTS = 8192;
/** Between two looks. */
const POLL_MS = 1;

export interface RecordingLifeOptions {
  readonly recorder: RecorderArguments;
  /** What the process publishes. */
  readonly published: PublishedPosition;
  readonly window: FlowWindow;
  readonly follower: FollowerWatch;
  /** Hears of the recorder's state, several times a second, and of its log's segments. */
  readonly onNews?: ((news: EngineNews) => void) | undefined;
  /** So many events at most. */
  readonly mostEvents: number;
  /** No event that is farther than this ahead of the follower. */
  readonly mostLag: number;
}

/** One life of a recording process, which is fed the flow from where the log ends. */
export class RecordingLife {
  readonly #options: RecordingLifeOptions;
  readonly #child: ChildProgram;
  /** The last event that it was fed, and the last one that it may be. */
  #fed: number;
  readonly #last: number;

  constructor(options: RecordingLifeOptions) {
    const { recorder, mostEvents, onNews } = options;
    this.#options = options;
    this.#fed = recorder.recovered;
    this.#last = recorder.recovered + mostEvents;
    const onMessage = onNews && ((message: unknown) => onNews(message as EngineNews));
    this.#child = ChildProgram.start(programPath('recorder-program'), recorder, onMessage);
  }

  /** The last event whose append has returned, in this life or in an earlier one. */
  get appended(): number {
    return this.#options.recorder.recovered + this.#options.published.appended;
  }
  get hasExited(): boolean {
    return this.#child.hasExited;
  }

  /** Feeds it what is due, until `isTime`, or until it has had all that it may. @throws Discrepancy */
  async record(isTime: () => boolean, onPause: () => void): Promise<void> {
    const { published, window, follower } = this.#options;
    const stall = new Stall();
    for (let now = performance.now(); !isTime() && !this.#hasAll(); ) {
      const before = now;
      now = performance.now();
      if (published.phase === Phase.Recording) {
        window.pass(now - before);
        this.#feed();
        follower.attend();
      }
      this.throwIfFailed();
      if (stall.isReached(this.#progress())) throw this.#hangs();
      onPause();
      await sleep(POLL_MS);
    }
  }

  /** Has it close its log, and waits for that for so long. */
  async close(waitMs: number): Promise<void> {
    await this.#child.endFeed(waitMs);
  }

  /** SIGKILL, unless it has ended. */
  kill(): Promise<void> {
    return this.#child.kill();
  }

  /** @throws Discrepancy where it has ended and was not told to */
  throwIfFailed(): void {
    if (!this.#child.hasExited || this.#options.published.phase === Phase.Done) return;
    throw new Discrepancy('recorder', `the recording process ended by itself: ${this.#child.lastWords}`);
  }

  #feed(): void {
    const { window, follower, mostLag } = this.#options;
    const end = Math.min(this.#last, follower.followed + mostLag, this.#fed + SLICE_EVENTS);
    // What an earlier life was fed and has not recorded is there already.
    window.fill(end);
    while (this.#fed < Math.min(end, window.count) && this.#child.hasRoom) {
      const bytes = window.bytesFrom(this.#fed + 1, end - this.#fed);
      this.#child.feed(bytes);
      this.#fed += bytes.length / EVENT_BYTES;
    }
  }

  #hasAll(): boolean {
    const { window } = this.#options;
    return this.appended === (window.isExhausted ? Math.min(this.#last, window.count) : this.#last);
  }

  /** What grows while anything goes on; NaN where all that was due is done. */
  #progress(): number {
    const { published, follower } = this.#options;
    const isDone = this.appended === this.#fed && follower.followed === this.#fed;
    return isDone && published.phase === Phase.Recording ? Number.NaN : this.appended + follower.followed;
  }

  #hangs(): Discrepancy {
    const { followed } = this.#options.follower;
    const message = `no progress: events are fed up to ${this.#fed}, appended up to ${this.appended}, followed up to ${followed}`;
    const isAppended = this.appended === this.#fed && this.#options.published.phase === Phase.Recording;
    return new Discrepancy(isAppended ? 'follower' : 'recorder', message, { eventId: this.appended + 1 });
  }
}
