export { type CompressedStart, readCompressedFile, readCompressedStart } from './compressed-start.js';
export { type DurableReport, type KnownDurable, knownDurable } from './known-durable.js';
export {
  closeFile,
  type LogDirectory,
  listLogDirectory,
  oneFormEach,
  openRegularFile,
  otherForms,
  readBootId,
  readDurablePosition,
  readFully,
  readRegularFile,
  readSome,
} from './log-files.js';
export { compressSegment, decompressSegment, MAX_COMPRESSED_BYTES, MAX_SEGMENT_BYTES } from './lz4.js';
export { readSegmentFile } from './read-segment-file.js';
export { readSegmentStart, type SegmentStart } from './read-segment-start.js';
export { salvageFrame } from './salvage-frame.js';
export { lowestSegmentInUse, type ReaderRegistration, registerReader } from './segments-in-use.js';
export { TailRingImage } from './tail-ring-image.js';
export { encodeTailRingPlace, readTailRingPlace, type TailRingPlace } from './tail-ring-place.js';
