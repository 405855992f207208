import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  61267: 'ext2/3/4',
  16914836: 'tmpfs',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  2035054128: 'overlayfs',
  801189825: 'zfs',
};

/** A new directory for one benchmark, under `base` or the system's temporary directory. */
export function makePlace(base: string | undefined): { dir: string; fileSystem: string; remove: () => void } {
  const dir = fs.mkdtempSync(path.join(base ?? os.tmpdir(), 'fswal-bench-'));
  const { type } = fs.statfsSync(dir);
  return {
    dir,
    fileSystem: FILE_SYSTEMS[type] ?? `file system 0x${type.toString(16)}`,
    remove: () => fs.rmSync(dir, { recursive: true, force: true }),
  };
}
