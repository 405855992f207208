import { CommanderError } from 'commander';
import { statusOf } from './damage.js';
import { errorJson } from './error-json.js';
import { ExitStatus } from './exit-status.js';
import { Interrupted } from './interrupts.js';
import { type Output, ReaderGone } from './output.js';

/**
 * Does `work` and tells what goes wrong with it, on stderr and with `json` on stdout too. Resolves with the exit status;
 * never rejects.
 */
export async function guarded(
  work: () => Promise<ExitStatus>,
  json: boolean,
  output: Output,
): Promise<ExitStatus> {
  try {
    return await work();
  } catch (error) {
    output.stopProgress();
    if (error instanceof ReaderGone) return ExitStatus.Sound;
    if (error instanceof Interrupted) return ExitStatus.Interrupted;
    if (error instanceof CommanderError && error.exitCode === 0) return ExitStatus.Sound;
    if (json) await printError(error, output);
    // Commander has said it.
    if (!(error instanceof CommanderError)) output.fail(error);
    return statusOf(error);
  }
}

/** Whoever reads stdout may be gone: stderr and the exit status tell all the same. */
async function printError(error: unknown, output: Output): Promise<void> {
  try {
    await output.printJson(errorJson(error));
  } catch (gone) {
    if (!(gone instanceof ReaderGone)) output.fail(gone);
  }
}
