import type { WalError } from '@fswal/format';

/** Whether an error is that a file is not there. */
export function isMissing(error: WalError): boolean {
  return (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
}
