import { existsSync } from 'node:fs';
import { listLogDirectory } from '@fswal/format/files';

/**
 * A tail ring or a durable position is part of a log too, and what goes on from them does not begin with event 1.
 * @throws Error where there is any of it in `dir`
 */
export function refuseLog(dir: string): void {
  if (!existsSync(dir)) return;
  const { segments, others } = listLogDirectory(dir);
  if (segments.length + others.length > 0) {
    throw new Error(`there is a log in ${dir} already; soak begins a new one`);
  }
}
