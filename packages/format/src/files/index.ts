export { type DurableReport, type KnownDurable, knownDurable } from './known-durable.js';
export {
  closeFile,
  type LogDirectory,
  listLogDirectory,
  oneFormEach,
  openRegularFile,
  readBootId,
  readDurablePosition,
  readFully,
  readRegularFile,
} from './log-files.js';
export { compressSegment, decompressSegment } from './lz4.js';
export { readSegmentFile } from './read-segment-file.js';
export { readSegmentHeader } from './read-segment-header.js';
export { lowestSegmentInUse, type ReaderRegistration, registerReader } from './segments-in-use.js';
export { encodeTailRingPlace, readTailRingPlace, type TailRingPlace } from './tail-ring-place.js';
