import type { EventView } from '@fswal/format';
import { MAX_WINDOWS } from './preloader-protocol.js';

/** A class of event views: `RequestEvent`, or one of your own over the same 64 bytes. */
export type EventViewClass<V extends EventView> = new () => V;

export interface RecoveryOptions<V extends EventView> {
  /** The log directory. It is read only, and no lock is taken. */
  readonly dir: string;
  /** Strict: the replay ends at the first damage. The only mode so far. */
  readonly mode?: 'strict';
  /** Begins at this event or, where there is none with this id, at the next higher. Default: at the oldest. */
  readonly fromEventId?: number | bigint;
  /** Segments that are read and verified ahead, 1 to 30, memory permitting (256 MB in all, or two segments). Default 4. */
  readonly readAhead?: number;
  /** Where the tail ring lies, if not where the last recorder had it. */
  readonly tailRingDir?: string;
  /** Class of the view that `event` is. Default RequestEvent. */
  readonly view?: EventViewClass<V>;
  /** How long the reading thread may stand still before `next()` gives it up, in milliseconds. Default 10,000. */
  readonly stallTimeoutMs?: number;
}

/** The options as they are used, checked. */
export interface CheckedOptions {
  readonly dir: string;
  readonly tailRingDir: string | undefined;
  readonly fromEventId: bigint;
  readonly readAhead: number;
  readonly stallTimeoutMs: number;
}

const DEFAULT_READ_AHEAD = 4;
const DEFAULT_STALL_TIMEOUT_MS = 10_000;

/** @throws TypeError for an option of the wrong type or not supported here, RangeError for a value out of range */
export function checkOptions(options: RecoveryOptions<EventView>): CheckedOptions {
  const { dir, mode = 'strict', tailRingDir } = options;
  const { readAhead = DEFAULT_READ_AHEAD, stallTimeoutMs = DEFAULT_STALL_TIMEOUT_MS } = options;
  if (typeof dir !== 'string' || dir === '') throw new TypeError('dir is the path of a log directory');
  if (tailRingDir !== undefined && typeof tailRingDir !== 'string') {
    throw new TypeError('tailRingDir is the path of a directory');
  }
  if (mode !== 'strict') throw new TypeError(`mode is 'strict' in this version, not '${String(mode)}'`);
  if ((options as { follow?: unknown }).follow) throw new TypeError('this version cannot follow a log');
  if (!Number.isInteger(readAhead) || readAhead < 1 || readAhead >= MAX_WINDOWS) {
    throw new RangeError(`readAhead is a whole number from 1 to ${MAX_WINDOWS - 1}, not ${readAhead}`);
  }
  if (!(stallTimeoutMs > 0)) throw new RangeError(`stallTimeoutMs is greater than 0, not ${stallTimeoutMs}`);
  return { dir, tailRingDir, fromEventId: eventIdOf(options.fromEventId ?? 0), readAhead, stallTimeoutMs };
}

function eventIdOf(value: number | bigint): bigint {
  if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) {
    throw new RangeError(`fromEventId is a whole number, as a bigint past 2^53, not ${String(value)}`);
  }
  const id = BigInt(value);
  if (BigInt.asUintN(64, id) !== id) throw new RangeError(`fromEventId is a u64, not ${id}`);
  return id;
}
