import { WalError } from '@fswal/format';
import { CommanderError } from 'commander';
import { adviceFor } from './damage.js';
import { UsageError } from './usage-error.js';

/** What `--json` prints instead of a result. Plain data. */
export interface ErrorJson {
  readonly error: {
    /** That of the WalError; USAGE; the name of the system's error, such as EACCES; FAILED for any other. */
    readonly code: string;
    readonly message: string;
    readonly file?: string | undefined;
    /** Byte in the file. */
    readonly offset?: number | undefined;
    /** What to do about it. */
    readonly advice?: string | undefined;
  };
}

export function errorJson(error: unknown): ErrorJson {
  const code = codeOf(error);
  if (!(error instanceof WalError)) return { error: { code, message: messageOf(error) } };
  const { reason, file, offset } = error;
  return { error: { code, message: reason, file, offset, advice: adviceFor(error) } };
}

function codeOf(error: unknown): string {
  if (error instanceof CommanderError || error instanceof UsageError) return 'USAGE';
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : 'FAILED';
}

function messageOf(error: unknown): string {
  if (error instanceof CommanderError) return error.message.replace(/^(error|fswal): /, '');
  return error instanceof Error ? error.message : String(error);
}
