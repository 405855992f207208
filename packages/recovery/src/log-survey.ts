import path from 'node:path';
import { durableSegmentMissing, META_FILE, type SegmentFile, WalError, withoutRetired } from '@fswal/format';
import {
  type KnownDurable,
  knownDurable,
  listLogDirectory,
  oneFormEach,
  otherForms,
  readDurablePosition,
} from '@fswal/format/files';

/** While a recorder is at work, a log whose beginning is missing is looked at anew so often before that is believed. */
const MAX_TRIES = 5;

/** So often in a row a reader lists a log anew where retention has taken what it was to read next. */
export const MAX_SURVEYS = 5;

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

/**
 * The log as it is now, where retention has taken a segment that was listed before. A closing recorder takes what it has
 * not used, and anything else leaves a gap: then undefined.
 */
export function surveyBehind(
  dir: string,
  segmentIndex: number,
  pastUnreadable = false,
): LogSurvey | undefined {
  const survey = surveyLog(dir, pastUnreadable);
  const [oldest] = survey.files;
  return oldest !== undefined && oldest.segmentIndex > segmentIndex ? survey : undefined;
}

/** Retention is faster than a reader, who cannot go on. @param oldest what is kept now */
export function outrun(
  dir: string,
  segmentIndex: number,
  [oldest]: readonly SegmentFile[],
  eventId: bigint,
): WalError {
  const message = `segment ${segmentIndex} was removed by retention while the log was read; the oldest kept is segment ${oldest.segmentIndex}: open it again`;
  return new WalError('SEGMENT_NOT_FOUND', message, { file: path.join(dir, oldest.name), eventId });
}

function readablePosition(dir: string): ReturnType<typeof readDurablePosition> {
  try {
    return readDurablePosition(dir);
  } catch (error) {
    if (error instanceof WalError) return { missing: `${META_FILE} cannot be read: ${error.reason}` };
    throw error;
  }
}
