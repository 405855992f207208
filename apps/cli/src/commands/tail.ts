import { RecoveryManager } from '@fswal/recovery';
import { ExitStatus } from '../exit-status.js';
import { CSV_HEADER, type EventFormat, eventLines } from '../log/event-text.js';
import { findLastEvents } from '../log/last-events.js';
import type { CommandResult, Context } from './command.js';

export interface TailOptions {
  readonly from?: bigint;
  /** Begin so many events before the end. */
  readonly lines: number;
  readonly format: EventFormat;
}

/** Prints the last events of a log, and then what a recorder adds, until Ctrl-C. */
export async function tail(
  dir: string,
  { from, lines, format }: TailOptions,
  { output, signal }: Context,
): CommandResult {
  const fromEventId = from ?? (await findLastEvents(dir, lines));
  signal.throwIfAborted();
  const recovery = await RecoveryManager.open({ dir, follow: true, fromEventId });
  const close = () => void recovery.close();
  signal.addEventListener('abort', close);
  try {
    if (format === 'csv') await output.print(CSV_HEADER);
    while (!signal.aborted && (await recovery.waitForNext())) {
      const block = recovery.nextBlock();
      if (block !== undefined) await output.print(eventLines(block, format));
      else if (recovery.report.complete) break;
    }
    signal.throwIfAborted();
    return ExitStatus.Sound;
  } finally {
    signal.removeEventListener('abort', close);
    await recovery.close();
  }
}
