import { EVENT_WORDS, idAt, WalError } from '@fswal/format';
import { RecoveryManager } from '@fswal/recovery';
import { ExitStatus } from '../exit-status.js';
import { CSV_HEADER, type EventFormat, type EventWords, eventLines } from '../log/event-text.js';
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
  const printed = await printPresent(dir, from, format, context);
  await follow(dir, { from, printed }, format, context);
  return ExitStatus.Sound;
}

/**
 * What is there by now, with what a killed recorder has left in its tail ring: nobody follows a ring.
 * @returns the last event printed; 0 = none
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
    return recovery.report.lastEventId;
  } finally {
    await recovery.close();
  }
}

/**
 * From the event that was printed last, not from behind it: that it is still there shows that nothing was left out.
 * @throws WalError SEGMENT_NOT_FOUND where retention was faster
 */
async function follow(
  dir: string,
  { from, printed }: { from: bigint; printed: bigint },
  format: EventFormat,
  { output }: Context,
): Promise<void> {
  const fromEventId = printed === 0n ? from : printed;
  const recovery = await RecoveryManager.open({ dir, follow: true, fromEventId });
  let isConnected = printed === 0n;
  try {
    while (await recovery.waitForNext()) {
      const block = recovery.nextBlock();
      if (block !== undefined) {
        await output.print(eventLines(isConnected ? block : behindPrinted(block, printed, dir), format));
        isConnected = true;
      } else if (recovery.report.complete) break;
    }
  } finally {
    await recovery.close();
  }
}

/** What of the follower's first events is not printed yet. Between an id and the next number there can be no event. */
function behindPrinted({ words, base, count }: EventWords, printed: bigint, dir: string): EventWords {
  const first = idAt(words, base);
  if (first === printed) return { words, base: base + EVENT_WORDS, count: count - 1 };
  if (first === printed + 1n) return { words, base, count };
  const message = `events after ${printed} were removed by retention before they were read; the oldest event kept is ${first}: run it again with --from ${first}`;
  throw new WalError('SEGMENT_NOT_FOUND', message, { file: dir, eventId: first });
}
