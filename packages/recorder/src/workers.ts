import fs from 'node:fs';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { WalError } from '@fswal/format';
import { Control, ROLES, Role } from './control.js';
import type { MaintenanceFailure } from './maintenance-failure.js';
import type { SegmentNews } from './segment-news.js';
import type { CommonWorkerData, WorkerReady } from './worker-data.js';

const WORKER = createRequire(import.meta.url).resolve('#worker');
const YOUNG_GENERATION_MB = 1;
/** How long a system call of a thread may take before it is terminated. */
const STOP_TIMEOUT_MS = 5_000;

/** What the threads tell once they are up. */
export type WorkerNews = SegmentNews | MaintenanceFailure;

interface NamedWorker {
  readonly role: Role;
  readonly name: string;
  readonly worker: Worker;
  /** The system's number of the thread; undefined where it tells none. */
  systemId: number | undefined;
}

/** The threads of one recorder: one of each role, and as many maintainers as are wanted. */
export class Workers {
  readonly #all: readonly NamedWorker[];

  private constructor(all: readonly NamedWorker[]) {
    this.#all = all;
  }

  /** Starts all threads and waits until they are up. @param takeNews what they tell from then on @throws WalError WORKER_FAILED */
  static async start(
    data: CommonWorkerData,
    maintainers: number,
    takeNews: (news: WorkerNews) => void,
  ): Promise<Workers> {
    const start = (role: Role, index: number, name: string): NamedWorker => {
      // Descriptors are handed from thread to thread: none may be closed because the thread that opened it exits.
      const options = {
        workerData: { ...data, role, index },
        // The process's own flags may be such that no thread starts with them (--input-type).
        execArgv: [],
        // By default the nursery of each thread grows for many minutes, to tens of megabytes, for garbage that dies at once.
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
        trackUnmanagedFds: false,
        name: `fswal ${name}`,
      };
      try {
        const worker = new Worker(WORKER, options);
        worker.on('message', (message: WorkerReady | WorkerNews) => {
          if (!('systemId' in message)) takeNews(message);
        });
        return { role, name, worker, systemId: undefined };
      } catch (cause) {
        throw didNotStart(name, cause);
      }
    };
    const all: NamedWorker[] = [];
    const starts: Promise<void>[] = [];
    const untilUp = async (each: NamedWorker) => {
      each.systemId = await ready(each.worker, each.name);
    };
    try {
      for (const role of ROLES) {
        const count = role === 'maintainer' ? maintainers : 1;
        for (let i = 0; i < count; i++) {
          const each = start(Role[role], i, i === 0 ? role : `${role} ${i + 1}`);
          all.push(each);
          starts.push(untilUp(each));
        }
      }
      await Promise.all(starts);
    } catch (error) {
      // Nobody is terminated while it loads koffi, which ends the process hard, or amid making a segment, which would stay open.
      await Promise.allSettled(starts);
      new Control(data.control).fail(error as WalError);
      await new Workers(all).stop();
      throw error;
    }
    for (const { worker } of all) worker.unref();
    return new Workers(all);
  }

  /** @param ended called for each thread that ends: of itself, or by an error */
  watch(ended: (name: string, exitCode: number, cause?: Error) => void): void {
    for (const { worker, name } of this.#all) {
      worker.on('error', (cause) => ended(name, 1, cause));
      worker.on('exit', (exitCode) => ended(name, exitCode));
      // It may have ended while the others still started.
      if (worker.threadId === -1) ended(name, 1);
    }
  }

  /** From now on they keep the process alive. */
  ref(): void {
    for (const { worker } of this.#all) worker.ref();
  }

  /** The name of a thread that is no more, whether or not its end has been heard of. Asks the system. */
  findGone(): string | undefined {
    return this.#all.find(
      ({ systemId }) => systemId !== undefined && !fs.existsSync(`/proc/self/task/${systemId}`),
    )?.name;
  }

  /** Whether every thread of a role has exited. */
  haveExited(role: Role): boolean {
    return this.#all.every((each) => each.role !== role || each.worker.threadId === -1);
  }

  /** Resolves when every thread of a role has exited, or the time is over. */
  async exitOrTimeout(role: Role, timeoutMs: number): Promise<void> {
    await Promise.all(
      this.#all.filter((each) => each.role === role).map(({ worker }) => exitOrTimeout(worker, timeoutMs)),
    );
  }

  /** Resolves when all have exited, of themselves or, after a while, because they were terminated. */
  async stop(): Promise<void> {
    await Promise.all(this.#all.map(({ worker }) => exitOrTimeout(worker, STOP_TIMEOUT_MS)));
    await Promise.all(this.#all.map(({ worker }) => worker.terminate()));
  }
}

/** @returns the system's number of the thread */
function ready(worker: Worker, name: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) => reject(didNotStart(name, cause));
    const exit = (exitCode: number) => fail(new Error(`it ended with exit code ${exitCode}`));
    worker.once('message', ({ systemId }: WorkerReady) => {
      worker.off('exit', exit);
      resolve(systemId);
    });
    // These stay until the recorder listens itself: an error that nobody hears would end the process.
    worker.once('error', fail);
    worker.once('exit', exit);
  });
}

function didNotStart(name: string, cause: unknown): WalError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new WalError('WORKER_FAILED', `the ${name} thread did not start: ${why}`, { cause });
}

function exitOrTimeout(worker: Worker, timeoutMs: number): Promise<void> {
  if (worker.threadId === -1) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      worker.off('exit', done);
      resolve();
    };
    const timer = setTimeout(done, timeoutMs);
    worker.once('exit', done);
  });
}
