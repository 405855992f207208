import { statfsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  61267: 'ext2/3/4',
  16914836: 'tmpfs',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  2035054128: 'overlayfs',
  801189825: 'zfs',
};

/** Name of the file system of a directory, which need not be there yet, or its number in hexadecimal. */
export function fileSystemOf(dir: string): string {
  const path = resolve(dir);
  try {
    const { type } = statfsSync(path);
    return FILE_SYSTEMS[type] ?? `0x${type.toString(16)}`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' || path === dirname(path)) return 'unknown';
    return fileSystemOf(dirname(path));
  }
}
