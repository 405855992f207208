import fs from 'node:fs';
import { WalError } from '@fswal/format';
import type { Folder } from './folder.js';

/**
 * Looks at entries before anything is done with any of them. Those that are not there are fine.
 * @throws WalError OPEN_FAILED for one that is a link, not a regular file, somebody else's, or has two names
 */
export function refuseForeign(folder: Folder, names: readonly string[]): void {
  for (const name of names) {
    const stats = fs.lstatSync(folder.at(name), { throwIfNoEntry: false });
    const why = stats === undefined ? undefined : whyForeign(stats);
    if (why === undefined) continue;
    throw new WalError('OPEN_FAILED', `${why}; nothing was changed: move it away`, {
      file: folder.label(name),
    });
  }
}

function whyForeign(stats: fs.Stats): string | undefined {
  if (stats.isSymbolicLink()) return 'this is a symbolic link';
  if (!stats.isFile()) return 'this is not a regular file';
  if (stats.nlink !== 1) return `this file has ${stats.nlink} names`;
  const euid = process.geteuid?.() ?? stats.uid;
  return stats.uid === euid ? undefined : `this file belongs to user ${stats.uid}, not to ${euid}`;
}
