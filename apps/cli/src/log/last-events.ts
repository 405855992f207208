import { EVENT_WORDS, idAt } from '@fswal/format';
import { listLogDirectory, oneFormEach } from '@fswal/format/files';
import { RecoveryManager } from '@fswal/recovery';
import { readSegmentFront, type SegmentFront } from './segment-front.js';

/**
 * Where the last `count` events of a log begin. The headers of the closed segments tell where to look; from there on the
 * events are counted, not kept.
 * @returns the id of the first of them; for a count of 0, one above the last event
 * @throws WalError as a strict recovery
 */
export async function findLastEvents(dir: string, count: number): Promise<bigint> {
  for (let from = guessFrom(listFronts(dir), count); ; ) {
    const { events, endEventId } = await countEvents(dir, from);
    if (count === 0) return endEventId + 1n;
    if (events >= count || from === 0n) {
      if (events === 0) return 1n;
      const first = await idBehind(dir, from, Math.max(0, events - count));
      if (first !== undefined) return first;
      // Retention has taken events since: they are counted anew.
    } else from = 0n;
  }
}

/** The segments that have events. */
function listFronts(dir: string): SegmentFront[] {
  const fronts = oneFormEach(listLogDirectory(dir).segments).flatMap(
    (file) => readSegmentFront(dir, file) ?? [],
  );
  return fronts.filter(({ firstEventId }) => firstEventId !== 0n);
}

/** First event of the last segment behind which there are so many events, as the headers say; 0 = the oldest. */
function guessFrom(fronts: readonly SegmentFront[], count: number): bigint {
  let events = 0;
  for (const { header, firstEventId } of fronts.toReversed()) {
    // Of an open segment the header does not tell it.
    events += header?.eventCount ?? 0;
    if (events >= count) return firstEventId;
  }
  return 0n;
}

async function countEvents(dir: string, from: bigint): Promise<{ events: number; endEventId: bigint }> {
  const recovery = await RecoveryManager.open({ dir, fromEventId: from });
  try {
    while (recovery.nextBlock() !== undefined);
    return recovery.report;
  } finally {
    await recovery.close();
  }
}

/** Id of the event that comes so many events behind the first one from `from` on; undefined where there is none. */
async function idBehind(dir: string, from: bigint, events: number): Promise<bigint | undefined> {
  const recovery = await RecoveryManager.open({ dir, fromEventId: from });
  try {
    let left = events;
    for (let block = recovery.nextBlock(); block !== undefined; block = recovery.nextBlock()) {
      if (left < block.count) return idAt(block.words, block.base + left * EVENT_WORDS);
      left -= block.count;
    }
    return undefined;
  } finally {
    await recovery.close();
  }
}
