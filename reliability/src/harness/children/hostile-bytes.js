// Bytes as somebody would write them who knows the format: whatever they say, their checksums hold. Plain JavaScript,
// because children use it too.

import {
  BlockHeaderOffset,
  blockOffset,
  checksum,
  headerChecksum,
  MetaOffset,
  SEGMENT_HEADER_BYTES,
  SegmentHeaderOffset,
  TailRingOffset,
} from '@fswal/format';

/** What an integer is when it is chosen to break something; the last two are the greatest of shorter fields too. */
export const EDGES = [0n, 1n, 1n << 31n, 1n << 32n, 1n << 53n, 1n << 63n, (1n << 64n) - 2n, (1n << 64n) - 1n];

const view = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function sealHeader(bytes, start, end, at) {
  const header = bytes.subarray(start, end);
  view(header).setBigUint64(at, headerChecksum(header, at), true);
}

const block = (index) => ({
  start: blockOffset(index),
  fields: [
    [BlockHeaderOffset.firstEventId, 8],
    [BlockHeaderOffset.lastEventId, 8],
    [BlockHeaderOffset.blockChecksum, 8],
    [BlockHeaderOffset.chainedChecksum, 8],
    [BlockHeaderOffset.blockIndex, 4],
    [BlockHeaderOffset.eventCount, 2],
  ],
  seal: (bytes) =>
    sealHeader(bytes, blockOffset(index), blockOffset(index) + 64, BlockHeaderOffset.headerChecksum),
});

/** Fields [offset, bytes] of each kind of header, and how its checksum is made to hold again. */
export const HEADER_KINDS = {
  segment: {
    start: 0,
    fields: [
      [SegmentHeaderOffset.magic, 2],
      [SegmentHeaderOffset.version, 1],
      [SegmentHeaderOffset.headerBytes, 1],
      [SegmentHeaderOffset.segmentIndex, 4],
      [SegmentHeaderOffset.blockCount, 4],
      [SegmentHeaderOffset.eventCount, 4],
      [SegmentHeaderOffset.firstEventId, 8],
      [SegmentHeaderOffset.lastEventId, 8],
      [SegmentHeaderOffset.createdNs, 8],
      [SegmentHeaderOffset.closedNs, 8],
      [SegmentHeaderOffset.lastChainedChecksum, 8],
    ],
    seal: (bytes) => sealHeader(bytes, 0, SEGMENT_HEADER_BYTES, SegmentHeaderOffset.headerChecksum),
  },
  'first block': block(0),
  'third block': block(2),
  meta: {
    start: 0,
    fields: [
      [MetaOffset.offset, 4],
      [MetaOffset.segmentIndex, 4],
      [MetaOffset.eventId, 8],
      [MetaOffset.prefixChecksum, 8],
    ],
    seal: (bytes) =>
      view(bytes).setBigUint64(
        MetaOffset.checksum,
        checksum(bytes.subarray(0, MetaOffset.checksum), 0n),
        true,
      ),
  },
  'tail ring': {
    start: 0,
    fields: [
      [TailRingOffset.magic, 8],
      [TailRingOffset.version, 4],
      [TailRingOffset.tailBlocks, 4],
      [TailRingOffset.afterEventId, 8],
      [TailRingOffset.link, 8],
    ],
    seal: (bytes) =>
      view(bytes).setBigUint64(
        TailRingOffset.checksum,
        checksum(bytes.subarray(0, TailRingOffset.checksum), 0n),
        true,
      ),
  },
};

/** A copy of a file in which one field of a header is this value, as far as it has room, and the header's checksum holds. */
export function withField(kind, bytes, field, value) {
  const { start, fields, seal } = HEADER_KINDS[kind];
  const [offset, size] = fields[field];
  const copy = bytes.slice();
  for (let i = 0; i < size; i++) copy[start + offset + i] = Number((value >> BigInt(8 * i)) & 0xffn);
  seal(copy);
  return copy;
}

/** XXH32, seed 0, of fewer than 16 bytes. */
function shortXxh32(bytes) {
  const rotate = (n, by) => (n << by) | (n >>> (32 - by));
  let hash = (374_761_393 + bytes.length) | 0;
  let at = 0;
  for (; at + 4 <= bytes.length; at += 4) {
    const word = view(bytes).getInt32(at, true);
    hash = Math.imul(rotate((hash + Math.imul(word, -1_028_477_379)) | 0, 17), 668_265_263);
  }
  for (; at < bytes.length; at++) {
    hash = Math.imul(rotate((hash + Math.imul(bytes[at], 374_761_393)) | 0, 11), -1_640_531_535);
  }
  hash = Math.imul(hash ^ (hash >>> 15), -2_048_144_777);
  hash = Math.imul(hash ^ (hash >>> 13), -1_028_477_379);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** An LZ4 frame whose header holds together, whatever it says. `size` = what is said to be the size of a block. */
export function frameOf({ contentSize, blocks, flags = 0, blockMax = 4, endMark = true }) {
  const u32 = (value) => [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
  const size = contentSize === undefined ? [] : [...Array(8).keys()].map((i) => byteOf(contentSize, i));
  const descriptor = [0x60 | flags | (contentSize === undefined ? 0 : 0x08), blockMax << 4, ...size];
  const check = (shortXxh32(Uint8Array.from(descriptor)) >>> 8) & 0xff;
  const parts = [Buffer.from([...u32(0x184d2204), ...descriptor, check])];
  for (const { bytes, plain = false, size: said = bytes.length } of blocks) {
    parts.push(Buffer.from(u32((said | (plain ? 0x8000_0000 : 0)) >>> 0)), Buffer.from(bytes));
  }
  if (endMark) parts.push(Buffer.from(u32(0)));
  return new Uint8Array(Buffer.concat(parts));
}

function byteOf(value, index) {
  return Number((value >> BigInt(8 * index)) & 0xffn);
}

/** A block that unpacks to `bytes` zeros or a few more: one literal, and a match of it that goes on and on. */
export function bombBlock(bytes) {
  const more = Math.max(0, Math.floor((bytes - 20) / 255));
  const rest = Math.max(0, bytes - 20 - more * 255);
  const literals = [0x50, 0, 0, 0, 0, 0];
  return Uint8Array.from([0x1f, 0, 1, 0, ...Array(more).fill(255), rest % 255, ...literals]);
}
