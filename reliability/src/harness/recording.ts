/* A process that records into a log until it dies: children/record.js. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { RecorderOptions } from '@fswal/recorder';
import { Marks, Phase } from './children/marks.js';

const CHILD = fileURLToPath(new URL('./children/record.js', import.meta.url));

/** Nothing that a child does takes a tenth of this: what takes this long is a hang. */
export const HANG_MS = 30_000;

/** How the process itself ends; `out of memory` goes on until the kernel ends it. */
export type Death = 'abort' | 'exit' | 'throw' | 'out of memory' | 'SIGSEGV' | 'SIGTERM' | 'SIGKILL';

export interface RecordConfig {
  readonly dir: string;
  /** Where the child says how far it has come; made here. Not in the log's directory. */
  readonly marksFile: string;
  /** Of the lengths of its bursts and of how it asks for durability. */
  readonly seed: number;
  readonly options: Omit<RecorderOptions, 'dir' | 'view'>;
  /** Without it the child records until the parent ends it. */
  readonly death?: { readonly way: Death; readonly afterAppends: number } | undefined;
  /** Reads its log slowly while it records. Default false. */
  readonly readsToo?: boolean | undefined;
  /** A worker of the recorder dies, at that one of its calls that change or sync a file. The first is 1. */
  readonly inWorker?: WorkerDeath | undefined;
}

export interface WorkerDeath {
  readonly role: 'writer' | 'preparer' | 'maintainer' | 'coordinator';
  readonly way: 'throw' | 'exit' | 'SIGSEGV' | 'SIGKILL';
  readonly atCall: number;
}

/** A recording child that runs. */
export class Recording {
  readonly child: ChildProcess;
  readonly marks: Marks;
  readonly #ended: Promise<unknown>;
  #stdout = '';
  #stderr = '';
  #hung = false;

  private constructor(child: ChildProcess, marks: Marks) {
    this.child = child;
    this.marks = marks;
    child.stdout?.on('data', (text) => {
      this.#stdout += text;
    });
    child.stderr?.on('data', (text) => {
      this.#stderr += text;
    });
    const watch = setTimeout(() => {
      this.#hung = true;
      child.kill('SIGKILL');
    }, HANG_MS);
    this.#ended = once(child, 'close').finally(() => clearTimeout(watch));
  }

  static start(config: RecordConfig): Recording {
    fs.rmSync(config.marksFile, { force: true });
    const marks = Marks.create(config.marksFile);
    const child = spawn(process.execPath, [CHILD, JSON.stringify(config)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new Recording(child, marks);
  }

  /** What it wrote: after the failure of a worker, the code that the engine got. */
  get stdout(): string {
    return this.#stdout;
  }
  get stderr(): string {
    return this.#stderr;
  }

  /** Whether it has opened its log. */
  get opened(): boolean {
    return this.marks.phase !== Phase.opening;
  }

  /** Resolves when the first event is appended, or the child is dead. */
  firstAppend(): Promise<void> {
    return this.#until(() => this.opened && this.marks.returned !== this.marks.base);
  }

  /** Resolves when the child's reader stands at an event, or the child is dead. */
  firstRead(): Promise<void> {
    return this.#until(() => this.marks.held > 0);
  }

  async #until(holds: () => boolean): Promise<void> {
    const { child } = this;
    while (!holds() && child.exitCode === null && child.signalCode === null) await sleep(1);
  }

  /** @returns what is wrong with the way it ended, one line each; it was killed if it never ended by itself */
  async ended(): Promise<string[]> {
    await this.#ended;
    return this.#hung ? [`the child did not end in ${HANG_MS} ms`] : [];
  }

  /** Kills it, whatever it does. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<string[]> {
    this.child.kill(signal);
    return this.ended();
  }
}
