import pc from 'picocolors';

export const ExitStatus = { Sound: 0, Damaged: 1, Failed: 2, Interrupted: 130 } as const;
export type ExitStatus = (typeof ExitStatus)[keyof typeof ExitStatus];

/** Between two lines of progress: at a terminal, where one replaces the other, and elsewhere, where they add up. */
const TERMINAL_PROGRESS_MS = 200;
const PLAIN_PROGRESS_MS = 2000;

/** Where a command's words go: its result to stdout, all else to stderr, so that stdout can be piped. */
export class Output {
  readonly #json: boolean;
  readonly #stdout: Stream;
  readonly #stderr: Stream;
  readonly #now: () => number;
  readonly #progressMs: number;
  #nextProgress: number;
  #hasProgress = false;
  readonly #also: Row[] = [];
  #onResult: ((rows: readonly Row[], verdict?: Verdict) => void) | undefined;

  constructor({ json, stdout, stderr, now }: OutputOptions) {
    this.#json = json;
    this.#stdout = stdout ?? process.stdout;
    this.#stderr = stderr ?? process.stderr;
    this.#now = now ?? (() => performance.now());
    this.#progressMs = this.#stderr.isTTY ? TERMINAL_PROGRESS_MS : PLAIN_PROGRESS_MS;
    this.#nextProgress = this.#now() + this.#progressMs;
  }

  /** A line about what is going on. */
  say(line: string): void {
    this.#clearProgress();
    this.#stderr.write(`${line}\n`);
  }

  /**
   * How far it has come. To be called as often as one likes: the line is only made when it is time for one. At a
   * terminal the next one replaces it.
   */
  progress(line: () => string): void {
    const now = this.#now();
    if (now < this.#nextProgress) return;
    this.#nextProgress = now + this.#progressMs;
    if (!this.#stderr.isTTY) {
      this.say(line());
      return;
    }
    this.#clearProgress();
    this.#stderr.write(line());
    this.#hasProgress = true;
  }

  fail(message: string): void {
    this.say(`${this.#errorColours.red('error:')} ${message}`);
  }

  /** What the result has besides: a field of the JSON, a row for people. */
  also(name: string, value: string): void {
    this.#also.push([name, value]);
  }

  /** `listener` is told the result, in words for people, before it is printed. */
  onResult(listener: (rows: readonly Row[], verdict?: Verdict) => void): void {
    this.#onResult = listener;
  }

  /** The result: one line of JSON, or a title and rows for people. */
  result(result: object, title: string, rows: readonly Row[], verdict?: Verdict): void {
    this.#onResult?.(rows, verdict);
    this.#clearProgress();
    const fields = { ...result, ...Object.fromEntries(this.#also) };
    const text = this.#json ? `${toJson(fields)}\n` : this.#summary(title, [...rows, ...this.#also], verdict);
    this.#stdout.write(text);
  }

  #summary(title: string, rows: readonly Row[], verdict?: Verdict): string {
    const colours = pc.createColors(this.#stdout.isTTY === true && pc.isColorSupported);
    const width = Math.max(...rows.map(([name]) => name.length));
    const lines = rows.map(([name, value]) => `  ${colours.dim(name.padEnd(width))}  ${value}`);
    if (verdict !== undefined) {
      lines.push('', verdict.sound ? colours.green(verdict.text) : colours.red(verdict.text));
    }
    return `${['', colours.bold(title), ...lines].join('\n')}\n`;
  }

  get #errorColours(): ReturnType<typeof pc.createColors> {
    return pc.createColors(this.#stderr.isTTY === true && pc.isColorSupported);
  }

  #clearProgress(): void {
    if (this.#hasProgress) this.#stderr.write('\r\x1b[K');
    this.#hasProgress = false;
  }
}

/** What of a process's output streams is used here. */
export interface Stream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export interface OutputOptions {
  /** The result as JSON. */
  readonly json: boolean;
  readonly stdout?: Stream;
  readonly stderr?: Stream;
  /** A clock for the progress, in milliseconds. */
  readonly now?: () => number;
}

/** What a command finds in the end. */
export interface Verdict {
  readonly sound: boolean;
  readonly text: string;
}

/** Name and value. */
export type Row = readonly [string, string];

/** One line; 64-bit integers as decimal strings, since a JSON number may not hold them. */
export function toJson(value: object): string {
  return JSON.stringify(value, (_, field: unknown) => (typeof field === 'bigint' ? String(field) : field));
}

export function formatCount(value: number | bigint): string {
  return value.toLocaleString('en-US');
}

/** `12.3 M events/s` */
export function formatRate(perSecond: number): string {
  if (!Number.isFinite(perSecond)) return '-';
  if (perSecond >= 1e6) return `${(perSecond / 1e6).toFixed(1)} M events/s`;
  return `${formatCount(Math.round(perSecond))} events/s`;
}
