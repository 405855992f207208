/* The compressed form of a segment: one LZ4 frame of the whole file, which the `lz4` command unpacks. */
import { dataView } from '../bytes.js';
import { isSegmentSize, MAX_BLOCKS_PER_SEGMENT, segmentBytes } from '../layout.js';
import { lz4 } from '../native.js';
import {
  CONTENT_SIZE_BYTES,
  CONTENT_SIZE_OFFSET,
  checkFrame,
  damagedFrame,
  Flag,
  frameHeaderChecksum,
  MAX_FRAME_HEADER_BYTES,
  maxFrameBytes,
} from './lz4-frame.js';

/** No segment is larger. */
export const MAX_SEGMENT_BYTES = segmentBytes(MAX_BLOCKS_PER_SEGMENT);
/** Nor is the compressed form of one: what does not compress becomes a little longer. */
export const MAX_COMPRESSED_BYTES = maxFrameBytes(MAX_SEGMENT_BYTES);

/**
 * The frame of a segment's bytes, with their number and checksum. While it works, up to three times the frame is
 * allocated, and nothing of the size of the segment.
 */
export function compressSegment(bytes: Uint8Array): Uint8Array {
  const frame = lz4().compressFrameSync(asBuffer(bytes), { contentChecksum: true });
  return withContentSize(frame, bytes.length);
}

/**
 * The bytes of a segment. Allocates them, and a tenth more or so while it works; nothing where the frame cannot be that
 * of at most `maxBytes`.
 * @param file for messages
 * @throws WalError SEGMENT_CORRUPTED for anything but one whole, sound frame of one whole segment of at most `maxBytes`
 */
export function decompressSegment(frame: Uint8Array, maxBytes: number, file: string): Uint8Array {
  const { contentBytes } = checkFrame(frame, maxBytes, file);
  if (contentBytes !== undefined) needSegmentSize(contentBytes, file);
  const { decompressFrameSync } = lz4();
  let bytes: Uint8Array;
  try {
    bytes = decompressFrameSync(asBuffer(frame));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw damagedFrame(`the LZ4 frame does not unpack: ${why}`, file, 0, cause);
  }
  if (bytes.length > maxBytes || bytes.length !== (contentBytes ?? bytes.length)) {
    const expected = contentBytes ?? `up to ${maxBytes}`;
    throw damagedFrame(`the LZ4 frame unpacks to ${bytes.length} bytes, not ${expected}`, file, 0);
  }
  needSegmentSize(bytes.length, file);
  return bytes;
}

/** What is compressed is a whole segment: one that was cut is left as it is. */
function needSegmentSize(bytes: number, file: string): void {
  if (isSegmentSize(bytes)) return;
  throw damagedFrame(
    `the LZ4 frame holds ${bytes} bytes, which no whole segment has`,
    file,
    CONTENT_SIZE_OFFSET,
  );
}

/** The library does not write the content's size, by which a reader knows what to allocate. */
function withContentSize(frame: Uint8Array, bytes: number): Uint8Array {
  const sized = new Uint8Array(frame.length + CONTENT_SIZE_BYTES);
  sized.set(frame.subarray(0, CONTENT_SIZE_OFFSET));
  sized.set(frame.subarray(CONTENT_SIZE_OFFSET + 1), MAX_FRAME_HEADER_BYTES);
  const view = dataView(sized);
  view.setUint8(4, view.getUint8(4) | Flag.contentSize);
  view.setBigUint64(CONTENT_SIZE_OFFSET, BigInt(bytes), true);
  const end = MAX_FRAME_HEADER_BYTES - 1;
  view.setUint8(end, frameHeaderChecksum(sized.subarray(4, end)));
  return sized;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
