import type { EventView } from '@fswal/format';
import { MAX_WINDOWS } from './preloader-protocol.js';

/** A class of event views: `RequestEvent`, or one of your own over the same 64 bytes. */
export type EventViewClass<V extends EventView> = new () => V;

export type RecoveryMode = 'strict' | 'diagnostic';

export interface RecoveryOptions<V extends EventView> {
  /** The log directory. It is read only, and no lock is taken. */
  readonly dir: string;
  /**
   * What damage does. Strict (the default): the replay ends there. Diagnostic: it goes on at the next sound block or
   * segment, and the report lists every gap.
   */
  readonly mode?: RecoveryMode;
  /**
   * Stays at the end of the log, for what a recorder adds: `next()` then returns false where there is nothing new yet.
   * Default false.
   */
  readonly follow?: boolean;
  /** Begins at this event or, where there is none with this id, at the next higher. Default: at the oldest. */
  readonly fromEventId?: number | bigint;
  /** Segments that are read and verified ahead, 1 to 30, memory permitting (256 MB in all, or two segments). Default 4. */
  readonly readAhead?: number;
  /**
   * Threads that read and verify segments, 1 to 16. More than one are in addition to the thread that puts what they have
   * read in order, which is idle then. Default 1.
   */
  readonly verifyThreads?: number;
  /** Where the tail ring lies, if not where the last recorder had it. */
  readonly tailRingDir?: string;
  /** Class of the view that `event` is. Default RequestEvent. */
  readonly view?: EventViewClass<V>;
  /** How long the reading thread may stand still before `next()` gives it up, in milliseconds. Default 10,000. */
  readonly stallTimeoutMs?: number;
  readonly telemetry?: RecoveryTelemetryOptions;
}

export interface RecoveryTelemetryOptions {
  /**
   * Of the calls of `next()` and `nextBlock()` that enter a block, one in so many is timed, at random distances; 0 = none.
   * Default 16. Everything else is always counted.
   */
  readonly sampleBlocks?: number;
}

/** The options as they are used, checked. */
export interface CheckedOptions {
  readonly dir: string;
  readonly tailRingDir: string | undefined;
  readonly mode: RecoveryMode;
  readonly follow: boolean;
  readonly fromEventId: bigint;
  readonly readAhead: number;
  readonly verifyThreads: number;
  readonly stallTimeoutMs: number;
  readonly sampleBlocks: number;
}

const DEFAULT_READ_AHEAD = 4;
const MAX_VERIFY_THREADS = 16;
const DEFAULT_STALL_TIMEOUT_MS = 10_000;
const DEFAULT_SAMPLE_BLOCKS = 16;
const MAX_SAMPLE_BLOCKS = 2 ** 28;

/** @throws TypeError for an option of the wrong type or not supported here, RangeError for a value out of range */
export function checkOptions(options: RecoveryOptions<EventView>): CheckedOptions {
  const { dir, mode = 'strict', follow = false, tailRingDir } = options;
  const {
    readAhead = DEFAULT_READ_AHEAD,
    verifyThreads = 1,
    stallTimeoutMs = DEFAULT_STALL_TIMEOUT_MS,
  } = options;
  if (typeof dir !== 'string' || dir === '') throw new TypeError('dir is the path of a log directory');
  if (tailRingDir !== undefined && typeof tailRingDir !== 'string') {
    throw new TypeError('tailRingDir is the path of a directory');
  }
  if (mode !== 'strict' && mode !== 'diagnostic') {
    throw new TypeError(`mode is 'strict' or 'diagnostic', not '${String(mode)}'`);
  }
  if (typeof follow !== 'boolean') throw new TypeError('follow is true or false');
  if (follow && mode === 'diagnostic')
    throw new TypeError('a damaged log cannot be followed: follow is for strict mode');
  if (!Number.isInteger(readAhead) || readAhead < 1 || readAhead >= MAX_WINDOWS) {
    throw new RangeError(`readAhead is a whole number from 1 to ${MAX_WINDOWS - 1}, not ${readAhead}`);
  }
  if (!Number.isInteger(verifyThreads) || verifyThreads < 1 || verifyThreads > MAX_VERIFY_THREADS) {
    throw new RangeError(
      `verifyThreads is a whole number from 1 to ${MAX_VERIFY_THREADS}, not ${verifyThreads}`,
    );
  }
  if (!(stallTimeoutMs > 0)) throw new RangeError(`stallTimeoutMs is greater than 0, not ${stallTimeoutMs}`);
  const sampleBlocks = checkTelemetry(options.telemetry ?? {});
  const fromEventId = toU64(options.fromEventId ?? 0, 'fromEventId');
  // Each thread needs a window.
  const ahead = Math.max(readAhead, verifyThreads);
  return {
    dir,
    tailRingDir,
    mode,
    follow,
    fromEventId,
    readAhead: ahead,
    verifyThreads,
    stallTimeoutMs,
    sampleBlocks,
  };
}

function checkTelemetry(telemetry: RecoveryTelemetryOptions): number {
  if (typeof telemetry !== 'object') throw new TypeError('telemetry is an object');
  const unknown = Object.keys(telemetry).find((name) => name !== 'sampleBlocks');
  if (unknown !== undefined)
    throw new TypeError(`telemetry.${unknown}: there is none of this name; there is sampleBlocks`);
  const { sampleBlocks = DEFAULT_SAMPLE_BLOCKS } = telemetry;
  if (Number.isInteger(sampleBlocks) && sampleBlocks >= 0 && sampleBlocks <= MAX_SAMPLE_BLOCKS)
    return sampleBlocks;
  throw new RangeError(
    `telemetry.sampleBlocks is a whole number from 0 to ${MAX_SAMPLE_BLOCKS}, not ${sampleBlocks}`,
  );
}

/** @throws RangeError for what is not a whole number from 0 to 2^64 - 1 */
export function toU64(value: number | bigint, name: string): bigint {
  if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) {
    throw new RangeError(`${name} is a whole number, as a bigint past 2^53, not ${String(value)}`);
  }
  const u64 = BigInt(value);
  if (BigInt.asUintN(64, u64) !== u64) throw new RangeError(`${name} is a u64, not ${u64}`);
  return u64;
}
