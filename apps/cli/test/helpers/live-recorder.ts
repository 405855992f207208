import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const KEEP_RECORDING = fileURLToPath(new URL('../children/keep-recording.js', import.meta.url));

/** A recorder in a process of its own, at work until it is stopped. */
export class LiveRecorder {
  readonly #process: ChildProcess;
  readonly #lines: Interface;
  /** The durable event id, as it last said. */
  durableEventId = 0;

  private constructor(process: ChildProcess) {
    this.#process = process;
    this.#lines = createInterface({ input: process.stdout as NodeJS.ReadableStream });
    this.#lines.on('line', (line) => {
      this.durableEventId = Number(line);
    });
  }

  /**
   * @param batch events between two syncs
   * @param maxSegments how many segments retention leaves; default: all
   */
  static start(dir: string, batch: number, maxSegments?: number): LiveRecorder {
    const args = [batch, ...(maxSegments === undefined ? [] : [maxSegments])].map(String);
    return new LiveRecorder(
      spawn(process.execPath, [KEEP_RECORDING, dir, ...args], { stdio: ['pipe', 'pipe', 'inherit'] }),
    );
  }

  /** Resolves when that event is durable. */
  async reach(eventId: number): Promise<void> {
    while (this.durableEventId < eventId) await once(this.#lines, 'line');
  }

  /** Closes the log; resolves when the process is gone. */
  async stop(): Promise<void> {
    const closed = once(this.#process, 'close');
    this.#process.stdin?.end();
    await closed;
  }
}
