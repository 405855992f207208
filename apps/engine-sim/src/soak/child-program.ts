import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { setTimeout } from 'node:timers/promises';

const { resolve } = createRequire(import.meta.url);

/** Of what a program says on stderr, so many characters are kept. */
const MAX_STDERR = 4096;

/** The built program of that name. */
export function programPath(name: string): string {
  return resolve(`#soak/${name}`);
}

/** A process of a soak, made to be killed. Should its parent die, its standard input ends. */
export class ChildProgram {
  readonly #process: ChildProcess;
  readonly #exit: Promise<void>;
  #stderr = '';
  #exited = false;
  #hasRoom = true;

  private constructor(child: ChildProcess) {
    this.#process = child;
    this.#exit = this.#untilExit();
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(0, MAX_STDERR);
    });
    child.stdin!.on('drain', () => {
      this.#hasRoom = true;
    });
    // What a killed process has not read is made again for the next one.
    child.stdin!.on('error', () => {});
  }

  /**
   * @param path of a script
   * @param args its command line, as JSON
   * @param onMessage hears what the program tells; without it, the program has nobody to tell
   */
  static start(path: string, args: object, onMessage?: (message: unknown) => void): ChildProgram {
    const options: SpawnOptions = {
      stdio: ['pipe', 'ignore', 'pipe', ...(onMessage === undefined ? [] : ['ipc' as const])],
      // JSON knows neither NaN nor infinity, which metrics that hold nothing may be.
      serialization: 'advanced',
      // A group of its own: Ctrl-C is for the parent, which ends this as it ends the rest.
      detached: true,
    };
    const child = spawn(process.execPath, [path, JSON.stringify(args)], options);
    if (onMessage !== undefined) child.on('message', onMessage);
    return new ChildProgram(child);
  }

  get hasExited(): boolean {
    return this.#exited;
  }
  /** What it said on stderr, for when it has ended by itself. */
  get lastWords(): string {
    return this.#stderr.trim() || `exit status ${this.#process.exitCode ?? this.#process.signalCode}`;
  }
  /** Whether its standard input takes more without holding it in memory. */
  get hasRoom(): boolean {
    return this.#hasRoom;
  }

  /** Writes to its standard input. The bytes must stay as they are until they are read. */
  feed(bytes: Uint8Array): void {
    this.#hasRoom = this.#process.stdin!.write(bytes);
  }

  /** Ends its standard input, and waits for its exit for so long. */
  async endFeed(waitMs: number): Promise<void> {
    this.#process.stdin!.end();
    // What is left of the wait must not keep this process.
    await Promise.race([this.#exit, setTimeout(waitMs, undefined, { ref: false })]);
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    if (!this.#exited) this.#process.kill('SIGKILL');
    await this.#exit;
  }

  async #untilExit(): Promise<void> {
    try {
      // Not `exit`: only now all is there that it said on stderr.
      await once(this.#process, 'close');
    } catch (error) {
      this.#stderr = `it could not be started: ${(error as Error).message}`;
    }
    this.#exited = true;
  }
}
