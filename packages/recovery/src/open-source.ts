import { DiagnosticReader } from './diagnostic-reader.js';
import { LogFollower } from './log-follower.js';
import { LogReader, type LogReaderOptions } from './log-reader.js';
import type { RecoveryMode } from './recovery-options.js';
import type { WindowSource } from './window-source.js';

export interface SourceOptions extends LogReaderOptions {
  readonly mode: RecoveryMode;
  readonly follow: boolean;
}

/** The way to read a log that the options ask for. @throws WalError DIRECTORY_NOT_FOUND, OPEN_FAILED, READ_FAILED */
export function openSource({ mode, follow, ...options }: SourceOptions): WindowSource {
  if (follow) return LogFollower.open(options);
  return mode === 'diagnostic' ? DiagnosticReader.open(options) : LogReader.open(options);
}
