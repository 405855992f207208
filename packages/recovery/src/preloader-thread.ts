import { once } from 'node:events';
import { createRequire } from 'node:module';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { WalError } from '@fswal/format';
import { SpscRing } from '@fswal/ring';
import { nsSince } from '@fswal/telemetry/clock';
import { fromPlainError } from './plain-error.js';
import {
  CAUGHT_UP,
  CONTROL_WORDS,
  ControlWord,
  EXHAUSTED_WORDS,
  ExhaustedWord,
  FILLED_WORDS,
  FilledWord,
  type PlainEnd,
  type PreloaderData,
  type PreloaderMessage,
  type PreloaderStart,
  RING_CAPACITY,
  SEEK,
  STOP,
} from './preloader-protocol.js';
import type { CheckedOptions } from './recovery-options.js';
import type { LogSummary } from './recovery-report.js';
import { ReplayWindow } from './replay-window.js';
import { RecoveryTelemetry, type ReplayTelemetry } from './telemetry.js';
import type { SeekTarget } from './window-source.js';

const WORKER = createRequire(import.meta.url).resolve('#preloader-worker');
/** Checks for a filled window before the thread goes to sleep: some microseconds. */
const SPINS = 2_000;
/** A stall is counted in naps, not by the clock: a process that was stopped as a whole is not a stalled thread. */
const NAP_MS = 50;
const TWO_32 = 4_294_967_296;
/** Instead of a window: a followed log has nothing new yet. */
export const NOTHING_YET = -3;

/** The preloader's thread as the replay thread sees it. */
export class PreloaderThread {
  readonly worker: Worker;
  readonly summary: LogSummary;
  readonly telemetry: RecoveryTelemetry;
  /** The record taken last; see FilledWord. */
  readonly record = new Int32Array(FILLED_WORDS);
  /** How the log ended, once `take` has returned END. */
  end: PlainEnd | undefined;

  readonly #windows: ReplayWindow[];
  readonly #filled: SpscRing;
  readonly #exhausted: SpscRing;
  readonly #control: Int32Array;
  readonly #port: MessagePort;
  readonly #waits: ReplayTelemetry['wait'];
  readonly #stallNaps: number;
  readonly #returned = new Int32Array(EXHAUSTED_WORDS);
  readonly #exit: Promise<unknown>;
  #epoch = 0;
  /** Events of all records taken. */
  #takenEvents = 0;
  /** Whether a follower has read all there was, in this epoch. */
  #hasCaughtUp = false;
  #failure: WalError | undefined;
  #stopping: Promise<void> | undefined;

