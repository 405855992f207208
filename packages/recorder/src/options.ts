import path from 'node:path';
import {
  EventView,
  FORMAT_VERSIONS,
  type FormatVersion,
  MAX_BLOCKS_PER_SEGMENT,
  MAX_TAIL_BLOCKS,
  MIN_BLOCKS_PER_SEGMENT,
  MIN_TAIL_BLOCKS,
  RequestEvent,
} from '@fswal/format';
import type { ProviderName } from '@fswal/mmap';
import type { RetentionLimits } from './retention.js';
import { MAX_SAMPLE_EVERY } from './sample-points.js';

/** A class of event views: `RequestEvent`, or your own extension of `EventView`. */
export type EventViewClass<View extends EventView> = new () => View;

export interface RecorderOptions<View extends EventView = RequestEvent> {
  /** The log's directory, made if it is not there. */
  readonly dir: string;
  /** Blocks (of 256 events) in a new segment, 16 to 130,000. Default 1024: 16.8 MB. */
  readonly blocksPerSegment?: number;
  /** 2 (default): the chain of checksums links the segments. 1: what the C++ system reads. */
  readonly formatVersion?: FormatVersion;
  /** Blocks in the tail ring, 4 to 130,000. Default 2048: 34 MB, 524,288 events that a stall of the device may cost. */
  readonly tailBlocks?: number;
  /** Where the tail ring lies; default the log's directory. A directory of its own per log, such as one on tmpfs. */
  readonly tailRingDir?: string;
  /** How many segments are made ahead, a power of two. Default 2. */
  readonly preparedSegments?: number;
  /** How long an append may wait for room in a full tail ring. Default 1000. */
  readonly backpressureTimeoutMs?: number;
  /** The class of the view that `claim()` gives. Default `RequestEvent`. */
  readonly view?: EventViewClass<View>;
  /** How files are mapped. Default: FSWAL_MMAP, else libc, else mmap-io. */
  readonly mmap?: ProviderName;
  /**
   * When events become durable by themselves. `none` (default): with `sync()`, `waitDurable()` and `close()` only, until
   * then the page cache has them. `interval`: every `syncIntervalMs`. `group`: as often as the device allows.
   */
  readonly durability?: Durability;
  /** With durability `interval`: milliseconds from one sync to the next. Default 100. */
  readonly syncIntervalMs?: number;
  /** `.wal` files with events that are kept, the active one included. Default: all. */
  readonly maxSegments?: number;
  /**
   * `.wal.lz4` files that are kept beyond those: older segments are compressed first and deleted when they are too many.
   * Default 0: nothing is compressed. Given alone, `maxSegments` is 4.
   */
  readonly maxCompressedSegments?: number;
  /** Bytes of all segment files that are kept. Default: all. */
  readonly maxBytes?: number;
  /** How long a segment is kept after it was closed, in milliseconds. Default: for ever. */
  readonly maxAgeMs?: number;
  /** Threads that persist, compress and delete segments, 1 to 16. Default 1, or 2 where segments are compressed. */
  readonly maintainers?: number;
  /** Take a directory that belongs to another user or that others may write to. Default false: it is refused. */
  readonly allowSharedDirectory?: boolean;
  /**
   * What to do where the directory is on tmpfs or a network file system, which promise less than a device: `warn` by
   * `process.emitWarning` (default), `refuse`, or `allow`.
   */
  readonly volatilePlace?: VolatilePlace;
  readonly telemetry?: TelemetryOptions;
}

export interface TelemetryOptions {
  /** One append in so many is timed, at random distances; 0 = none. Default 4096. Everything else is always counted. */
  readonly sampleAppends?: number;
}

const DURABILITIES = ['none', 'interval', 'group'] as const;
export type Durability = (typeof DURABILITIES)[number];
const VOLATILE_PLACES = ['warn', 'refuse', 'allow'] as const;
export type VolatilePlace = (typeof VOLATILE_PLACES)[number];

export interface CheckedOptions<View extends EventView> {
  readonly dir: string;
  readonly blocksPerSegment: number;
  readonly formatVersion: FormatVersion;
  readonly tailBlocks: number;
  readonly tailRingDir: string;
  readonly preparedSegments: number;
  readonly backpressureTimeoutMs: number;
  readonly view: EventViewClass<View>;
  readonly mmap: ProviderName | undefined;
  readonly durability: Durability;
  readonly syncIntervalMs: number;
  readonly limits: RetentionLimits;
  readonly maintainers: number;
  readonly allowSharedDirectory: boolean;
  readonly volatilePlace: VolatilePlace;
  readonly sampleAppends: number;
}

