import os from 'node:os';
import type { Machine } from '../run/run-record.js';
import { fileSystemOf } from './file-system.js';

/** What a run's figures depend on. @param dir the log's, which need not be there yet */
export function describeMachine(dir: string): Machine {
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    kernel: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.version,
    fileSystem: fileSystemOf(dir),
  };
}
