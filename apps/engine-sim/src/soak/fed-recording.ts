import { EVENT_BYTES, EVENT_WORDS, RequestEvent } from '@fswal/format';
import { type Durability, RecorderManager } from '@fswal/recorder';
import type { PublishedPosition } from '../log/published-position.js';

/** How long a stall of the device may stop it: there is nothing better to do than to wait. */
const BACKPRESSURE_TIMEOUT_MS = 30_000;
const BUFFER_EVENTS = 1024;

export interface FedRecordingOptions {
  readonly dir: string;
  /** Id of the last event that recovery has found: the log goes on after it. */
  readonly recovered: number;
  readonly blocks: number;
  readonly tailBlocks: number;
  readonly durability: Durability;
  readonly maxSegments: number;
  /** 0: nothing is compressed. */
  readonly maxCompressed: number;
}

/** A log that takes the events that it is fed, as bytes cut anywhere, and publishes each append. */
export class FedRecording {
  readonly recorder: RecorderManager;
  readonly #published: PublishedPosition;
  readonly #bytes = new Uint8Array(BUFFER_EVENTS * EVENT_BYTES);
  readonly #event = new RequestEvent(new Int32Array(this.#bytes.buffer));
  /** Bytes of an event that has not come whole yet. */
  #pendingBytes = 0;
  #appended = 0;

  private constructor(recorder: RecorderManager, published: PublishedPosition) {
    this.recorder = recorder;
    this.#published = published;
  }

  /** @throws WalError; Error where the log does not go on where recovery has ended */
  static async open(options: FedRecordingOptions, published: PublishedPosition): Promise<FedRecording> {
    const recorder = await RecorderManager.open({
      dir: options.dir,
      blocksPerSegment: options.blocks,
      tailBlocks: options.tailBlocks,
      durability: options.durability,
      maxSegments: options.maxSegments,
      maxCompressedSegments: options.maxCompressed,
      backpressureTimeoutMs: BACKPRESSURE_TIMEOUT_MS,
    });
    const { eventId } = recorder.metaState;
    if (eventId !== BigInt(options.recovered)) {
      throw new Error(`the recorder goes on after event ${eventId}, recovery ended at ${options.recovered}`);
    }
    published.begin(options.recovered);
    return new FedRecording(recorder, published);
  }

  /** @throws WalError what append throws */
  feed(chunk: Uint8Array): void {
    let taken = 0;
    while (taken < chunk.length) {
      const part = chunk.subarray(taken, taken + this.#bytes.length - this.#pendingBytes);
      this.#bytes.set(part, this.#pendingBytes);
      taken += part.length;
      this.#appendWhole(this.#pendingBytes + part.length);
    }
  }

  /** Seals, syncs and closes the log. @throws WalError; Error where the last event is not whole */
  async close(): Promise<void> {
    await this.recorder.close();
    if (this.#pendingBytes > 0)
      throw new Error(`the last event lacks ${EVENT_BYTES - this.#pendingBytes} bytes`);
    this.#published.end();
  }

  #appendWhole(bytes: number): void {
    const events = Math.floor(bytes / EVENT_BYTES);
    for (let i = 0; i < events; i++) {
      this.#event.base = i * EVENT_WORDS;
      this.recorder.append(this.#event);
      this.#published.appended = ++this.#appended;
    }
    this.#bytes.copyWithin(0, events * EVENT_BYTES, bytes);
    this.#pendingBytes = bytes - events * EVENT_BYTES;
  }
}
