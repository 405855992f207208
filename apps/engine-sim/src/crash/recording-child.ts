import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import type { CheckpointPace } from '../checkpoint/checkpointer.js';
import type { FlowSpec } from '../flow/flow-spec.js';
import type { Pace } from '../log/paced-flow.js';
import { breathe } from '../log/pause.js';
import { Phase, type PublishedPosition } from '../log/published-position.js';
import type { EngineNews } from '../measure/engine-probe.js';

const CHILD = createRequire(import.meta.url).resolve('#child');
/** A child that shows no progress for so long hangs. */
const STALL_MS = 60_000;
/** How closely a child is watched: at full speed a few hundred events. */
const POLL_MS = 0.1;
/** Looks at the shared memory between two looks at the event loop. */
const POLLS_PER_BREATH = 10;

export interface ChildOptions {
  readonly dir: string;
  readonly flow: FlowSpec;
  readonly pace?: Pace | undefined;
  /** It stops after so many, and waits to be killed. */
  readonly events: number;
  readonly blocks?: number | undefined;
  readonly tailBlocks?: number | undefined;
  readonly checkpoints?: CheckpointPace | undefined;
}

/** What the child takes on its command line, as JSON. */
export interface ChildArguments extends ChildOptions {
  readonly publishedPath: string;
}

/**
 * A process that records, made to be killed. Its standard input is a pipe that nobody writes to: should the parent
 * die, the pipe closes and the child exits.
 */
export class RecordingChild {
  readonly #process: ChildProcess;
  readonly #published: PublishedPosition;
  #stderr = '';
  #exited = false;

  private constructor(process: ChildProcess, published: PublishedPosition) {
    this.#process = process;
    this.#published = published;
    process.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    // Not `exit`: only now all has come that it said and told.
    process.once('close', () => {
      this.#exited = true;
    });
  }

  /** @param onNews hears of the engine's state, several times a second, and of its log's segments */
  static start(
    options: ChildOptions,
    publishedPath: string,
    published: PublishedPosition,
    onNews?: (news: EngineNews) => void,
  ): RecordingChild {
    published.reset();
    const args: ChildArguments = { ...options, publishedPath };
    const child = spawn(process.execPath, [CHILD, JSON.stringify(args)], {
      stdio: ['pipe', 'ignore', 'pipe', ...(onNews === undefined ? [] : ['ipc' as const])],
      // JSON knows neither NaN nor infinity, which metrics that hold nothing may be.
      serialization: 'advanced',
    });
    if (onNews !== undefined) child.on('message', (news) => onNews(news as EngineNews));
    return new RecordingChild(child, published);
  }

  /**
   * Waits until `due`, which is asked several times a millisecond, or until the child has appended all that it should.
   * @throws Error where the child exits or hangs instead
   */
  async until(due: () => boolean): Promise<void> {
    const sleeper = new Int32Array(new SharedArrayBuffer(4));
    let seen = -1;
    let seenAt = performance.now();
    for (let poll = 1; !due() && this.#published.phase !== Phase.Done; poll++) {
      Atomics.wait(sleeper, 0, 0, POLL_MS);
      if (poll % POLLS_PER_BREATH !== 0) continue;
      await breathe();
      if (this.#exited) throw new Error(`the recording process ended by itself: ${this.#stderr.trim()}`);
      const { appended } = this.#published;
      if (appended !== seen) {
        seen = appended;
        seenAt = performance.now();
      } else if (performance.now() - seenAt > STALL_MS) {
        await this.kill();
        throw new Error(`the recording process hung after ${appended} events: ${this.#stderr.trim()}`);
      }
    }
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    if (this.#exited) return;
    const close = once(this.#process, 'close');
    this.#process.kill('SIGKILL');
    await close;
  }
}
