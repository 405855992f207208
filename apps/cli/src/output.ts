import pc from 'picocolors';
import { adviceFor } from './damage.js';
import { ProgressBar } from './progress-bar.js';

/** Whoever reads stdout has stopped, as `head` does when it has its lines. */
export class ReaderGone extends Error {}

/** What of a process's output streams is used here. */
export interface Stream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
}

/** Where a command's words go: its result to stdout, all else to stderr, so that stdout can be piped. */
export class Output {
  /** Of stdout; none of them where it, or stderr, is no terminal. */
  readonly colours: ReturnType<typeof pc.createColors>;
  readonly #errorColours: ReturnType<typeof pc.createColors>;
  readonly #stdout: Stream;
  readonly #stderr: Stream;
  #bar: ProgressBar | undefined;

  constructor(stdout: Stream = process.stdout, stderr: Stream = process.stderr) {
    const atTerminal = stderr.isTTY === true && pc.isColorSupported;
    this.colours = pc.createColors(atTerminal && stdout.isTTY === true);
    this.#errorColours = pc.createColors(atTerminal);
    this.#stdout = stdout;
    this.#stderr = stderr;
    // The callback of each write tells; without a listener the process would end with a stack trace.
    stdout.on('error', () => {});
    stderr.on('error', () => {});
  }

  /** Writes to stdout, and resolves when that has taken it. @throws ReaderGone; Error where it cannot be written */
  print(text: string | Uint8Array): Promise<void> {
    this.#bar?.stop();
    return new Promise((resolve, reject) => {
      this.#stdout.write(text, (error) => {
        if (error === undefined || error === null) resolve();
        else reject((error as NodeJS.ErrnoException).code === 'EPIPE' ? new ReaderGone() : error);
      });
    });
  }

  /** Prints one line of JSON; 64-bit integers as decimal strings, since a JSON number may not hold them. */
  printJson(value: object): Promise<void> {
    const text = JSON.stringify(value, (_, field: unknown) =>
      typeof field === 'bigint' ? String(field) : field,
    );
    return this.print(`${text}\n`);
  }

  /** A line about what is going on, to stderr. */
  say(line: string): void {
    this.#bar?.stop();
    this.#stderr.write(`${line}\n`);
  }

  /** `fswal: CODE: message`, and what to do about it. */
  fail(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.say(`fswal: ${this.#errorColours.red(message)}`);
    const advice = adviceFor(error);
    if (advice !== undefined) this.say(`fswal: ${advice}`);
  }

  /** A bar at the terminal, if stderr is one, until it is stopped or something else is written. */
  progress(label: string, total: number): ProgressBar {
    this.#bar?.stop();
    this.#bar = new ProgressBar(label, total, this.#stderr);
    return this.#bar;
  }

  /** Takes the bar away. */
  stopProgress(): void {
    this.#bar?.stop();
  }
}