const MAX_PREPARED_SEGMENTS = 64;
const MAX_MAINTAINERS = 16;
/** Where segments are compressed and nothing says how many are not. */
const UNCOMPRESSED_SEGMENTS = 4;
const KNOWN = [
  'dir',
  'blocksPerSegment',
  'formatVersion',
  'tailBlocks',
  'tailRingDir',
  'preparedSegments',
  'backpressureTimeoutMs',
  'view',
  'mmap',
  'durability',
  'syncIntervalMs',
  'maxSegments',
  'maxCompressedSegments',
  'maxBytes',
  'maxAgeMs',
  'maintainers',
  'allowSharedDirectory',
  'volatilePlace',
  'telemetry',
];
const SAMPLE_APPENDS = 4096;

/** @throws TypeError, RangeError that say which option is wrong and what it may be */
export function checkOptions<View extends EventView>(options: RecorderOptions<View>): CheckedOptions<View> {
  if (typeof options?.dir !== 'string' || options.dir === '') {
    throw new TypeError('option dir: the path of the log directory is needed');
  }
  const unknown = Object.keys(options).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) {
    throw new TypeError(`option ${unknown}: there is none of this name; there are ${KNOWN.join(', ')}`);
  }
  const formatVersion = options.formatVersion ?? 2;
  if (!FORMAT_VERSIONS.includes(formatVersion)) {
    throw new RangeError(`option formatVersion: 1 or 2, not ${formatVersion}`);
  }
  const preparedSegments = whole('preparedSegments', options.preparedSegments ?? 2, 1, MAX_PREPARED_SEGMENTS);
  if ((preparedSegments & (preparedSegments - 1)) !== 0) {
    throw new RangeError(`option preparedSegments: a power of two, not ${preparedSegments}`);
  }
  const view = options.view ?? (RequestEvent as unknown as EventViewClass<View>);
  if (!(new view() instanceof EventView))
    throw new TypeError('option view: a class that extends EventView is needed');
  const dir = path.resolve(options.dir);
  const limits = checkLimits(options);
  return {
    dir,
    blocksPerSegment: whole(
      'blocksPerSegment',
      options.blocksPerSegment ?? 1024,
      MIN_BLOCKS_PER_SEGMENT,
      MAX_BLOCKS_PER_SEGMENT,
    ),
    formatVersion,
    tailBlocks: whole('tailBlocks', options.tailBlocks ?? 2048, MIN_TAIL_BLOCKS, MAX_TAIL_BLOCKS),
    tailRingDir: options.tailRingDir === undefined ? dir : path.resolve(options.tailRingDir),
    preparedSegments,
    backpressureTimeoutMs: whole(
      'backpressureTimeoutMs',
      options.backpressureTimeoutMs ?? 1000,
      0,
      2 ** 31 - 1,
    ),
    view,
    mmap: options.mmap,
    durability: oneOf('durability', options.durability ?? 'none', DURABILITIES),
    syncIntervalMs: whole('syncIntervalMs', options.syncIntervalMs ?? 100, 1, 2 ** 31 - 1),
    limits,
    maintainers: whole(
      'maintainers',
      options.maintainers ?? (limits.maxCompressedSegments > 0 ? 2 : 1),
      1,
      MAX_MAINTAINERS,
    ),
    allowSharedDirectory: options.allowSharedDirectory === true,
    volatilePlace: oneOf('volatilePlace', options.volatilePlace ?? 'warn', VOLATILE_PLACES),
    sampleAppends: checkTelemetry(options.telemetry ?? {}),
  };
}

function whole(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new RangeError(`option ${name}: a whole number from ${min} to ${max}, not ${value}`);
}

function checkLimits(options: Omit<RecorderOptions<EventView>, 'view'>): RetentionLimits {
  const limit = (
    name: 'maxSegments' | 'maxCompressedSegments' | 'maxBytes' | 'maxAgeMs',
    min: number,
    otherwise: number,
  ) => (options[name] === undefined ? otherwise : whole(name, options[name], min, Number.MAX_SAFE_INTEGER));
  const maxCompressedSegments = limit('maxCompressedSegments', 0, 0);
  return {
    maxSegments: limit(
      'maxSegments',
      1,
      maxCompressedSegments > 0 ? UNCOMPRESSED_SEGMENTS : Number.POSITIVE_INFINITY,
    ),
    maxCompressedSegments,
    maxBytes: limit('maxBytes', 1, Number.POSITIVE_INFINITY),
    maxAgeMs: limit('maxAgeMs', 1, Number.POSITIVE_INFINITY),
  };
}

function checkTelemetry(telemetry: TelemetryOptions): number {
  if (typeof telemetry !== 'object') throw new TypeError('option telemetry: an object is needed');
  const unknown = Object.keys(telemetry).find((name) => name !== 'sampleAppends');
  if (unknown !== undefined) {
    throw new TypeError(`option telemetry.${unknown}: there is none of this name; there is sampleAppends`);
  }
  const { sampleAppends = SAMPLE_APPENDS } = telemetry;
  return whole('telemetry.sampleAppends', sampleAppends, 0, MAX_SAMPLE_EVERY);
}

function oneOf<T extends string>(name: string, value: T, values: readonly T[]): T {
  if (values.includes(value)) return value;
  throw new TypeError(`option ${name}: ${values.join(', ')}, not ${value}`);
}
