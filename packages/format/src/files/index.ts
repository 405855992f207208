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
  readTailRingDir,
} from './log-files.js';
export { readSegmentHeader } from './read-segment-header.js';
