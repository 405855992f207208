import { EVENT_WORDS, idAt } from '@fswal/format';
import { RecoveryManager } from '@fswal/recovery';
import { ExitStatus } from '../exit-status.js';
import { CSV_HEADER, type EventFormat, eventLines } from '../log/event-text.js';
import { betweenEvents } from '../log/gap-text.js';
import { requireLog } from '../log/require-log.js';
import { plural } from '../units.js';
import type { CommandResult, Context } from './command.js';

/** Text is handed on in pieces of about this size. */
const CHUNK_CHARS = 256 * 1024;

export interface DumpOptions {
  readonly from?: bigint;
  readonly limit?: number;
  readonly format: EventFormat;
  /** Go on behind damage. */
  readonly diagnostic: boolean;
}

/** Prints events, one in a line. */
export async function dump(dir: string, options: DumpOptions, context: Context): CommandResult {
  const { from, format, diagnostic } = options;
  requireLog(dir);
  const recovery = await RecoveryManager.open({
    dir,
    mode: diagnostic ? 'diagnostic' : 'strict',
    ...(from === undefined ? {} : { fromEventId: from }),
  });
  try {
    if (format === 'csv') await context.output.print(CSV_HEADER);
    const limitEventId = await printEvents(recovery, options, context);
    // Gaps are known at the end only.
    if (diagnostic) while (recovery.nextBlock() !== undefined);
    return tellGaps(recovery, { from, limitEventId }, context);
  } finally {
    await recovery.close();
  }
}

/**
 * Prints what is left of a replay. What is sound before damage is printed before the damage is thrown.
 * @returns the event with which the limit was reached, 0 = the limit is 0; undefined where the replay ended first
 */
export async function printEvents(
  recovery: RecoveryManager,
  { limit = Number.POSITIVE_INFINITY, format }: Pick<DumpOptions, 'limit' | 'format'>,
  { output }: Context,
): Promise<bigint | undefined> {
  let left = limit;
  let lastEventId = 0n;
  let text = '';
  try {
    while (left > 0) {
      const block = recovery.nextBlock();
      if (block === undefined) return undefined;
      const count = Math.min(block.count, left);
      left -= count;
      lastEventId = idAt(block.words, block.base + (count - 1) * EVENT_WORDS);
      text += eventLines({ words: block.words, base: block.base, count }, format);
      if (text.length < CHUNK_CHARS) continue;
      await output.print(text);
      text = '';
    }
    return lastEventId;
  } finally {
    if (text !== '') await output.print(text);
  }
}

/**
 * Tells of the gaps among the events that were asked for.
 * @param from where printing began; undefined = at the first event
 * @param limitEventId the last event printed; undefined = all were
 */
function tellGaps(
  { report }: RecoveryManager,
  { from = 0n, limitEventId }: { from: bigint | undefined; limitEventId: bigint | undefined },
  { output }: Context,
): ExitStatus {
  const gaps = report.gaps.filter(
    ({ afterEventId, beforeEventId }) =>
      (limitEventId === undefined || afterEventId < limitEventId) &&
      (beforeEventId === 0n || beforeEventId > from),
  );
  for (const { file, reason, message, offset, blocks, ...ids } of gaps) {
    output.say(
      `fswal: ${reason}: ${plural(blocks, 'block')} passed over ${betweenEvents(ids)} (file ${file}, offset ${offset}): ${message}`,
    );
  }
  // What retention took while the log was read is no damage.
  return gaps.every(({ reason }) => reason === 'SEGMENT_NOT_FOUND') ? ExitStatus.Sound : ExitStatus.Damaged;
}
