import { RecoveryManager } from '@fswal/recovery';
import { ExitStatus } from '../exit-status.js';
import { breathe } from '../interrupts.js';
import { CSV_HEADER, type EventFormat, eventLines } from '../log/event-text.js';
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
    await printEvents(recovery, options, context);
    return tellGaps(recovery, context);
  } finally {
    await recovery.close();
  }
}

/** Prints what is left of a replay. What is sound before damage is printed before the damage is thrown. */
export async function printEvents(
  recovery: RecoveryManager,
  { limit = Number.POSITIVE_INFINITY, format }: Pick<DumpOptions, 'limit' | 'format'>,
  { output, signal }: Context,
): Promise<void> {
  let left = limit;
  let text = '';
  try {
    while (left > 0) {
      const block = recovery.nextBlock();
      if (block === undefined) break;
      const count = Math.min(block.count, left);
      left -= count;
      text += eventLines({ words: block.words, base: block.base, count }, format);
      if (text.length < CHUNK_CHARS) continue;
      await output.print(text);
      text = '';
      await breathe(signal);
    }
  } finally {
    if (text !== '') await output.print(text);
  }
}

function tellGaps({ report }: RecoveryManager, { output }: Context): ExitStatus {
  for (const { file, reason, message, offset, blocks, afterEventId, beforeEventId } of report.gaps) {
    const between = `between event ${afterEventId} and ${beforeEventId === 0n ? 'the end' : `event ${beforeEventId}`}`;
    output.say(
      `fswal: ${reason}: ${plural(blocks, 'block')} passed over ${between} (file ${file}, offset ${offset}): ${message}`,
    );
  }
  return report.gaps.length === 0 ? ExitStatus.Sound : ExitStatus.Damaged;
}
