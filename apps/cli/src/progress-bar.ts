import { SingleBar } from 'cli-progress';

/** How far long work has come: one line on a terminal, nothing elsewhere. */
export class ProgressBar {
  readonly #bar: SingleBar | undefined;

  constructor(label: string, total: number, stream: NodeJS.WritableStream & { readonly isTTY?: boolean }) {
    if (stream.isTTY !== true) return;
    this.#bar = new SingleBar({
      format: `${label} {bar} {percentage} %, {eta_formatted} left`,
      barsize: 40,
      barCompleteChar: '#',
      barIncompleteChar: '.',
      stream,
      clearOnComplete: true,
      // Cursor and line wrapping stay as they are: whatever ends the process leaves a usable terminal.
      hideCursor: null,
      linewrap: true,
      gracefulExit: false,
    });
    this.#bar.start(total, 0);
  }

  /** To be called as often as one likes. */
  update(done: number): void {
    this.#bar?.update(done);
  }

  stop(): void {
    this.#bar?.stop();
  }
}
