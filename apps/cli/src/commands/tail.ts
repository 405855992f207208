import { RecoveryManager } from '@fswal/recovery';
import { ExitStatus } from '../exit-status.js';
import { CSV_HEADER, type EventFormat, eventLines } from '../log/event-text.js';
import { findLastEvents } from '../log/last-events.js';
import type { CommandResult, Context } from './command.js';
import { printEvents } from './dump.js';

export interface TailOptions {
  readonly from?: bigint;
  /** Begin so many events before the end. */
  readonly lines: number;
  readonly format: EventFormat;
}

/** Prints the last events of a log, and then what a recorder adds, until Ctrl-C. */
export async function tail(dir: string, options: TailOptions, context: Context): CommandResult {
  const { lines, format } = options;
  const from = options.from ?? (await findLastEvents(dir, lines));
  if (format === 'csv') await context.output.print(CSV_HEADER);
  await follow(dir, await printPresent(dir, from, format, context), format, context);
  return ExitStatus.Sound;
}

/**
 * What is there by now, with what a killed recorder has left in its tail ring: nobody follows a ring.
 * @returns where to go on
 */
async function printPresent(
  dir: string,
  from: bigint,
  format: EventFormat,
  context: Context,
): Promise<bigint> {
  const recovery = await RecoveryManager.open({ dir, fromEventId: from });
  try {
    await printEvents(recovery, { format }, context);
    const { lastEventId } = recovery.report;
    return lastEventId === 0n ? from : lastEventId + 1n;
  } finally {
    await recovery.close();
  }
}

async function follow(
  dir: string,
  fromEventId: bigint,
  format: EventFormat,
  { output, signal }: Context,
): Promise<void> {
  const recovery = await RecoveryManager.open({ dir, follow: true, fromEventId });
  const close = () => void recovery.close();
  signal.addEventListener('abort', close);
  try {
    // Before there was a listener, nobody was told.
    signal.throwIfAborted();
    while (await recovery.waitForNext()) {
      const block = recovery.nextBlock();
      if (block !== undefined) await output.print(eventLines(block, format));
      else if (recovery.report.complete) break;
    }
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener('abort', close);
    await recovery.close();
  }
}
