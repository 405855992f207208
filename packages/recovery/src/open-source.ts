import { LogFollower } from './log-follower.js';
import { LogReader, type LogReaderOptions } from './log-reader.js';
import type { RecoveryMode } from './recovery-options.js';
import type { WindowSource } from './window-source.js';

export interface SourceOptions extends LogReaderOptions {
  readonly mode: RecoveryMode;
  readonly follow: boolean;
}

/** The way to read a log that the options ask for. @throws WalError DIRECTORY_NOT_FOUND, OPEN_FAILED, READ_FAILED */
export function openSource(options: SourceOptions): WindowSource {
  return options.follow ? LogFollower.open(options) : LogReader.open(options);
}
