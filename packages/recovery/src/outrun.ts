import path from 'node:path';
import { type SegmentFile, WalError } from '@fswal/format';
import { type LogSurvey, surveyLog } from '@fswal/format/files';

/** So often in a row a reader lists a log anew where retention has taken what it was to read next. */
export const MAX_SURVEYS = 5;

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
