import { type Distribution, type Histogram, percentile, Telemetry } from '@fswal/telemetry';

export type { Distribution } from '@fswal/telemetry';
export { percentile } from '@fswal/telemetry';

/** What is said of a distribution of latencies; nanoseconds, NaN of nothing. */
export interface LatencySummary {
  count: number;
  p50: number;
  p99: number;
  p999: number;
  p9999: number;
  max: number;
}

/** Latencies of one round, gathered in the log's own histogram: within 0.8 %, and exact below 128 ns. */
export class LatencyRecord {
  readonly #histogram: Histogram = Telemetry.create({ latency: 'histogram' }).histogram('latency');

  /** Allocates nothing. */
  record(ns: number): void {
    this.#histogram.record(ns);
  }

  /** The first `count` of them. */
  recordAll(latenciesNs: Float32Array, count: number): void {
    for (let i = 0; i < count; i++) this.#histogram.record(latenciesNs[i]);
  }

  /** From one stamp to the next, all of them. */
  recordStamps(stamps: BigInt64Array): void {
    // Halves instead of bigints: there are millions of them.
    const words = new Int32Array(stamps.buffer, stamps.byteOffset, stamps.length * 2);
    for (let at = 2; at < words.length; at += 2) {
      const high = (words[at + 1] - words[at - 1]) * 2 ** 32;
      this.#histogram.record(high + (words[at] >>> 0) - (words[at - 2] >>> 0));
    }
  }

  distribution(): Distribution {
    const { count, min, max, buckets } = this.#histogram.read();
    return { count, min, max, buckets };
  }
}

/** All latencies of several rounds together. */
export function pool(rounds: readonly Distribution[]): Distribution {
  const counts = new Map<number, number>();
  for (const { buckets } of rounds) {
    for (const [ns, count] of buckets) counts.set(ns, (counts.get(ns) ?? 0) + count);
  }
  return {
    count: rounds.reduce((sum, { count }) => sum + count, 0),
    min: Math.min(...rounds.filter(({ count }) => count > 0).map(({ min }) => min)),
    max: Math.max(...rounds.map(({ max }) => max)),
    buckets: [...counts].sort(([a], [b]) => a - b),
  };
}

export function summarize(distribution: Distribution): LatencySummary {
  const at = (percent: number) => (distribution.count === 0 ? Number.NaN : percentile(distribution, percent));
  return {
    count: distribution.count,
    p50: at(50),
    p99: at(99),
    p999: at(99.9),
    p9999: at(99.99),
    max: distribution.count === 0 ? Number.NaN : distribution.max,
  };
}
