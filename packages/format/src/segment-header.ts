import { dataView } from './bytes.js';
import { headerChecksum } from './checksum.js';
import { WalError } from './errors.js';
import {
  SegmentHeaderOffset as At,
  type FormatVersion,
  SEGMENT_HEADER_BYTES,
  SEGMENT_MAGIC,
} from './layout.js';

/** The header of a segment file. Ids, times and checksums are u64 as bigint. */
export interface SegmentHeader {
  version: FormatVersion;
  segmentIndex: number;
  /** Blocks in use; 0 while the segment is open. */
  blockCount: number;
  /** Events in those blocks; 0 while the segment is open. */
  eventCount: number;
  /** 0 until the first event is written. */
  firstEventId: bigint;
  /** 0 while the segment is open. */
  lastEventId: bigint;
  /** Nanoseconds since 1970. */
  createdNs: bigint;
  /** Nanoseconds since 1970; 0 = open. */
  closedNs: bigint;
  /** Chained checksum of the last block; 0 while the segment is open. */
  lastChainedChecksum: bigint;
}

/** Writes `header` with its checksum into the first 64 bytes of `into`. */
export function encodeSegmentHeader(header: SegmentHeader, into: Uint8Array): void {
  const bytes = into.subarray(0, SEGMENT_HEADER_BYTES);
  const view = dataView(bytes);
  view.setUint16(At.magic, SEGMENT_MAGIC, true);
  view.setUint8(At.version, header.version);
  view.setUint8(At.headerBytes, SEGMENT_HEADER_BYTES);
  view.setUint32(At.segmentIndex, header.segmentIndex, true);
  view.setUint32(At.blockCount, header.blockCount, true);
  view.setUint32(At.eventCount, header.eventCount, true);
  view.setBigUint64(At.firstEventId, header.firstEventId, true);
  view.setBigUint64(At.lastEventId, header.lastEventId, true);
  view.setBigUint64(At.createdNs, header.createdNs, true);
  view.setBigUint64(At.closedNs, header.closedNs, true);
  view.setBigUint64(At.lastChainedChecksum, header.lastChainedChecksum, true);
  view.setBigUint64(At.headerChecksum, headerChecksum(bytes, At.headerChecksum), true);
}

/**
 * Reads and checks the header in the first 64 bytes of `bytes`.
 * @throws WalError HEADER_CHECKSUM_MISMATCH, or SEGMENT_CORRUPTED where the checksum holds but the header is not one
 * of this format (too short, another magic, an unknown version)
 */
export function decodeSegmentHeader(bytes: Uint8Array): SegmentHeader {
  if (bytes.length < SEGMENT_HEADER_BYTES) {
    throw new WalError('SEGMENT_CORRUPTED', `${bytes.length} bytes are too short for a segment header`, {
      offset: 0,
    });
  }
  const header = bytes.subarray(0, SEGMENT_HEADER_BYTES);
  const view = dataView(header);
  if (view.getBigUint64(At.headerChecksum, true) !== headerChecksum(header, At.headerChecksum)) {
    throw new WalError('HEADER_CHECKSUM_MISMATCH', 'the segment header is damaged', { offset: 0 });
  }
  const version = view.getUint8(At.version);
  if (
    view.getUint16(At.magic, true) !== SEGMENT_MAGIC ||
    view.getUint8(At.headerBytes) !== SEGMENT_HEADER_BYTES
  ) {
    throw new WalError('SEGMENT_CORRUPTED', 'this is not a segment of this format', { offset: 0 });
  }
  if (version !== 1 && version !== 2) {
    throw new WalError('SEGMENT_CORRUPTED', `format version ${version} is unknown here`, {
      offset: At.version,
    });
  }
  return {
    version,
    segmentIndex: view.getUint32(At.segmentIndex, true),
    blockCount: view.getUint32(At.blockCount, true),
    eventCount: view.getUint32(At.eventCount, true),
    firstEventId: view.getBigUint64(At.firstEventId, true),
    lastEventId: view.getBigUint64(At.lastEventId, true),
    createdNs: view.getBigUint64(At.createdNs, true),
    closedNs: view.getBigUint64(At.closedNs, true),
    lastChainedChecksum: view.getBigUint64(At.lastChainedChecksum, true),
  };
}
