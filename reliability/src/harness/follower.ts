/* A thread or a process that follows a log: children/follow.js. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

const CHILD = new URL('./children/follow.js', import.meta.url);
/** What takes this long is a hang. */
const HANG_MS = 60_000;

export type FollowWay = 'next' | 'nextBlock' | 'iterator';

export interface FollowEnd {
  /** The last event it got. */
  readonly at: number;
  readonly events: number;
  /** Events that were torn, skipped or delivered twice, one line each. */
  readonly faults: readonly string[];
  readonly error: { readonly code: string; readonly message: string; readonly eventId: string } | null;
}

export interface FollowConfig {
  readonly dir: string;
  readonly fromEventId: number;
  readonly how: FollowWay;
}

/** A follower that runs. It checks every event: its content, and that it follows the one before. */
export class Follower {
  /** The event it stood at when it last said so; undefined until it follows. */
  at: number | undefined;
  readonly #runner: Worker | ChildProcess;
  readonly #ended: Promise<FollowEnd>;

  private constructor(runner: Worker | ChildProcess) {
    this.#runner = runner;
    this.#ended = new Promise((resolve, reject) => {
      const hang = setTimeout(() => this.#fail(reject, `it stands at event ${this.at}`), HANG_MS);
      runner.on('message', (message: { at: number } | FollowEnd) => {
        this.at = message.at;
        if (!('events' in message)) return;
        clearTimeout(hang);
        resolve(message);
      });
      runner.on('error', reject);
      runner.on('exit', (status) => this.#fail(reject, `it ended with status ${status}`));
    });
    // Whoever waits for it hears of it.
    this.#ended.catch(() => {});
  }

  static inThread(config: FollowConfig): Follower {
    return new Follower(new Worker(CHILD, { workerData: config }));
  }

  /** @param prefix a program that runs it, and its arguments */
  static inProcess(config: FollowConfig, prefix: readonly string[] = []): Follower {
    const [program, ...args] = [...prefix, process.execPath, fileURLToPath(CHILD), JSON.stringify(config)];
    return new Follower(spawn(program as string, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }));
  }

  /** Only for a follower that is a process. */
  get pid(): number {
    return (this.#runner as ChildProcess).pid as number;
  }

  /** Asks it to end once it has got this event; resolves when it has ended, there or at an error. */
  until(eventId: number): Promise<FollowEnd> {
    if (this.#runner instanceof Worker) this.#runner.postMessage({ until: eventId });
    else if (this.#runner.connected) this.#runner.send({ until: eventId });
    return this.#ended;
  }

  /** Resolves when it has ended by itself. */
  ended(): Promise<FollowEnd> {
    return this.#ended;
  }

  #fail(reject: (error: Error) => void, message: string): void {
    if (this.#runner instanceof Worker) void this.#runner.terminate();
    else this.#runner.kill('SIGKILL');
    reject(new Error(`the follower: ${message}`));
  }
}
