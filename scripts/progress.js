// @ts-check

// What set-up says while it works, on stderr only: one live line on a terminal, a few plain lines elsewhere.

const LIVE_MS = 250;
const PLAIN_MS = 10_000;

export class Progress {
  /**
   * Says that a step begins.
   * @param {string} label what is being done, such as "installing packages"
   * @param {NodeJS.WriteStream} [stream]
   */
  constructor(label, stream = process.stderr) {
    this.label = label;
    this.stream = stream;
    this.detail = '';
    this.startMs = performance.now();
    this.live = Boolean(stream.isTTY);
    if (this.live) this.drawLive();
    else this.writeLine(`${label} ...`);
    this.timer = setInterval(
      () => (this.live ? this.drawLive() : this.writeLine(this.line())),
      this.live ? LIVE_MS : PLAIN_MS,
    );
    this.timer.unref();
  }

  /**
   * Ends the step.
   * @param {string} [outcome] such as "failed"
   */
  end(outcome = 'done') {
    clearInterval(this.timer);
    if (this.live) this.stream.write('\r\x1b[K');
    const seconds = (performance.now() - this.startMs) / 1000;
    this.writeLine(`${this.label}: ${outcome}, ${seconds.toFixed(1)} s`);
  }

  /** @private */
  line() {
    const seconds = Math.floor((performance.now() - this.startMs) / 1000);
    return `${this.label} ... ${seconds} s${this.detail === '' ? '' : ` (${this.detail})`}`;
  }

  /** @private */
  drawLive() {
    const columns = this.stream.columns || 80;
    this.stream.write(`\r\x1b[K${`setup: ${this.line()}`.slice(0, columns - 1)}`);
  }

  /**
   * @private
   * @param {string} text
   */
  writeLine(text) {
    this.stream.write(`setup: ${text}\n`);
  }
}
