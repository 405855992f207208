import path from 'node:path';
import {
  type DurablePosition,
  durableSegmentMissing,
  META_FILE,
  SEGMENT_HEADER_BYTES,
  type SegmentFile,
  segmentFileName,
  TAIL_RING_FILE,
  TAIL_RING_PLACE_FILE,
  WalError,
} from '@fswal/format';
import {
  closeFile,
  type DurableReport,
  knownDurable,
  listLogDirectory,
  oneFormEach,
  openRegularFile,
  readDurablePosition,
  readTailRingPlace,
} from '@fswal/format/files';
import { readSegmentFront, type SegmentFront } from './segment-front.js';

const OWN_FILES: readonly string[] = [META_FILE, TAIL_RING_FILE, TAIL_RING_PLACE_FILE];

/** The tail ring of a log: a recorder is at work, or was killed. */
export interface RingFront {
  readonly file: string;
  readonly bytes: number;
}

/** What the fronts of a log's files say of it. */
export interface LogFronts {
  readonly dir: string;
  /** One for each segment, in index order. */
  readonly segments: readonly SegmentFront[];
  readonly durable: { readonly position: DurablePosition; readonly report: DurableReport };
  readonly ring: RingFront | undefined;
  /** Other names of the log: `*.broken`, `*.tmp`, the second form of a segment. */
  readonly others: readonly string[];
  /** How many names are not of the log. */
  readonly foreign: number;
  /** What is wrong as far as the fronts tell. */
  readonly problems: readonly WalError[];
}

/**
 * Reads the fronts of all segments, so it takes milliseconds for thousands of them, and finds what is missing or has no
 * header; damage further inside is not seen.
 * @throws WalError DIRECTORY_NOT_FOUND, OPEN_FAILED, READ_FAILED
 */
export function readLogFronts(dir: string): LogFronts {
  // In the order in which a recorder at work moves what is in them: see LogReader of @fswal/recovery.
  const ring = readRingFront(dir);
  const meta = readDurablePosition(dir);
  const { segments: files, others, foreign } = listLogDirectory(dir);
  const durable = knownDurable(dir, meta, files);
  const chosen = oneFormEach(files);
  const segments = chosen.flatMap((file) => readSegmentFront(dir, file) ?? []);
  const second = files.filter((file) => !chosen.includes(file)).map(({ name }) => name);
  const problems = findProblems(dir, segments, durable.position);
  return {
    dir,
    segments,
    durable,
    ring,
    others: [...second, ...others.filter((name) => !OWN_FILES.includes(name))],
    foreign,
    problems,
  };
}

function readRingFront(dir: string): RingFront | undefined {
  const { file } = readTailRingPlace(dir);
  if (file === undefined) return undefined;
  try {
    const { fd, bytes } = openRegularFile(file);
    closeFile(fd, file);
    return { file, bytes };
  } catch (error) {
    if (error instanceof WalError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}

function findProblems(dir: string, segments: readonly SegmentFront[], durable: DurablePosition): WalError[] {
  const problems: WalError[] = [];
  const missing = durableSegmentMissing(durable, segments[0]?.file.segmentIndex, dir);
  if (missing !== undefined) problems.push(missing);
  const newest = segments.at(-1)?.file.segmentIndex;
  // Closed segments alone make a position that lies before the header of the next.
  if (newest !== undefined && newest < durable.segmentIndex && durable.offset > SEGMENT_HEADER_BYTES)
    problems.push(lost(dir, durable));
  for (const [i, { file, error }] of segments.entries()) {
    const before = segments[i - 1]?.file.segmentIndex;
    if (before !== undefined && file.segmentIndex !== before + 1) problems.push(gap(dir, before + 1, file));
    // Behind the durable position it may be a file that was being made when the power failed.
    const mayBeTorn = file.segmentIndex > durable.segmentIndex || durable.eventId === 0n;
    if (error !== undefined && !mayBeTorn) problems.push(error);
  }
  return problems;
}

function lost(dir: string, { segmentIndex, eventId }: DurablePosition): WalError {
  return new WalError('DURABLE_LOST', `the segment that was durable up to event ${eventId} is missing`, {
    file: path.join(dir, segmentFileName(segmentIndex)),
  });
}

function gap(dir: string, index: number, next: SegmentFile): WalError {
  return new WalError('SEGMENT_GAP', `segment ${index} is missing before ${next.name}`, {
    file: path.join(dir, segmentFileName(index)),
  });
}
