import { META_FILE, TAIL_RING_FILE, TAIL_RING_PLACE_FILE, WalError } from '@fswal/format';
import { listLogDirectory } from '@fswal/format/files';

const LOG_FILES = [META_FILE, TAIL_RING_FILE, TAIL_RING_PLACE_FILE];

/** @throws WalError DIRECTORY_NOT_FOUND; SEGMENT_NOT_FOUND where the directory has no file of a log */
export function requireLog(dir: string): void {
  const { segments, others } = listLogDirectory(dir);
  if (segments.length > 0 || others.some((name) => LOG_FILES.includes(name))) return;
  throw new WalError('SEGMENT_NOT_FOUND', 'there is no log in this directory', { file: dir });
}
