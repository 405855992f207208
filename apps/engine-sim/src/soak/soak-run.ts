import { existsSync } from 'node:fs';
import { type RequestEvent, WalError } from '@fswal/format';
import { type Durability, RecorderManager, type RecorderSnapshot } from '@fswal/recorder';
import { Venue } from '../engine/venue.js';
import { type FlowSpec, instrumentsOf, openFlow } from '../flow/flow-spec.js';
import { type Pace, PacedFlow } from '../log/paced-flow.js';
import { breathe, sleep } from '../log/pause.js';
import { ProcessGauges } from './process-gauges.js';
import { refuseLog } from './refuse-log.js';
import { SoakSamples } from './soak-samples.js';

/** Requests between two visits to the event loop, where signals are seen and samples are taken. */
const SLICE_EVENTS = 65_536;
const SAMPLE_MS = 1000;
/** Short, so that samples come in time and Ctrl-C is seen while the engine waits for the device. */
const BACKPRESSURE_TIMEOUT_MS = 250;

export interface SoakOptions {
  /** A directory without a log. */
  readonly dir: string;
  readonly seconds: number;
  readonly flow: FlowSpec;
  readonly pace: Pace;
  readonly blocks: number;
  readonly durability: Durability;
  readonly maxSegments: number;
  /** 0: nothing is compressed. */
  readonly maxCompressed: number;
}

/**
 * Runs a matching engine with its log for a time, samples the process once a second, and keeps nothing else: neither
 * the loop nor the sampling makes memory grow.
 */
export class SoakRun {
  readonly samples: SoakSamples;
  readonly gauges: ProcessGauges;
  readonly venue: Venue;
  readonly #recorder: RecorderManager;
  readonly #flow: PacedFlow;
  readonly #options: SoakOptions;
  #refusals = 0;
  #stopping = false;

  private constructor(recorder: RecorderManager, gauges: ProcessGauges, options: SoakOptions) {
    this.#recorder = recorder;
    this.#options = options;
    this.venue = new Venue(instrumentsOf(options.flow));
    this.#flow = new PacedFlow(openFlow(options.flow), options.pace);
    this.gauges = gauges;
    this.samples = new SoakSamples(Math.ceil((options.seconds * 1000) / SAMPLE_MS) + 1);
  }

  /** @throws Error where there is a log already, or no /proc; WalError where a log cannot be made */
  static async open(options: SoakOptions): Promise<SoakRun> {
    const { dir } = options;
    if (!existsSync('/proc/self/maps')) throw new Error('soak samples /proc/self, and there is none here');
    refuseLog(dir);
    const recorder = await RecorderManager.open({
      dir,
      blocksPerSegment: options.blocks,
      durability: options.durability,
      maxSegments: options.maxSegments,
      maxCompressedSegments: options.maxCompressed,
      backpressureTimeoutMs: BACKPRESSURE_TIMEOUT_MS,
    });
    return new SoakRun(recorder, new ProcessGauges(), options);
  }

  /** Requests in the log: the id of the last one. */
  get appended(): number {
    return this.#flow.count;
  }
  /** Appends that ended with BACKPRESSURE. Each was tried again until it went through. */
  get refusals(): number {
    return this.#refusals;
  }
  /** Segments that events were written to so far. */
  get segments(): number {
    return this.#recorder.metaState.segmentIndex + 1;
  }
  /** What a probe looks at. */
  get recorder(): Pick<RecorderManager, 'watermarks' | 'telemetry'> {
    return this.#recorder;
  }
  /** The recorder's metrics. Allocates: for when the run is over. */
  get telemetry(): RecorderSnapshot {
    return this.#recorder.telemetry;
  }

  /** Makes `run` return soon. */
  stop(): void {
    this.#stopping = true;
  }

  /**
   * Records and matches until the time is over, or `stop`.
   *
   * @param onProgress called often, with the seconds so far
   * @returns seconds that it took
   * @throws WalError what append throws, but for BACKPRESSURE
   */
  async run(onProgress: (seconds: number) => void): Promise<number> {
    const { seconds } = this.#options;
    const start = performance.now();
    let nextSampleMs = SAMPLE_MS;
    for (;;) {
      this.gauges.observe();
      const elapsedMs = performance.now() - start;
      if (elapsedMs >= nextSampleMs) {
        this.samples.take(elapsedMs / 1000, this.gauges);
        // What a stall has skipped is not made up for.
        nextSampleMs = (Math.floor(elapsedMs / SAMPLE_MS) + 1) * SAMPLE_MS;
      }
      if (this.#stopping || elapsedMs >= seconds * 1000) return elapsedMs / 1000;
      this.#flow.tick(elapsedMs);
      const done = this.#appendAndMatch(SLICE_EVENTS);
      onProgress(elapsedMs / 1000);
      await (done === SLICE_EVENTS ? breathe() : sleep(1));
    }
  }

  close(): Promise<void> {
    return this.#recorder.close();
  }

  /**
   * As many as are due and there is room for; what there is none for is the first of the next slice.
   * @returns how many of up to `count`
   */
  #appendAndMatch(count: number): number {
    const flow = this.#flow;
    for (let i = 0; i < count; i++) {
      if (!flow.offer() || !this.#append(flow.event)) return i;
      flow.take();
      this.venue.apply(flow.last);
    }
    return count;
  }

  /** @returns false where the log had no room for it in time */
  #append(event: RequestEvent): boolean {
    try {
      this.#recorder.append(event);
      return true;
    } catch (error) {
      if (!(error instanceof WalError) || error.code !== 'BACKPRESSURE') throw error;
      this.#refusals++;
      return false;
    }
  }
}
