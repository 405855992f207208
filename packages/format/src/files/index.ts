export { type DurableReport, type KnownDurable, knownDurable } from './known-durable.js';
export {
  type LogDirectory,
  listLogDirectory,
  oneFormEach,
  openRegularFile,
  readBootId,
  readDurablePosition,
  readFully,
  readRegularFile,
} from './log-files.js';
export { readSegmentHeader } from './read-segment-header.js';
export { encodeTailRingPlace, readTailRingPlace, type TailRingPlace } from './tail-ring-place.js';
