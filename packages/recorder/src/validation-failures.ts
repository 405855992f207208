import type { WalErrorCode } from '@fswal/format';
import type { Counter } from '@fswal/telemetry';

interface FailureCounters {
  counter(
    name:
      | 'total_header_checksum_failures'
      | 'total_block_checksum_failures'
      | 'total_chained_checksum_failures'
      | 'total_validation_failures',
  ): Counter;
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
