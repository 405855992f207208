import type { WalErrorCode } from './errors.js';

/** Names and meanings of what `ValidationFailures` counts, as a layout of @fswal/telemetry. */
export const VALIDATION_FAILURE_METRICS = {
  total_header_checksum_failures: { kind: 'counter', help: 'Headers whose checksum did not hold.' },
  total_block_checksum_failures: { kind: 'counter', help: 'Blocks whose checksum did not hold.' },
  total_chained_checksum_failures: { kind: 'counter', help: 'Blocks that did not follow the one before.' },
  total_validation_failures: { kind: 'counter', help: 'Segments that did not verify, for any reason.' },
} as const;

interface Counter {
  add(count: number): void;
}

/** Where the counters are, such as a `Telemetry` whose layout has `VALIDATION_FAILURE_METRICS`. */
export interface FailureCounters {
  counter(name: keyof typeof VALIDATION_FAILURE_METRICS): Counter;
}

/** Counts segments that did not verify: all of them, and by the checksum that did not hold. */
export class ValidationFailures {
  readonly #all: Counter;
  readonly #byCode: Readonly<Partial<Record<WalErrorCode, Counter>>>;

  constructor(metrics: FailureCounters) {
    this.#all = metrics.counter('total_validation_failures');
    this.#byCode = {
      HEADER_CHECKSUM_MISMATCH: metrics.counter('total_header_checksum_failures'),
      BLOCK_CHECKSUM_MISMATCH: metrics.counter('total_block_checksum_failures'),
      CHAINED_CHECKSUM_MISMATCH: metrics.counter('total_chained_checksum_failures'),
    };
  }

  count(code: WalErrorCode): void {
    this.#all.add(1);
    this.#byCode[code]?.add(1);
  }
}
