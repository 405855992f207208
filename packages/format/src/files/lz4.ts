/*
 * The compressed form of a segment: one LZ4 frame of the whole file, with the content's size and checksum, which the
 * `lz4` command unpacks.
 *
 *   magic u32 | FLG u8 | BD u8 | content size u64 (if FLG says so) | dictionary id u32 (never) | HC u8
 *   { block size u32 (highest bit: not compressed) | block | block checksum u32 (if FLG says so) }...
 *   end mark u32 = 0 | content checksum u32 (if FLG says so)
 *
 * A frame is walked before it is unpacked, so that a hostile one can neither make this thread allocate more than a
 * segment takes nor pass for a shorter file.
 */
import { WalError } from '../errors.js';
import { lz4, xxh32 } from '../native.js';

const MAGIC = 0x184d2204;
const Flag = {
  version: 0xc0,
  version1: 0x40,
  blockChecksums: 0x10,
  contentSize: 0x08,
  contentChecksum: 0x04,
  dictionary: 0x01,
};
const BLOCK_MAX_BYTES = [undefined, undefined, undefined, undefined, 1 << 16, 1 << 18, 1 << 20, 1 << 22];
const NOT_COMPRESSED = 0x8000_0000;
const CONTENT_SIZE_BYTES = 8;

/** The frame of a segment's bytes. Allocates the frame, twice. */
export function compressSegment(bytes: Uint8Array): Uint8Array {
  const frame = lz4().compressFrameSync(asBuffer(bytes), { contentChecksum: true });
  return withContentSize(frame, bytes.length);
}

/**
 * The bytes of a segment. Allocates them once, and never more than about `maxBytes`.
 * @param file for messages
 * @throws WalError SEGMENT_CORRUPTED for anything but one whole, sound frame of at most `maxBytes`
 */
export function decompressSegment(frame: Uint8Array, maxBytes: number, file: string): Uint8Array {
  const { contentSize } = walkFrame(frame, maxBytes, file);
  const { decompressFrameSync } = lz4();
  let bytes: Uint8Array;
  try {
    bytes = decompressFrameSync(asBuffer(frame));
  } catch (cause) {
    throw damaged(
      `the LZ4 frame does not unpack: ${cause instanceof Error ? cause.message : cause}`,
      file,
      0,
      cause,
    );
  }
  if (bytes.length > maxBytes || (contentSize !== undefined && bytes.length !== contentSize)) {
    throw damaged(
      `the LZ4 frame unpacks to ${bytes.length} bytes, not ${contentSize ?? `up to ${maxBytes}`}`,
      file,
      0,
    );
  }
  return bytes;
}

/** Checks all sizes that a frame declares. */
function walkFrame(frame: Uint8Array, maxBytes: number, file: string): { contentSize: number | undefined } {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const need = (at: number, bytes: number) => {
    if (at + bytes > frame.length) throw damaged('the LZ4 frame ends too early', file, frame.length);
  };
  need(0, 7);
  if (view.getUint32(0, true) !== MAGIC) throw damaged('this is no LZ4 frame', file, 0);
  const flags = frame[4]!;
  const blockMaxBytes = BLOCK_MAX_BYTES[(frame[5]! >> 4) & 7];
  if (
    (flags & Flag.version) !== Flag.version1 ||
    blockMaxBytes === undefined ||
    (flags & Flag.dictionary) !== 0
  ) {
    throw damaged('this is an LZ4 frame of another kind', file, 4);
  }
  let at = 6;
  let contentSize: number | undefined;
  if ((flags & Flag.contentSize) !== 0) {
    need(at, CONTENT_SIZE_BYTES + 1);
    contentSize = Number(view.getBigUint64(at, true));
    if (contentSize === 0 || contentSize > maxBytes) {
      throw damaged(
        `the LZ4 frame declares ${contentSize} bytes; a segment has at most ${maxBytes}`,
        file,
        at,
      );
    }
    at += CONTENT_SIZE_BYTES;
  }
  if (frame[at] !== headerChecksum(frame.subarray(4, at)))
    throw damaged('the LZ4 frame header is damaged', file, at);
  at++;
  const limit = contentSize ?? maxBytes;
  for (let blocks = 0; ; blocks++) {
    need(at, 4);
    const word = view.getUint32(at, true);
    at += 4;
    if (word === 0) break;
    // All blocks but the last are full.
    if (blocks * blockMaxBytes >= limit)
      throw damaged('the LZ4 frame has more blocks than a segment', file, at);
    const bytes = word & ~NOT_COMPRESSED;
    if (bytes > blockMaxBytes) throw damaged('an LZ4 block is larger than its frame allows', file, at);
    at += bytes + ((flags & Flag.blockChecksums) === 0 ? 0 : 4);
    need(at, 0);
  }
  if ((flags & Flag.contentChecksum) !== 0) at += 4;
  need(at, 0);
  if (at !== frame.length) throw damaged(`${frame.length - at} bytes follow the LZ4 frame`, file, at);
  return { contentSize };
}

/** The library does not write the content's size, by which a reader knows what to allocate. */
function withContentSize(frame: Uint8Array, bytes: number): Uint8Array {
  const flags = frame[4]!;
  if ((flags & Flag.contentSize) !== 0) return frame;
  const sized = new Uint8Array(frame.length + CONTENT_SIZE_BYTES);
  sized.set(frame.subarray(0, 6));
  sized[4] = flags | Flag.contentSize;
  new DataView(sized.buffer).setBigUint64(6, BigInt(bytes), true);
  sized[6 + CONTENT_SIZE_BYTES] = headerChecksum(sized.subarray(4, 6 + CONTENT_SIZE_BYTES));
  sized.set(frame.subarray(7), 7 + CONTENT_SIZE_BYTES);
  return sized;
}

function headerChecksum(descriptor: Uint8Array): number {
  return (xxh32(descriptor) >>> 8) & 0xff;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function damaged(message: string, file: string, offset: number, cause?: unknown): WalError {
  return new WalError('SEGMENT_CORRUPTED', message, { file, offset, cause });
}
