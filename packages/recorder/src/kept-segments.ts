import fs from 'node:fs';
import { listLogDirectory, oneFormEach } from '@fswal/format/files';
import type { Folder } from './folder.js';
import type { KeptSegment } from './retention.js';

/** The segments of a log below index `below`, oldest first. What vanishes meanwhile is left out. */
export function listKeptSegments(folder: Folder, below: number): KeptSegment[] {
  const kept: KeptSegment[] = [];
  for (const { name, segmentIndex, compressed } of oneFormEach(listLogDirectory(folder.base).segments)) {
    if (segmentIndex >= below) continue;
    const stats = fs.lstatSync(folder.at(name), { throwIfNoEntry: false });
    // The final header is the last thing that is written to a segment, and its compressed form takes over the time.
    if (stats !== undefined)
      kept.push({ segmentIndex, compressed, bytes: stats.size, closedMs: stats.mtimeMs });
  }
  return kept;
}