  private constructor(
    worker: Worker,
    exit: Promise<unknown>,
    port: MessagePort,
    parts: { filled: SpscRing; exhausted: SpscRing; control: Int32Array; telemetry: RecoveryTelemetry },
    start: { windows: readonly SharedArrayBuffer[]; summary: LogSummary },
    stallTimeoutMs: number,
  ) {
    this.worker = worker;
    this.summary = start.summary;
    this.#windows = start.windows.map((buffer) => new ReplayWindow(buffer));
    this.#filled = parts.filled;
    this.#exhausted = parts.exhausted;
    this.#control = parts.control;
    this.telemetry = parts.telemetry;
    this.#waits = parts.telemetry.replay.wait;
    this.#port = port;
    this.#stallNaps = Math.ceil(stallTimeoutMs / NAP_MS);
    this.#exit = exit;
    worker.on('error', (cause) => this.#fail('the preloader thread failed', cause));
    worker.on('exit', (status) => this.#fail(`the preloader thread ended with status ${status}`));
  }

  /**
   * Starts the thread; resolves when it has looked at the directory and is reading.
   * @throws WalError DIRECTORY_NOT_FOUND, OPEN_FAILED, READ_FAILED, WORKER_FAILED
   */
  static async start(options: CheckedOptions): Promise<PreloaderThread> {
    const { stallTimeoutMs, sampleBlocks: _, ...settings } = options;
    const filled = SpscRing.create({ capacity: RING_CAPACITY, recordWords: FILLED_WORDS });
    const exhausted = SpscRing.create({ capacity: RING_CAPACITY, recordWords: EXHAUSTED_WORDS });
    const control = new Int32Array(new SharedArrayBuffer(CONTROL_WORDS * Int32Array.BYTES_PER_ELEMENT));
    const telemetry = RecoveryTelemetry.create();
    const { port1, port2 } = new MessageChannel();
    const workerData: PreloaderData = {
      ...settings,
      control: control.buffer as SharedArrayBuffer,
      filled: filled.buffer,
      exhausted: exhausted.buffer,
      telemetry: telemetry.buffers,
      port: port2,
    };
    const worker = new Worker(WORKER, { workerData, transferList: [port2], execArgv: [] });
    const exit = new Promise((resolve) => worker.once('exit', resolve));
    // Without a listener, an error between two others would end the process.
    worker.on('error', () => {});
    try {
      const start = await firstMessage(worker);
      if ('error' in start) throw fromPlainError(start.error);
      worker.unref();
      return new PreloaderThread(
        worker,
        exit,
        port1,
        { filled, exhausted, control, telemetry },
        start,
        stallTimeoutMs,
      );
    } catch (error) {
      port1.close();
      await exit;
      throw error;
    }
  }

  /** The memory of a window, as words. */
  wordsOf(window: number): Int32Array {
    return this.#windows[window].words;
  }

  /**
   * Takes the next filled window, and waits for it, but where a follower has once read all there was; `record` then says
   * what it holds.
   * @returns its index, END, or NOTHING_YET
   * @throws WalError WORKER_FAILED where the thread is gone or stands still
   */
  take(): number {
    for (;;) {
      if (!this.#filled.pop(this.record)) {
        if (this.#hasCaughtUp) return this.#nothingYet();
        const start = performance.now();
        this.#await();
        this.#waits.record(nsSince(start));
      }
      if (!this.#accept()) continue;
      const window = this.record[FilledWord.window];
      if (window !== CAUGHT_UP) return window;
      this.#hasCaughtUp = true;
    }
  }

  /** Resolves when a window is filled or the thread gone, which whoever takes one learns (true), or the time is up (false). */
  async filled(timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const leftMs = Math.max(0, deadline - performance.now());
      const isFilled = await this.#filled.waitNotEmptyAsync(Math.min(leftMs, NAP_MS));
      if (isFilled && this.#takeCaughtUp()) continue;
      // Nobody fills another one once the thread is gone.
      if (isFilled || this.#failure !== undefined) return true;
      if (leftMs === 0) return false;
    }
  }

  /** Events in filled windows that have not been taken. */
  get waitingEvents(): number {
    return this.telemetry.preloadedEvents - this.#takenEvents;
  }

  /** When the oldest of those windows was filled, in microseconds as `monotonicUs`; undefined where there is none. */
  get waitingSinceUs(): number | undefined {
    const at = this.#filled.peek();
    return at < 0 ? undefined : filledUs(this.#filled.words, at);
  }

  /** When the window taken last was filled. */
  get filledUs(): number {
    return filledUs(this.record, 0);
  }

  /** Hands a window back, to be filled again. */
  release(window: number): void {
    this.#returned[ExhaustedWord.window] = window;
    this.#exhausted.push(this.#returned);
  }

  /** The windows that are taken from now on begin at the target. */
  seek({ word, value }: SeekTarget): void {
    const record = this.#returned;
    this.#epoch++;
    this.#hasCaughtUp = false;
    record[ExhaustedWord.epoch] = this.#epoch;
    record[ExhaustedWord.seekWord] = word;
    record[ExhaustedWord.valueLow] = Number(BigInt.asIntN(32, value));
    record[ExhaustedWord.valueHigh] = Number(BigInt.asIntN(32, value >> 32n));
    this.end = undefined;
    this.#interrupt();
    this.release(SEEK);
  }

  /** Ends the thread; resolves when it is gone. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.worker.ref();
    this.#interrupt();
    this.release(STOP);
    await this.#exit;
    this.#port.close();
  }

  /** Pairs with the load in the worker's onProgress. The record behind it wakes the thread where it waits. */
  #interrupt(): void {
    Atomics.add(this.#control, ControlWord.epoch, 1);
  }

  #nothingYet(): typeof NOTHING_YET {
    if (this.#failure !== undefined) throw this.#failure;
    return NOTHING_YET;
  }

  /** Takes the record that says that a follower has read all there was, if that is the next one. @returns whether it was */
  #takeCaughtUp(): boolean {
    const at = this.#filled.peek();
    if (at < 0) return false;
    const { words } = this.#filled;
    if (words[at + FilledWord.window] !== CAUGHT_UP || words[at + FilledWord.epoch] !== this.#epoch)
      return false;
    this.#filled.release();
    this.#hasCaughtUp = true;
    return true;
  }

  /** Takes what came with a record. @returns whether it is of this epoch; else its window was handed back */
  #accept(): boolean {
    this.#takenEvents += this.record[FilledWord.events];
    for (let messages = this.record[FilledWord.messages]; messages > 0; messages--) this.#receive();
    if (this.record[FilledWord.epoch] === this.#epoch) return true;
    this.end = undefined;
    const window = this.record[FilledWord.window];
    if (window >= 0) this.release(window);
    return false;
  }

  #await(): void {
    for (let spins = 0; spins < SPINS; spins++) if (this.#filled.pop(this.record)) return;
    let naps = 0;
    let progress = this.#progress();
    while (!this.#filled.pop(this.record)) {
      if (this.#failure !== undefined) throw this.#failure;
      this.#filled.waitNotEmpty(NAP_MS);
      const now = this.#progress();
      naps = now === progress ? naps + 1 : 0;
      progress = now;
      if (naps > this.#stallNaps) {
        this.#fail(`the preloader thread has stood still for ${this.#stallNaps * NAP_MS} ms`);
      }
    }
  }

  #progress(): number {
    return Atomics.load(this.#control, ControlWord.progress);
  }

  #receive(): void {
    const received = receiveMessageOnPort(this.#port) as { message: PreloaderMessage } | undefined;
    if (received === undefined) throw this.#fail('the preloader thread has lost a message');
    const { message } = received;
    if (message.kind === 'end') this.end = message.end;
    else this.#windows[message.window] = new ReplayWindow(message.buffer);
  }

  #fail(message: string, cause?: unknown): WalError {
    this.#failure ??= new WalError('WORKER_FAILED', message, cause === undefined ? {} : { cause });
    return this.#failure;
  }
}

function filledUs(words: Int32Array, at: number): number {
  const high = words[at + FilledWord.filledHigh] * TWO_32;
  return high + (words[at + FilledWord.filledLow] >>> 0);
}

async function firstMessage(worker: Worker): Promise<PreloaderStart> {
  const abort = new AbortController();
  const { signal } = abort;
  try {
    return await Promise.race([
      once(worker, 'message', { signal }).then(([message]) => message as PreloaderStart),
      once(worker, 'exit', { signal }).then(([status]) => {
        throw new WalError('WORKER_FAILED', `the preloader thread ended with status ${status}`);
      }),
    ]);
  } catch (cause) {
    if (cause instanceof WalError) throw cause;
    throw new WalError('WORKER_FAILED', 'the preloader thread did not start', { cause });
  } finally {
    abort.abort();
  }
}
