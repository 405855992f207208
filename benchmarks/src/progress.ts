/** Says on stderr which group runs, and on a terminal, in the same line, what it is at. */
export class Progress {
  readonly #name: string;
  readonly #terminal = process.stderr.isTTY === true;

  constructor(name: string) {
    this.#name = name;
    if (this.#terminal) this.#replace(`${name} ...`);
    else process.stderr.write(`running ${name} ...\n`);
  }

  at(text: string): void {
    if (this.#terminal) this.#replace(`${this.#name}: ${text} ...`);
  }

  end(): void {
    if (this.#terminal) this.#replace('');
  }

  #replace(line: string): void {
    // A line that wraps could not be erased.
    process.stderr.write(`\r\x1b[2K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`);
  }
}
