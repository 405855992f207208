import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { SegmentFile } from '@fswal/format';
import { SpmcRing } from '@fswal/ring';
import { ControlWord } from './preloader-protocol.js';
import type { ReplayWindow } from './replay-window.js';
import {
  END_OF_JOBS,
  JOB_WORDS,
  JobWord,
  SLOT_WORDS,
  SlotState,
  SlotWord,
  type VerifierData,
} from './verifier-protocol.js';

const WORKER = createRequire(import.meta.url).resolve('#verifier-worker');
/** Room for a job of each window, or for the end of each verifier. */
const JOBS_CAPACITY = 64;
const NAP_MS = 50;
/** Without any progress for so many naps a verifier must be gone: 10 s. */
const MAX_STILL_NAPS = 200;

/** A segment that was read into its window and is sealed and sound by itself. */
export interface VerifiedSegment {
  /** Bytes in the window. */
  readonly count: number;
  readonly openNs: number;
  readonly readNs: number;
  readonly verifyNs: number;
  readonly closeNs: number;
}

/** Threads that read and verify segments ahead of the preloader, each into a window of its own. */
export class SegmentVerifiers {
  readonly #threads: number;
  readonly #jobs: SpmcRing;
  readonly #slots: Int32Array;
  readonly #control: Int32Array;
  readonly #job = new Int32Array(JOB_WORDS);

  private constructor(threads: number, jobs: SpmcRing, slots: Int32Array, control: Int32Array) {
    this.#threads = threads;
    this.#jobs = jobs;
    this.#slots = slots;
    this.#control = control;
  }

  /** @param control see ControlWord: progress goes up, and another epoch ends what is being read */
  static start(
    dir: string,
    threads: number,
    windows: readonly ReplayWindow[],
    control: Int32Array,
  ): SegmentVerifiers {
    const jobs = SpmcRing.create({ capacity: JOBS_CAPACITY, recordWords: JOB_WORDS });
    const slots = new Int32Array(
      new SharedArrayBuffer(windows.length * SLOT_WORDS * Int32Array.BYTES_PER_ELEMENT),
    );
    const workerData: VerifierData = {
      dir,
      windows: windows.map(({ buffer }) => buffer),
      jobs: jobs.buffer,
      slots: slots.buffer as SharedArrayBuffer,
      control: control.buffer as SharedArrayBuffer,
    };
    for (let thread = 0; thread < threads; thread++) {
      new Worker(WORKER, { workerData, execArgv: [] }).unref();
    }
    return new SegmentVerifiers(threads, jobs, slots, control);
  }

  /** Has a segment read into a window. Until `take`, the window is not to be touched. */
  submit(window: number, { segmentIndex, compressed }: SegmentFile): void {
    this.#slots[window * SLOT_WORDS + SlotWord.state] = SlotState.pending;
    this.#job[JobWord.window] = window;
    this.#job[JobWord.segmentIndex] = segmentIndex;
    this.#job[JobWord.compressed] = Number(compressed);
    this.#push();
  }

  /**
   * Waits for the verdict on what is in a window; undefined = it has to be read anew.
   * @throws Error where no verifier moves any more
   */
  take(window: number): VerifiedSegment | undefined {
    const slot = window * SLOT_WORDS;
    const slots = this.#slots;
    if (this.#awaitState(slot + SlotWord.state) !== SlotState.sound) return undefined;
    return {
      count: slots[slot + SlotWord.count],
      openNs: slots[slot + SlotWord.openUs] * 1e3,
      readNs: slots[slot + SlotWord.readUs] * 1e3,
      verifyNs: slots[slot + SlotWord.verifyUs] * 1e3,
      closeNs: slots[slot + SlotWord.closeUs] * 1e3,
    };
  }

  /** Ends the threads, each after the job it has. */
  stop(): void {
    this.#job[JobWord.window] = END_OF_JOBS;
    for (let thread = 0; thread < this.#threads; thread++) this.#push();
  }

  /** Pairs with the store in the verifier. */
  #awaitState(word: number): number {
    const slots = this.#slots;
    let progress = -1;
    let stillNaps = 0;
    for (;;) {
      const state = Atomics.load(slots, word);
      if (state !== SlotState.pending) return state;
      const now = Atomics.load(this.#control, ControlWord.progress);
      stillNaps = now === progress ? stillNaps + 1 : 0;
      progress = now;
      if (stillNaps > MAX_STILL_NAPS) throw new Error('the verifier threads stand still');
      Atomics.wait(slots, word, SlotState.pending, NAP_MS);
    }
  }

  #push(): void {
    if (!this.#jobs.push(this.#job)) throw new Error('the ring of jobs has less room than windows');
  }
}
