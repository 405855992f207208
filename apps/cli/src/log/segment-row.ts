import type { SegmentState, SegmentVerdict, SegmentVerification, Status, WalError } from '@fswal/format';
import type { Gap, SalvagedSegment } from '@fswal/recovery';

/** What verification says of one segment file. Plain data; ids are u64 as decimal strings, '0' = none. */
export interface SegmentRow {
  readonly file: string;
  /** OK, or the first damage of the file. A torn tail behind the durable position is OK; `at` says where it begins. */
  readonly status: Status;
  /** Of the format; null where the header cannot be read. */
  readonly version: number | null;
  readonly segmentIndex: number;
  /** Sound sealed blocks from the front. */
  readonly blocks: number;
  /** Sound events, those of an unsealed block after them included. */
  readonly events: number;
  readonly firstEventId: string;
  readonly lastEventId: string;
  readonly state: SegmentState;
  /** Where what is wrong begins. */
  readonly at?: RowPlace;
  /** Of a damaged segment: all blocks that verify, those behind the first damage too, and what does not. */
  readonly soundBlocks?: number;
  readonly gaps?: readonly Gap[];
}

export interface RowPlace {
  readonly block: number;
  /** Byte in the (unpacked) file. */
  readonly offset: number;
  /** The last sound event before. */
  readonly eventId: string;
  readonly message: string;
}

/** The row of a segment by its place in the log. */
export function rowOfVerdict(file: string, segmentIndex: number, verdict: SegmentVerdict): SegmentRow {
  const { verification, decision, error, blocks, events, lastEventId } = verdict;
  return {
    ...rowOfVerification(file, segmentIndex, verification),
    status: decision === 'refuse' ? (error as WalError).code : 'OK',
    blocks,
    events,
    ...idsOf(events, verification.firstEventId, lastEventId),
    ...(error === undefined ? {} : { at: placeOf(error) }),
  };
}

/** The row of a segment by itself. */
export function rowOfVerification(file: string, segmentIndex: number, v: SegmentVerification): SegmentRow {
  const { status, header, blocks, events, state, at } = v;
  return {
    file,
    status,
    version: header?.version ?? null,
    segmentIndex,
    blocks,
    events,
    ...idsOf(events, v.firstEventId, v.lastEventId),
    state,
    ...(at === undefined ? {} : { at: { ...at, eventId: String(at.eventId) } }),
  };
}

/**
 * The row of a file that cannot be read, or unpacked.
 * @param afterEventId the last sound event before it; 0 = none
 */
export function rowOfError(
  file: string,
  segmentIndex: number,
  error: WalError,
  afterEventId: bigint,
): SegmentRow {
  return {
    file,
    status: error.code,
    version: null,
    segmentIndex,
    blocks: 0,
    events: 0,
    ...idsOf(0, 0n, 0n),
    state: 'unreadable',
    at: { ...placeOf(error), eventId: String(afterEventId) },
  };
}

/** The row of a damaged segment, with all that is wrong in it. */
export function withGaps(row: SegmentRow, { soundBlocks, gaps }: SalvagedSegment): SegmentRow {
  return { ...row, soundBlocks, gaps };
}

function idsOf(events: number, firstEventId: bigint, lastEventId: bigint) {
  return {
    firstEventId: events === 0 ? '0' : String(firstEventId),
    lastEventId: events === 0 ? '0' : String(lastEventId),
  };
}

function placeOf({ block = 0, offset = 0, eventId = 0n, reason }: WalError): RowPlace {
  return { block, offset, eventId: String(eventId), message: reason };
}
