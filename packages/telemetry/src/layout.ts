/*
 * A set of metrics in one SharedArrayBuffer:
 *
 *   +--------+-----+----------+-----+----------+-----+-----
 *   | header | gap | metric 0 | gap | metric 1 | gap | ...      in the order of the layout's keys
 *   +--------+-----+----------+-----+----------+-----+-----
 *     64 B          whole 64-byte lines each
 *
 *   counter, gauge   | sequence i32 | - | value f64 |                                    one line
 *   duration         | sequence i32 | - | count | sum | min | max  f64 |                 one line
 *   operation        | sequence i32 | - | count | sum | min | max | failures  f64 |      one line
 *   lifecycle        | sequence i32 | - | loops | active | idle  f64 |                   one line
 *   histogram        | sequence i32 | epoch i32 | half 0 | half 1 |                      a line each, two halves
 *   half             | count | sum | min | max  f64 | buckets f64 ... |                  a line, then the buckets' lines
 *
 * A gap is an empty line, for two reasons: a SharedArrayBuffer need not start at a line's edge (V8 aligns it to 16
 * bytes), and processors fetch lines in pairs. With it no cache line holds words of two metrics wherever the buffer
 * starts, and words of two metrics are at least 64 bytes apart.
 */

/** What a metric counts. */
export type MetricKind = 'counter' | 'gauge' | 'duration' | 'operation' | 'lifecycle' | 'histogram';

/** A kind, with what is said of the metric where it is exported. */
export type MetricDescription =
  | {
      readonly kind: 'counter' | 'gauge';
      /** One sentence for people. */
      readonly help?: string;
      /** What it is a number of: `ns`, or a plural like `bytes` or `events`. */
      readonly unit?: string;
    }
  | {
      readonly kind: Exclude<MetricKind, 'counter' | 'gauge'>;
      readonly help?: string;
      /** These are all times, in nanoseconds. */
      readonly unit?: never;
    };

/** Names and kinds of a set of metrics. The writing and the reading side have the same constant. */
export type MetricLayout = Readonly<Record<string, MetricKind | MetricDescription>>;

/** The kind of a layout's entry. */
export type KindOf<M> = M extends { readonly kind: infer K extends MetricKind }
  ? K
  : M extends MetricKind
    ? M
    : never;

export const LINE_BYTES = 64;
export const LINE_WORDS = LINE_BYTES / Int32Array.BYTES_PER_ELEMENT;
export const LINE_VALUES = LINE_BYTES / Float64Array.BYTES_PER_ELEMENT;

/** 32-bit words of the header. */
export const HeaderWord = { magic: 0, layoutHash: 1 } as const;
export const HEADER_LINES = 1;
/** Empty lines after the header and after each metric. */
const GAP_LINES = 1;
export const TELEMETRY_MAGIC = 0x4c_54_57_46; // "FWTL"

/** The 32-bit word of a metric that is odd while its writer is at work. */
export const SEQUENCE_WORD = 0;
/** The values (f64) of a metric of one line, counted from the metric's start. */
export const ValueIndex = {
  value: 1,
  // duration, operation
  count: 1,
  sum: 2,
  min: 3,
  max: 4,
  failures: 5,
  // lifecycle
  loops: 1,
  active: 2,
  idle: 3,
} as const;

/** A line of its own, since it is the readers who write it. */
export const EPOCH_WORD = LINE_WORDS;
export const HALVES_LINE = 2;
/** The values (f64) of a half of a histogram, counted from the half's start. */
export const HalfIndex = { count: 0, sum: 1, min: 2, max: 3, buckets: LINE_VALUES } as const;

/** Linear buckets in each power of two: an error of at most 1/128 from the middle of a bucket. */
export const OCTAVE_BUCKETS = 64;
/** Powers of two from 1 ns: to 2^36 ns = 68.7 s. */
export const OCTAVES = 36;
/** One below them for what is under 1 ns, one above for what is over. */
export const BUCKETS = 1 + OCTAVES * OCTAVE_BUCKETS + 1;
export const HALF_LINES = 1 + Math.ceil(BUCKETS / LINE_VALUES);

const METRIC_LINES: Record<MetricKind, number> = {
  counter: 1,
  gauge: 1,
  duration: 1,
  operation: 1,
  lifecycle: 1,
  histogram: HALVES_LINE + 2 * HALF_LINES,
};

/** Where a metric lies. */
export interface MetricPlace {
  readonly name: string;
  readonly kind: MetricKind;
  /** Index of its first line. */
  readonly line: number;
}

/** Names and descriptions, in the order of the layout. */
export function describeMetrics(layout: MetricLayout): [name: string, description: MetricDescription][] {
  return Object.entries(layout).map(([name, entry]) => [
    name,
    typeof entry === 'string' ? { kind: entry } : entry,
  ]);
}

/** @throws TypeError for a kind that there is not */
export function placeMetrics(layout: MetricLayout): { places: MetricPlace[]; bytes: number } {
  const places: MetricPlace[] = [];
  let line = HEADER_LINES + GAP_LINES;
  for (const [name, { kind }] of describeMetrics(layout)) {
    if (!Object.hasOwn(METRIC_LINES, kind)) throw new TypeError(`metric ${name}: there is no kind '${kind}'`);
    places.push({ name, kind, line });
    line += METRIC_LINES[kind] + GAP_LINES;
  }
  return { places, bytes: line * LINE_BYTES };
}

/** A hash (FNV-1a, 32 bits) of names and kinds that tells one layout from another, order included. */
export function hashLayout(layout: MetricLayout): number {
  let hash = 0x811c9dc5;
  const kinds = describeMetrics(layout).map(([name, { kind }]) => [name, kind]);
  for (const byte of new TextEncoder().encode(JSON.stringify(kinds))) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return hash | 0;
}
