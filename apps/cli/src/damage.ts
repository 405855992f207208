import { isDamage, WalError, type WalErrorCode } from '@fswal/format';
import { ExitStatus } from './exit-status.js';

const RUN_VERIFY =
  'nothing was changed; `fswal verify DIR` lists all damage, `fswal repair DIR --dry-run` says what can be saved';

/** What to do, where that is not plain from the message. */
const ADVICE: Partial<Record<WalErrorCode, string>> = {
  DIRECTORY_LOCKED: 'a recorder, or another fswal, is at work there: wait for it or close it',
  OPEN_FAILED:
    'see to it that the file may be read; move what is no regular file out of the way, and do not delete it',
  READ_FAILED: 'if the device fails, copy the directory to a sound one first and work on the copy',
  DISK_FULL: 'make room and run it again',
};

/** What an error makes the process exit with: an event that is not there is no failure of the command. */
export function statusOf(error: unknown): ExitStatus {
  if (!(error instanceof WalError)) return ExitStatus.Failed;
  return isDamage(error.code) || error.code === 'ITEM_NOT_FOUND' ? ExitStatus.Damaged : ExitStatus.Failed;
}

export function adviceFor(error: unknown): string | undefined {
  if (!(error instanceof WalError)) return undefined;
  return isDamage(error.code) ? RUN_VERIFY : ADVICE[error.code];
}
