import { Control } from './control.js';

/** Three event ids: appended >= sealed >= durable. 0 = none. */
export interface WatermarkValues {
  /**
   * The last event appended. In the engine's thread it is exact; elsewhere it may be up to a block (256 events) behind
   * while the engine appends, and is exact when it has paused for a millisecond.
   */
  readonly appended: bigint;
  /** The last event that is in a segment file with a checksum, or about to be certified by one. */
  readonly sealed: bigint;
  /** The last event that is on the device, and `wal_meta.dat` says so. */
  readonly durable: bigint;
}

/** The watermarks of a recorder, readable without a lock from any thread of its process. */
export class Watermarks {
  /** Send it to another thread, to attach there. */
  readonly buffer: SharedArrayBuffer;
  readonly #control: Control;
  readonly #exactAppended: (() => bigint) | undefined;

  constructor(control: Control, exactAppended?: () => bigint) {
    this.buffer = control.buffer;
    this.#control = control;
    this.#exactAppended = exactAppended;
  }

  /** @throws TypeError for what is not the buffer of a recorder's watermarks */
  static attach(buffer: SharedArrayBuffer): Watermarks {
    return new Watermarks(Control.attach(buffer));
  }

  /** All three, such that they are in order. */
  read(): WatermarkValues {
    // The lowest first: each only grows, so that what is read later is not below.
    const durable = this.#control.durable.eventId;
    const sealed = this.#control.written.eventId;
    // What the engine publishes once a block may be behind what the writer has found by then.
    let appended = this.#exactAppended?.() ?? this.#control.appendedEventId;
    if (appended < sealed) appended = sealed;
    return { appended, sealed, durable };
  }

  get appended(): bigint {
    return this.read().appended;
  }
  get sealed(): bigint {
    return this.#control.written.eventId;
  }
  get durable(): bigint {
    return this.#control.durable.eventId;
  }
}
