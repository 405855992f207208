import path from 'node:path';
import { WalError } from '../errors.js';
import { META_FILE, type SegmentFile } from '../file-names.js';
import { SEGMENT_HEADER_BYTES } from '../layout.js';
import type { DurablePosition } from '../meta.js';
import type { readDurablePosition } from './log-files.js';
import { readSegmentStart } from './read-segment-start.js';
import { lastEventBehindRot } from './rotten-header.js';

/** Where a durable position is from. */
export interface DurableReport {
  /** 0 = nothing is known to be durable. */
  readonly eventId: bigint;
  /** `derived`: there is no usable `wal_meta.dat`, and the end of a segment stands for it: see `knownDurable`. */
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
 * than that everything up to it was written once. A segment whose header has rotted may be that one: it counts, up to its
 * last sealed block.
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
  const withoutHeader: SegmentFile[] = [];
  let closed: { readonly file: SegmentFile; readonly lastEventId: bigint } | undefined;
  for (let i = segments.length - 1; i >= 0 && closed === undefined; i--) {
    const file = segments[i];
    const start = orError(() =>
      readSegmentStart(path.join(dir, file.name), file.segmentIndex, file.compressed),
    );
    if (start instanceof WalError) {
      if (!pastUnreadable) throw start;
      missing = `${meta.missing}, and ${file.name} cannot be read`;
    } else if (start === undefined) withoutHeader.push(file);
    else if (start.header.closedNs !== 0n) closed = { file, lastEventId: start.header.lastEventId };
  }
  for (const { name, segmentIndex, compressed } of withoutHeader) {
    const eventId = orError(() =>
      lastEventBehindRot(path.join(dir, name), compressed, closed?.lastEventId ?? 0n),
    );
    if (eventId instanceof WalError && !pastUnreadable) throw eventId;
    if (eventId === undefined || eventId instanceof WalError) continue;
    const note = `${missing}; taken from ${name}, of which the header is damaged, but not what comes behind it`;
    return derived(segmentIndex + 1, eventId, note);
  }
  if (closed !== undefined) {
    const { file, lastEventId } = closed;
    const note = `${missing}; taken from the end of ${file.name}, the newest closed segment`;
    return derived(file.segmentIndex + 1, lastEventId, note);
  }
  return derived(0, 0n, `${missing}, and no segment is closed: nothing is known to be durable`);
}

function orError<T>(read: () => T): T | WalError {
  try {
    return read();
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
