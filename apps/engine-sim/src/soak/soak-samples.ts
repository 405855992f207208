import { GAUGES, type GaugeName, type ProcessGauges } from './process-gauges.js';

/** Seconds since the start, then the gauges. */
const COLUMNS = 1 + GAUGES.length;

export type SoakSample = { readonly second: number } & { readonly [Name in GaugeName]: number };

/**
 * Samples of a run in memory that is taken, and touched, before it begins: a run whose memory is to stay flat must not
 * be what grows.
 */
export class SoakSamples {
  readonly #values: Float64Array;
  #count = 0;

  /** @param capacity the most samples that there can be */
  constructor(capacity: number) {
    this.#values = new Float64Array(capacity * COLUMNS).fill(-1);
  }

  get count(): number {
    return this.#count;
  }

  /** Takes a sample; does nothing where there is no room. @param second since the start of the run */
  take(second: number, gauges: Pick<ProcessGauges, 'read'>): void {
    const at = this.#count * COLUMNS;
    if (at === this.#values.length) return;
    this.#values[at] = second;
    gauges.read(this.#values, at + 1);
    this.#count++;
  }

  /** As objects, for when the run is over. */
  list(): readonly SoakSample[] {
    return Array.from({ length: this.#count }, (_, sample) => {
      const at = sample * COLUMNS;
      const gauges = GAUGES.map(({ name }, gauge) => [name, this.#values[at + 1 + gauge]]);
      const second = Math.round(this.#values[at] * 100) / 100;
      return { second, ...Object.fromEntries(gauges) } as SoakSample;
    });
  }
}
