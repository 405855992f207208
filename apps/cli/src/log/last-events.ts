import { EVENT_WORDS, idAt } from '@fswal/format';
import { listLogDirectory, oneFormEach } from '@fswal/format/files';
import { RecoveryManager } from '@fswal/recovery';
import { readSegmentFront } from './segment-front.js';

/**
 * Where the last `count` events of a log begin, by reading it from ever further back.
 * @returns the id of the first of them; for a count of 0, one above the last event
 * @throws WalError as a strict recovery
 */
export async function findLastEvents(dir: string, count: number): Promise<bigint> {
  const firstIds = listFirstIds(dir);
  for (let back = 1; ; back *= 2) {
    const from = firstIds[firstIds.length - back];
    const { found, isEnough } = await lastEvents(dir, from, count);
    if (isEnough || from === undefined) return found;
  }
}

/** First event ids of the segments that have events. */
function listFirstIds(dir: string): bigint[] {
  const files = oneFormEach(listLogDirectory(dir).segments);
  const ids = files.map((file) => readSegmentFront(dir, file)?.firstEventId ?? 0n);
  return ids.filter((id) => id !== 0n);
}

async function lastEvents(dir: string, from: bigint | undefined, count: number) {
  const recovery = await RecoveryManager.open({ dir, ...(from === undefined ? {} : { fromEventId: from }) });
  try {
    // Only the last ids seen so far are kept, of whatever the log holds.
    const ids: bigint[] = [];
    for (let block = recovery.nextBlock(); block !== undefined; block = recovery.nextBlock()) {
      const first = Math.max(0, block.count - count);
      for (let i = first; i < block.count; i++) ids.push(idAt(block.words, block.base + i * EVENT_WORDS));
      if (ids.length > 2 * count) ids.splice(0, ids.length - count);
    }
    const found = ids.at(-count);
    if (count > 0) return { found: found ?? ids[0] ?? 1n, isEnough: found !== undefined };
    return { found: recovery.report.endEventId + 1n, isEnough: true };
  } finally {
    await recovery.close();
  }
}
