import { WalError } from '../errors.js';
import { META_FILE, type SegmentFile } from '../file-names.js';
import { durableSegmentMissing, withoutRetired } from '../log-scan.js';
import { type KnownDurable, knownDurable } from './known-durable.js';
import { listLogDirectory, oneFormEach, otherForms, readDurablePosition } from './log-files.js';

/** While a recorder is at work, a log whose beginning is missing is looked at anew so often before that is believed. */
const MAX_TRIES = 5;

/** What a log directory holds, before any segment is read. */
export interface LogSurvey {
  /** Read before the segments were listed, so it is older than they are. */
  readonly durable: KnownDurable;
  /** The segment files that are part of the log, in both forms where there are both. */
  readonly kept: readonly SegmentFile[];
  /** One of them for each segment, the plain one where there is one. */
  readonly files: readonly SegmentFile[];
  /** The `.lz4` of segments that have both forms: somebody was interrupted while compressing them. */
  readonly otherForms: ReadonlyMap<number, SegmentFile>;
  /** Why the log cannot be read from its beginning. */
  readonly missing: WalError | undefined;
}

/**
 * @param pastUnreadable whether the durable position is made out of what can be read, where not all of it can
 * @throws WalError DIRECTORY_NOT_FOUND; OPEN_FAILED, READ_FAILED, where `pastUnreadable` of the directory alone
 */
export function surveyLog(dir: string, pastUnreadable = false): LogSurvey {
  for (let tries = 1; ; tries++) {
    const meta = pastUnreadable ? readablePosition(dir) : readDurablePosition(dir);
    const { segments } = listLogDirectory(dir);
    const durable = knownDurable(dir, meta, segments, pastUnreadable);
    const kept = withoutRetired(segments, durable.position);
    const missing = durableSegmentMissing(durable.position, kept[0]?.segmentIndex, dir);
    // Retention may have moved the one and taken the other between the two reads.
    if (missing !== undefined && tries < MAX_TRIES) continue;
    return { durable, kept, files: oneFormEach(kept), otherForms: otherForms(kept), missing };
  }
}

function readablePosition(dir: string): ReturnType<typeof readDurablePosition> {
  try {
    return readDurablePosition(dir);
  } catch (error) {
    if (error instanceof WalError) return { missing: `${META_FILE} cannot be read: ${error.reason}` };
    throw error;
  }
}
