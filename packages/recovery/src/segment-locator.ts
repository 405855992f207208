import path from 'node:path';
import { asWords, idAt, type SegmentFile, WalError } from '@fswal/format';
import { readSegmentStart, type SegmentStart } from '@fswal/format/files';
import { timed } from '@fswal/telemetry/clock';
import type { ReaderTelemetry } from './telemetry.js';
import { type SeekTarget, SeekWord } from './window-source.js';

/** What the front of a segment says of its first event. */
interface FirstEvent {
  readonly eventId: bigint;
  readonly timestamp: bigint | undefined;
  /** Whether the segment is closed: it surely has events, and where the log ends can be told from it. */
  readonly closed: boolean;
}

/**
 * Finds the segment that an event lies in, by binary search over the first events of the segments. What it reads is not
 * verified, nor need it be: whoever reads the segment verifies it.
 */
export class SegmentLocator {
  readonly #dir: string;
  readonly #files: readonly SegmentFile[];
  readonly #telemetry: Pick<ReaderTelemetry, 'readHeader'>;
  /** What was read already, by index of the file; null where a segment has no events or cannot be read. */
  readonly #known = new Map<number, FirstEvent | null>();

  constructor(dir: string, files: readonly SegmentFile[], telemetry: Pick<ReaderTelemetry, 'readHeader'>) {
    this.#dir = dir;
    this.#files = files;
    this.#telemetry = telemetry;
  }

  /**
   * Index of the file to begin at, in order to find the first event that is at or above the target: the last one that
   * begins below it; at the latest the newest closed one, since the log's end is only told from one that has events.
   */
  locate(target: SeekTarget): number {
    let low = 0;
    let high = this.#files.length;
    // Files from `high` on begin above the target or are unknown to hold anything; the one before `low` begins below it.
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = this.#knownFrom(middle, high);
      if (at < high && beginsBelow(this.#first(at), target)) low = at + 1;
      else high = middle;
    }
    // Two segments may share a timestamp at their border, and the first event of it is looked for.
    return this.#closedUpTo(low - 1);
  }

  /** The first file from `from` on, before `end`, of which the first event is known; else `end`. */
  #knownFrom(from: number, end: number): number {
    let at = from;
    while (at < end && this.#first(at) === null) at++;
    return at;
  }

  #closedUpTo(index: number): number {
    let at = index;
    while (at > 0 && this.#first(at)?.closed !== true) at--;
    return Math.max(0, at);
  }

  #first(index: number): FirstEvent | null {
    let first = this.#known.get(index);
    if (first === undefined) {
      first = timed(this.#telemetry.readHeader, () => firstEventOf(this.#dir, this.#files[index]));
      // One that is open may be closed at the next look.
      if (first?.closed) this.#known.set(index, first);
    }
    return first;
  }
}

/** The first event of a segment as its front has it, in whichever form; null where there is none or it cannot be read. */
export function firstEventOf(
  dir: string,
  { name, segmentIndex, compressed }: SegmentFile,
): FirstEvent | null {
  const file = path.join(dir, name);
  const start =
    startOf(file, segmentIndex, compressed) ??
    // A recorder may have compressed it since it was listed.
    (compressed ? undefined : startOf(`${file}.lz4`, segmentIndex, true));
  if (start === undefined) return null;
  const { header, firstEvent } = start;
  const words = asWords(firstEvent);
  // The version 1 system leaves the first id 0 while a segment is open.
  const inOpenV1 = header.version === 1 && header.closedNs === 0n && words.length > 0;
  const eventId = inOpenV1 ? idAt(words, SeekWord.eventId) : header.firstEventId;
  if (eventId === 0n) return null;
  const timestamp = words.length > 0 ? idAt(words, SeekWord.timestamp) : undefined;
  return { eventId, timestamp, closed: header.closedNs !== 0n };
}

/** Undefined where it cannot be read, too: whoever comes to read the segment says so. */
function startOf(file: string, segmentIndex: number, compressed: boolean): SegmentStart | undefined {
  try {
    return readSegmentStart(file, segmentIndex, compressed);
  } catch (error) {
    if (error instanceof WalError) return undefined;
    throw error;
  }
}

/** Whether the first event is below the target, or is it. */
function beginsBelow(first: FirstEvent | null, { word, value }: SeekTarget): boolean {
  if (first === null) return false;
  if (word === SeekWord.eventId) return first.eventId <= value;
  return first.timestamp !== undefined && first.timestamp < value;
}
