import { statfsSync } from 'node:fs';
import os from 'node:os';
import { dirname, resolve } from 'node:path';
import type { Machine } from '../run/run-record.js';

const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  61267: 'ext2/3/4',
  16914836: 'tmpfs',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  2035054128: 'overlayfs',
  801189825: 'zfs',
};

/** What a run's figures depend on. @param dir the log's, which need not be there yet */
export function describeMachine(dir: string): Machine {
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    kernel: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.version,
    fileSystem: fileSystemOf(resolve(dir)),
  };
}

function fileSystemOf(dir: string): string {
  try {
    const { type } = statfsSync(dir);
    return FILE_SYSTEMS[type] ?? `0x${type.toString(16)}`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' || dir === dirname(dir)) return 'unknown';
    return fileSystemOf(dirname(dir));
  }
}
