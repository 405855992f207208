import { readDurablePosition } from '@fswal/format/files';

/** W: the durable event id in `wal_meta.dat`; 0 where there is none yet. @throws Error for a damaged file */
export function storedEventId(dir: string): number {
  const stored = readDurablePosition(dir);
  if ('position' in stored) return Number(stored.position.eventId);
  if (stored.missing.endsWith('is missing')) return 0;
  throw new Error(stored.missing);
}
