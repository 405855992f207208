export {
  type LogDirectory,
  listLogDirectory,
  openRegularFile,
  readBootId,
  readDurablePosition,
  readFully,
  readRegularFile,
} from './log-files.js';
