import path from 'node:path';
import {
  compressedSegmentFileName,
  type DurablePosition,
  segmentFileName,
  type WalError,
} from '@fswal/format';
import { readDurablePosition, statName } from '@fswal/format/files';
import { firstEventOf } from './segment-locator.js';
import { type OpenCloseTelemetry, SegmentReader } from './segment-reader.js';

const NOTHING_DURABLE: DurablePosition = { segmentIndex: 0, offset: 0, eventId: 0n, prefixChecksum: 0n };

/** A log's directory as it is at the moment, while a recorder makes, renames and removes files in it. */
export class FollowedLog {
  readonly dir: string;
  readonly #onProgress: () => void;
  readonly #telemetry: OpenCloseTelemetry;

  /** @param onProgress called after each megabyte read; what it throws ends the read */
  constructor(dir: string, onProgress: () => void, telemetry: OpenCloseTelemetry) {
    this.dir = dir;
    this.#onProgress = onProgress;
    this.#telemetry = telemetry;
  }

  /**
   * Opens a segment in whichever form it is there; undefined where it is not.
   * @throws WalError OPEN_FAILED; SEGMENT_CORRUPTED for a file larger than any segment
   */
  open(segmentIndex: number): SegmentReader | undefined {
    for (const name of namesOf(segmentIndex)) {
      const file = path.join(this.dir, name);
      if (!isThere(file)) continue;
      try {
        const compressed = name !== segmentFileName(segmentIndex);
        return SegmentReader.open(file, compressed, this.#onProgress, this.#telemetry);
      } catch (error) {
        // Gone since; the next form, or the next look, tells where to.
        if ((error as WalError).code !== 'OPEN_FAILED' || isThere(file)) throw error;
      }
    }
    return undefined;
  }

  /** The compressed form alone; for the rest as `open`. */
  openCompressed(segmentIndex: number): SegmentReader | undefined {
    const file = path.join(this.dir, compressedSegmentFileName(segmentIndex));
    if (!isThere(file)) return undefined;
    return SegmentReader.open(file, true, this.#onProgress, this.#telemetry);
  }

  exists(segmentIndex: number): boolean {
    return namesOf(segmentIndex).some((name) => isThere(path.join(this.dir, name)));
  }

  /** Whether a segment has its first event. */
  hasBegun(segmentIndex: number): boolean {
    const file = { name: segmentFileName(segmentIndex), segmentIndex, compressed: false };
    return this.exists(segmentIndex) && firstEventOf(this.dir, file) !== null;
  }

  /** @throws WalError OPEN_FAILED, READ_FAILED */
  readDurable(): DurablePosition {
    const meta = readDurablePosition(this.dir);
    return 'position' in meta ? meta.position : NOTHING_DURABLE;
  }
}

/** Names of a segment's two forms. It is never without one of them while it is kept, seen in this order. */
function namesOf(segmentIndex: number): readonly [string, string] {
  return [segmentFileName(segmentIndex), compressedSegmentFileName(segmentIndex)];
}

function isThere(file: string): boolean {
  return statName(file) !== undefined;
}
