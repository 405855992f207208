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
  refuseLarger,
  statName,
  statOpen,
} from './log-files.js';
export { type LogSurvey, surveyLog } from './log-survey.js';
export { compressSegment, decompressSegment, MAX_COMPRESSED_BYTES, MAX_SEGMENT_BYTES } from './lz4.js';
export { readSegmentFile, salvageSegmentFile } from './read-segment-file.js';
export { readSegmentStart, type SegmentStart } from './read-segment-start.js';
export { declaredBytes, readFileHeader, usedBytes } from './segment-extent.js';
export { lowestSegmentInUse, type ReaderRegistration, registerReader } from './segments-in-use.js';
export { TailRingImage } from './tail-ring-image.js';
export { encodeTailRingPlace, readTailRingPlace, type TailRingPlace } from './tail-ring-place.js';
