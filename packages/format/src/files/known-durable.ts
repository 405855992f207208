import path from 'node:path';
import { WalError } from '../errors.js';
import { META_FILE, type SegmentFile } from '../file-names.js';
import { SEGMENT_HEADER_BYTES } from '../layout.js';
import type { DurablePosition } from '../meta.js';
import type { readDurablePosition } from './log-files.js';
import { readSegmentStart } from './read-segment-start.js';

/** Where a durable position is from. */
export interface DurableReport {
  /** 0 = nothing is known to be durable. */
  readonly eventId: bigint;
  /** `derived`: there is no usable `wal_meta.dat`, and the end of the newest closed segment stands for it. */
  readonly source: 'wal_meta.dat' | 'derived';
  /** Why it was derived, and from what. */
  readonly note?: string;
}

/** The position up to which everything must be there and verify, and where it is from. */
export interface KnownDurable {
  readonly position: DurablePosition;
  readonly report: DurableReport;
}

/**
 * The durable position as `wal_meta.dat` has it; without a usable one, the end of the newest closed segment. Where
 * segments become durable by themselves one is closed only after its data is on the device; in mode none it says no more
 * than that everything up to it was written once.
 *
 * @param pastUnreadable whether to look at the next older one where the device does not give a segment
 * @throws WalError READ_FAILED, OPEN_FAILED, but not then: a segment that cannot be read may be the newest closed one
 */
export function knownDurable(
  dir: string,
  meta: ReturnType<typeof readDurablePosition>,
  segments: readonly SegmentFile[],
  pastUnreadable = false,
): KnownDurable {
  if ('position' in meta) {
    const { position } = meta;
    return { position, report: { eventId: position.eventId, source: META_FILE } };
  }
  let { missing } = meta;
  for (let i = segments.length - 1; i >= 0; i--) {
    const { name, segmentIndex } = segments[i];
    const header = headerOf(dir, segments[i]);
    if (header instanceof WalError) {
      if (!pastUnreadable) throw header;
      missing = `${meta.missing}, and ${name} cannot be read`;
    } else if (header !== undefined && header.closedNs !== 0n) {
      const note = `${missing}; taken from the end of ${name}, the newest closed segment`;
      return derived(segmentIndex + 1, header.lastEventId, note);
    }
  }
  return derived(0, 0n, `${missing}, and no segment is closed: nothing is known to be durable`);
}

function headerOf(dir: string, { name, segmentIndex, compressed }: SegmentFile) {
  try {
    return readSegmentStart(path.join(dir, name), segmentIndex, compressed)?.header;
  } catch (error) {
    if (error instanceof WalError) return error;
    throw error;
  }
}

/** Everything before segment `segmentIndex` is durable, and nothing of it or after it. */
function derived(segmentIndex: number, eventId: bigint, note: string): KnownDurable {
  const position = { segmentIndex, offset: SEGMENT_HEADER_BYTES, eventId, prefixChecksum: 0n };
  return { position, report: { eventId, source: 'derived', note } };
}
